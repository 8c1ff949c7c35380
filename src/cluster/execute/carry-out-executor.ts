// Watches a plan that its rule carries out: tells how far it is, and ends when every move is over or it is called off.
import { carriedPlan, isOver, standingOf, summaryOf } from '../carry-out.js';
import { JournalLost } from '../../shared/workflow.js';
import { event } from '../cluster-event.js';
import type { Executor } from '../run-operation.js';
import type { ExecutePorts } from './execute-ports.js';

/** Between two looks; the rule is woken by every change, this only tells. */
const LOOK_MS = 500;

export function carryOutExecutor(ports: ExecutePorts): Executor {
  return async (operation, _view, journal) => {
    let told = '';
    for (;;) {
      const now = (await ports.store.readView()).operations.find((one) => one.id === operation.id);
      // Another worker has taken it over, and it has ended since.
      if (!now) throw new JournalLost(`${operation.id} has ended elsewhere`);
      const plan = carriedPlan(now);
      const over = plan.moves.filter((move) => isOver(plan, move)).length;
      const isUnderWay = plan.moves.some((move) => standingOf(plan, move)?.as === 'begun');
      const summary = summaryOf(plan);
      if (over === plan.moves.length) return ended('succeeded', summary, operation.id);
      // What is under way ends as it would; nothing more begins.
      if (!isUnderWay && (await journal.cancelRequested())) return ended('cancelled', `called off; ${summary}; ${plan.moves.length - over} not begun`, operation.id);
      const line = `${over} of ${plan.moves.length} moves are over: ${summary}`;
      if (line !== told) await journal.progress({ line, percent: Math.round((over / plan.moves.length) * 100), numbers: { over, left: plan.moves.length - over } });
      told = line;
      await ports.clock.sleep(LOOK_MS);
    }
  };
}

function ended(state: 'succeeded' | 'cancelled', why: string, id: Parameters<Executor>[0]['id']): Awaited<ReturnType<Executor>> {
  return { state, code: state === 'succeeded' ? null : state, why, changes: [{ change: 'event', event: event('cluster.plan-ended', `the plan is over: ${why}`, { severity: 'notice', operationId: id }) }] };
}
