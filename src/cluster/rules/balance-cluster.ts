// Automatic balance: what the watch over evenness has planned is begun, or told to people, as the policy says.
import { carryOut } from '../carry-out.js';
import { event } from '../cluster-event.js';
import { hold } from '../decision.js';
import type { Rule } from '../decide.js';
import type { BalanceAdvice } from '../balance-watch.js';
import type { RebalancePolicy } from '../cluster-policy.js';

export const BALANCE_RULE = 'balanceCluster';

export const balanceCluster: Rule = ({ view, policy: { rebalance }, balance }) => {
  if (!rebalance || !balance || view.operations.some(({ kind }) => kind === 'carry-out')) return { actions: [], holds: [] };
  const { plan, isTold } = balance;
  const why = describe(balance, rebalance);
  const data = { cause: 'balance', moves: plan.moves.length, rounds: plan.rounds, before: rounded(balance.before), after: rounded(balance.after) };
  if (rebalance.act === 'automatic') {
    const told = event('cluster.plan-begun', `the cluster is balanced: ${why}`, { severity: 'notice', data });
    return { actions: [{ rule: BALANCE_RULE, about: 'balance', why, changes: [{ change: 'operation', operation: carryOut(plan, 'balance', `rule:${BALANCE_RULE}`, why) }, { change: 'event', event: told }] }], holds: [] };
  }
  const advice = hold('balance-advised', '', `${why}; \`reeve plan balance\` shows them, \`reeve plan balance --apply\` makes them`);
  const told = event('cluster.balance-advised', `balance is advised: ${advice.why}`, { severity: 'notice', data });
  return { actions: isTold ? [] : [{ rule: BALANCE_RULE, about: 'balance', why, changes: [{ change: 'event', event: told }] }], holds: [advice] };
};

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;

function describe({ plan, before, after }: BalanceAdvice, { threshold, method }: RebalancePolicy): string {
  const count = plan.moves.length;
  return `the imbalance (${method}) is ${rounded(before)}, above ${threshold}: ${count} move${count === 1 ? '' : 's'} would bring it to ${rounded(after)}`;
}
