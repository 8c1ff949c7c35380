// Who watches a plan: ends when all its moves are over, or when it is called off and nothing of it is under way any more.
import { describe, expect, it } from 'vitest';
import { anOperation, aView, aWorkload } from '../../../test/fixtures/cluster.js';
import type { CarriedPlan, Settled } from '../carry-out.js';
import type { ExecutePorts } from './execute-ports.js';
import { carryOutExecutor } from './carry-out-executor.js';

const moves: CarriedPlan['moves'] = ['a', 'b', 'c'].map((name) => ({ workloadId: aWorkload(name, null).id, workload: name, from: 'h1' as never, to: 'h2' as never, round: 1 }));

/** Each look shows the next of these; the last one stays. `calledOffAt`: from this look on. */
async function watched(looks: readonly Readonly<Record<string, Settled>>[], calledOffAt = Infinity): Promise<{ readonly end: string; readonly lines: readonly string[]; readonly looks: number }> {
  let look = -1;
  const lines: string[] = [];
  const row = anOperation('carry-out', { params: { cause: 'balance', moves } });
  const ports = {
    store: { readView: async () => aView({ operations: [{ ...row, memo: { settled: looks[Math.min((look += 1), looks.length - 1)] } }] }) },
    clock: { sleep: async () => undefined },
  } as unknown as ExecutePorts;
  const journal = { cancelRequested: async () => look >= calledOffAt, progress: async ({ line }: { line: string }) => void lines.push(line) };
  const { state, why, changes } = await carryOutExecutor(ports)(row, aView(), journal as never);
  expect(changes.map((change) => (change.change === 'event' ? change.event.type : change.change))).toEqual(['cluster.plan-ended']);
  return { end: `${state}: ${why ?? ''}`, lines, looks: look + 1 };
}

const moved: Settled = { as: 'moved', why: null };
const begun: Settled = { as: 'begun', why: null };

describe('carryOutExecutor', () => {
  it('tells how far it is, and sums up how each move ended', async () => {
    const { end, lines } = await watched([{ 'id-a 1': begun }, { 'id-a 1': moved, 'id-b 1': begun }, { 'id-a 1': moved, 'id-b 1': begun }, { 'id-a 1': moved, 'id-b 1': { as: 'failed', why: 'no answer' }, 'id-c 1': { as: 'skipped', why: 'it is on host-3 now' } }]);
    expect(lines).toEqual(['0 of 3 moves are over: nothing was moved', '1 of 3 moves are over: 1 moved']);
    expect(end).toBe('succeeded: 1 moved, 1 failed, 1 skipped: b (no answer); c (it is on host-3 now)');
  });

  it('called off, it ends when what is under way has ended', async () => {
    const { end, looks } = await watched([{ 'id-a 1': begun }, { 'id-a 1': begun }, { 'id-a 1': moved }], 0);
    expect(end).toBe('cancelled: called off; 1 moved; 2 not begun');
    expect(looks).toBe(3);
  });
});
