// What an orderly shutdown waits for, for how long, and what is said about it.
import { describe, expect, it } from 'vitest';
import type { AgentStatus } from './agent.js';
import type { SystemWay } from './agent-ports.js';
import { leaveHost, stillHere } from './leave-host.js';

type Sight = Pick<AgentStatus, 'running' | 'lease'>;

const lease = (enforced: boolean, under: readonly string[]): AgentStatus['lease'] => ({ enforced, phase: 'held', leftMs: 1, under, voters: 3 });
const here = (...uuids: readonly string[]): Sight => ({ running: uuids, lease: lease(true, uuids) });

interface Told {
  readonly lines: readonly string[];
  readonly calls: readonly string[];
  readonly tookS: number;
}

/** `at` says by the second what there is to see. */
async function leave(withinS: number, at: { readonly sight: (second: number) => Sight | null; readonly way?: (second: number) => SystemWay }): Promise<Told> {
  let nowMs = 0;
  const [lines, calls]: [string[], string[]] = [[], []];
  const second = (): number => Math.floor(nowMs / 1_000);
  await leaveHost(withinS * 1_000, {
    clock: { monotonicMs: () => nowMs, sleep: async (ms) => void (nowMs += ms) },
    systemWay: async () => at.way?.(second()) ?? 'shutdown',
    announce: (purpose) => void calls.push(`announce ${purpose} at ${second()}`),
    withdraw: () => void calls.push(`withdraw at ${second()}`),
    askAgent: async () => at.sight(second()) as AgentStatus | null,
    say: (line) => void lines.push(line),
  });
  return { lines, calls, tookS: second() };
}

describe('a host that goes down', () => {
  it('says so, and waits until nothing protected runs there any more', async () => {
    const told = await leave(600, { sight: (second) => here(...['a', 'b'].slice(second < 5 ? 0 : second < 20 ? 1 : 2)), way: () => 'reboot' });
    expect(told.calls).toEqual(['announce reboot at 0']);
    expect(told.lines).toEqual([
      'this host goes down (reboot): 2 protected workloads are to be moved away first, for 600 s at most',
      'this host goes down (reboot): 1 protected workload is to be moved away first, for 595 s at most',
      'no protected workload runs here any more',
    ]);
    expect(told.tookS).toBe(20);
  });

  it('waits no longer than it may, and shows meanwhile that it waits', async () => {
    const { lines, tookS } = await leave(40, { sight: () => here('a') });
    expect(tookS).toBe(40);
    expect(lines.map((line) => /for (\d+) s/.exec(line)?.[1] ?? line)).toEqual(['40', '25', '10', '40 s are over: what still runs here stops with this host']);
  });

  it('waits for nothing when nothing is there, and says nothing to anybody else', async () => {
    expect(await leave(600, { sight: () => here() })).toMatchObject({ calls: [], tookS: 0 });
  });

  it('waits for nothing without a bound, nor when only its unit stops, nor where nobody knows', async () => {
    const nothing = { lines: [], calls: [], tookS: 0 };
    expect(await leave(0, { sight: () => here('a') })).toEqual(nothing);
    expect(await leave(600, { sight: () => here('a'), way: () => 'stays' })).toEqual(nothing);
    expect(await leave(600, { sight: () => here('a'), way: () => 'unknown' })).toEqual(nothing);
  });

  it('stays after all: that is taken back', async () => {
    const told = await leave(600, { sight: () => here('a'), way: (second) => (second < 7 ? 'shutdown' : 'stays') });
    expect(told.calls).toEqual(['announce shutdown at 0', 'withdraw at 7']);
    expect(told.lines.at(-1)).toBe('the host stays after all');
  });

  it('goes on waiting while nobody knows whether it stays', async () => {
    expect(await leave(30, { sight: () => here('a'), way: (second) => (second === 0 ? 'shutdown' : 'unknown') })).toMatchObject({ calls: ['announce shutdown at 0'], tookS: 30 });
  });

  it('waits for an agent that is restarted, not for one that is gone', async () => {
    expect((await leave(600, { sight: (second) => (second < 10 ? null : second < 30 ? here('a') : here()) })).tookS).toBe(30);
    const gone = await leave(600, { sight: (second) => (second < 5 ? here('a') : null) });
    expect([gone.tookS, gone.lines.at(-1)]).toEqual([19, 'the agent does not answer: nobody can be told, so nothing is waited for']);
  });
});

describe('what is waited for', () => {
  it('is what runs under the lease; where none is enforced, all that runs', () => {
    expect(stillHere({ running: ['a', 'b'], lease: lease(true, ['b', 'about to appear']) })).toEqual(['b']);
    expect(stillHere({ running: ['a', 'b'], lease: lease(false, []) })).toEqual(['a', 'b']);
  });
});
