// What fences and drains look at before they act, and before they say that they are done.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, anOperation, aView, aWorkload, NOW_MS } from '../../../test/fixtures/cluster.js';
import { OperationalError } from '../../shared/errors.js';
import type { Clock } from '../../shared/clock.js';
import { crashingJournal } from '../../shared/workflow.fixture.js';
import type { Host } from '../../hosts/host.js';
import type { Workload } from '../../workloads/workload.js';
import type { ExecutePorts } from './execute-ports.js';
import { drainExecutor, fenceExecutor } from './host-executors.js';

const host = aHost('host-3', { condition: 'fencing' });
const clock: Clock = { nowMs: () => NOW_MS, monotonicMs: () => 0, sleep: async () => undefined };

interface Given {
  readonly host?: Host;
  readonly workloads?: readonly Workload[];
  readonly running?: readonly string[];
}

function setUp(answersWith: string | null, { host: fenced = host, workloads = [], running = [] }: Given = {}) {
  const done: string[] = [];
  let power: 'on' | 'off' = 'on';
  const device = {
    describe: 'ipmi a', automatic: true,
    off: async () => void (done.push('off'), (power = 'off')),
    on: async () => undefined,
    status: async () => power,
  };
  const probe = async (): Promise<unknown> => {
    done.push('probe');
    if (answersWith === null) throw new OperationalError('timeout', 'no answer');
    return { bootId: answersWith, runningUuids: running };
  };
  const world = { fenceDevicesOf: () => [device], agentOf: () => ({ probe }) };
  const excluding = { exclude: () => (done.push('voters'), { kind: 'asking', why: '1 of 3 promised' }), withdrawExclusion: () => undefined };
  const view = aView({ hosts: [fenced], workloads });
  const run = fenceExecutor({ store: { readView: async () => view }, clock, world, excluding } as unknown as ExecutePorts);
  const fence = (set: Parameters<typeof anOperation>[1], doneSteps: readonly string[] = []) => run(anOperation('fence', { hostId: host.id, ...set }), view, { ...crashingJournal().journal(), doneSteps });
  return { fence, done };
}

const LATE = { createdAtMs: NOW_MS - 60_000 };

describe('a fence', () => {
  it('that is fresh cuts at once: the host was just found silent', async () => {
    const { fence, done } = setUp('boot-host-3');
    expect((await fence({ createdAtMs: NOW_MS - 100 })).state).toBe('succeeded');
    expect(done).toEqual(['off']);
  });

  it('that comes late spares a host that answers again with the same boot', async () => {
    const { fence, done } = setUp('boot-host-3');
    const ending = await fence(LATE);
    expect(ending).toMatchObject({ state: 'cancelled', why: expect.stringContaining('answers SSH again') });
    expect(ending.changes).toContainEqual(expect.objectContaining({ change: 'host', set: expect.objectContaining({ condition: 'silent' }) }));
    expect(done).toEqual(['probe']);
  });

  it('that comes late cuts a host that does not answer', async () => {
    const { fence, done } = setUp(null);
    expect((await fence(LATE)).state).toBe('succeeded');
    expect([done[0], done.at(-1)]).toEqual(['probe', 'off']);
  });

  it('that an operator asked for is not called off by an answer', async () => {
    const { fence, done } = setUp('boot-host-3');
    expect((await fence({ ...LATE, requestedBy: 'anna' })).state).toBe('succeeded');
    expect(done).toEqual(['off']);
  });
});

describe('a fence that is resumed', () => {
  it('is called off by another boot, also when an operator asked for it: whoever resumes it may live on that host', async () => {
    for (const requestedBy of ['rule:fenceSilentHosts', 'anna']) {
      const { fence, done } = setUp('boot-after');
      expect(await fence({ ...LATE, requestedBy, attempts: 2 })).toMatchObject({ state: 'cancelled', why: 'host-3 has booted since: what ran there is gone' });
      expect(done).toEqual(['probe']);
    }
  });

  it('goes on when the host does not answer, or still with the same boot when an operator asked for it', async () => {
    for (const answers of [null, 'boot-host-3']) {
      const { fence, done } = setUp(answers);
      expect((await fence({ ...LATE, requestedBy: 'anna', attempts: 2 })).state).toBe('succeeded');
      expect(done).toEqual(['probe', 'off']);
    }
  });
});

describe('a late fence of a host that enforces its lease', () => {
  const leased = { ...host, excludedEpoch: 1, fenceDevices: [...host.fenceDevices, { kind: 'watchdog' as const, options: {} }], facts: aFacts({ watchdogDevice: true }) };
  const vm = aWorkload('vm', leased, { leasedOn: leased.id });

  it('spares it while something under its lease runs: nobody was asked to let it end yet', async () => {
    const { fence, done } = setUp('boot-host-3', { host: leased, workloads: [vm], running: [vm.uuid] });
    expect(await fence(LATE)).toMatchObject({ state: 'cancelled', why: expect.stringContaining('answers SSH again') });
    expect(done).toEqual(['probe']);
  });

  it('goes on when nothing under its lease runs any more', async () => {
    const { fence, done } = setUp('boot-host-3', { host: leased, workloads: [vm], running: ['another'] });
    expect((await fence(LATE)).state).toBe('succeeded');
    expect(done).toEqual(expect.arrayContaining(['probe', 'voters', 'off']));
  });

  it('is not called off by an answer once voters may have been asked', async () => {
    const { fence, done } = setUp('boot-host-3', { host: leased, workloads: [vm], running: [vm.uuid] });
    expect((await fence(LATE, ['check'])).state).toBe('succeeded');
    expect(done).not.toContain('probe');
  });
});

describe('a drain', () => {
  const here = aHost('host-1', { intent: 'maintenance', cordoned: true });
  const running = (...names: readonly string[]) => [{
    hostId: here.id, atMs: NOW_MS, bootId: here.bootId ?? '',
    workloads: names.map((name) => ({ uuid: `uuid-${name}`, name, kind: 'vm' as const, driver: 'libvirt' as const, runState: 'running' as const, reason: 'booted', vcpus: 1, memoryMiB: 1024, persistent: true, autostart: false })),
  }];

  async function looks(...views: readonly ReturnType<typeof aView>[]) {
    const lines: string[] = [];
    const left = [...views];
    const store = { readView: async () => left.shift() ?? aView({ hosts: [{ ...here, intent: 'active' }] }) };
    const { journal } = crashingJournal();
    const told = { ...journal(), progress: async ({ line }: { line: string }) => void lines.push(line), cancelRequested: async () => false };
    const ending = await drainExecutor({ store, clock } as unknown as ExecutePorts)(anOperation('drain', { hostId: here.id }), aView(), told);
    return { ending, lines };
  }

  it('is not done while a workload in error has a process there; done when it has none', async () => {
    const workloads = [aWorkload('vm-1', here, { state: 'error' })];
    const { ending, lines } = await looks(aView({ hosts: [here], workloads, inventories: running('vm-1') }), aView({ hosts: [here], workloads, inventories: running() }));
    expect(lines).toEqual(['0 moved, 1 left: vm-1']);
    expect(ending.state).toBe('succeeded');
  });

  it('names what runs there and is nobody\'s of ours', async () => {
    const { ending } = await looks(aView({ hosts: [here], inventories: running('by-hand') }));
    expect(ending).toMatchObject({ state: 'succeeded', why: expect.stringContaining('by-hand') });
  });
});
