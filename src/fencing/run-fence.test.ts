// Fencing: only a status that says off proves anything; called off in time; the next device follows.
import { describe, expect, it } from 'vitest';
import type { Clock } from '../shared/clock.js';
import { OperationalError } from '../shared/errors.js';
import type { Journal } from '../shared/workflow.js';
import { crashingJournal, everythingTwice, failedAtEachStep, fakeClock, killedEverywhere } from '../shared/workflow.fixture.js';
import { SimulatedFenceDevice } from '../sim/simulated-fence-device.js';
import { SimulatedWorld } from '../sim/simulated-world.js';
import { fenceBackoffMs } from './fence-backoff.js';
import type { FenceDevice, PowerState } from './fence-device.js';
import type { LeaseEnd, LeaseEndState } from './lease-end.js';
import { FENCE_STEPS, runFence, UNANSWERED_VERIFY_MS, VERIFY_MS, type FenceContext } from './run-fence.js';

function virtualClock(): Clock {
  let now = 0;
  return { nowMs: () => now, monotonicMs: () => now, sleep: async (ms) => void (now += ms) };
}

function journal(cancelled = false): Journal {
  const nothing = async (): Promise<void> => undefined;
  return { doneSteps: [], memo: {}, stepStarted: nothing, stepDone: nothing, stepFailed: nothing, stepUndone: nothing, progress: nothing, cancelRequested: async () => cancelled };
}

interface Fake extends FenceDevice { readonly calls: string[] }

function device(name: string, behaviour: { off?: 'works' | 'fails' | 'lies' | 'slow'; status?: PowerState | 'fails' } = {}): Fake {
  let state: PowerState = 'on';
  let looks = 0;
  const calls: string[] = [];
  return {
    describe: name,
    automatic: true,
    calls,
    off: async () => {
      calls.push('off');
      if (behaviour.off === 'fails') throw new OperationalError('unreachable', 'no answer');
      if (behaviour.off !== 'lies' && behaviour.off !== 'slow') state = 'off';
    },
    on: async () => void (state = 'on'),
    status: async () => {
      calls.push('status');
      if (behaviour.status === 'fails') throw new OperationalError('unreachable', 'no answer');
      if (behaviour.off === 'slow' && (looks += 1) > 5) state = 'off';
      return behaviour.status ?? state;
    },
  };
}

const context = (devices: readonly FenceDevice[], stillWanted: () => Promise<string | null> = async () => null): FenceContext => ({ host: 'host-3', devices, lease: null, clock: virtualClock(), stillWanted });

describe('runFence', () => {
  it('succeeds when the status says off, with that as evidence', async () => {
    const outcome = await runFence(context([device('ipmi a')]), journal());
    expect(outcome).toMatchObject({ kind: 'succeeded', memo: { evidence: expect.stringContaining('ipmi a: told off, status off') } });
  });

  it('waits for a machine that takes its time', async () => {
    expect((await runFence(context([device('ipmi a', { off: 'slow' })]), journal())).kind).toBe('succeeded');
  });

  it('does not believe a device that answers ok while its status says on', async () => {
    const outcome = await runFence(context([device('ipmi a', { off: 'lies' })]), journal());
    expect(outcome).toMatchObject({ kind: 'failed', code: 'fence-failed', why: expect.stringContaining('status still says on') });
  });

  it('does not take an unreadable status for off', async () => {
    expect(await runFence(context([device('ipmi a', { status: 'fails' })]), journal())).toMatchObject({ kind: 'failed' });
  });

  it('goes on to the next device, and names every failure when none works', async () => {
    const second = device('pdu b');
    expect((await runFence(context([device('ipmi a', { off: 'fails' }), second]), journal())).kind).toBe('succeeded');
    expect(second.calls).toContain('off');
    const none = await runFence(context([device('ipmi a', { off: 'fails', status: 'on' }), device('pdu b', { off: 'lies' })]), journal());
    expect(none).toMatchObject({ kind: 'failed', why: expect.stringMatching(/ipmi a: .*; pdu b: /) });
  });

  it('asks right before it cuts the power whether that is still wanted', async () => {
    const untouched = device('ipmi a');
    expect(await runFence(context([untouched], async () => 'it is heard again'), journal())).toMatchObject({ kind: 'cancelled', why: 'it is heard again' });
    expect(await runFence(context([untouched]), journal(true))).toMatchObject({ kind: 'cancelled' });
    expect(untouched.calls).toEqual([]);
  });

  it('never tries a person', async () => {
    const outcome = await runFence(context([{ ...device('manual'), automatic: false }]), journal());
    expect(outcome).toMatchObject({ kind: 'failed', code: 'no-fence-device', why: expect.stringContaining('confirm-off host-3') });
  });

  it('gives up on a device after a bound', async () => {
    const one = context([device('ipmi a', { off: 'lies' })]);
    await runFence(one, journal());
    expect(one.clock.monotonicMs()).toBeLessThanOrEqual(VERIFY_MS);
  });
});

function simulated(count = 1): { world: SimulatedWorld; devices: SimulatedFenceDevice[]; context: FenceContext } {
  const clock = fakeClock();
  const world = new SimulatedWorld(clock);
  world.addHost({ name: 'host-3', address: '10.0.0.3' });
  const devices = Array.from({ length: count }, () => new SimulatedFenceDevice(world, 'host-3'));
  return { world, devices, context: { host: 'host-3', devices, lease: null, clock, stillWanted: async () => null } };
}

describe('a fence that is interrupted', () => {
  it('asks first when it is resumed, and does not cut again what is off', async () => {
    const { context, devices, world } = simulated();
    const { journal } = crashingJournal(4); // check started and done, cut-power started, then its first progress is lost
    await expect(runFence(context, journal())).rejects.toThrow('killed');
    world.powerOff('host-3');
    expect(await runFence(context, journal())).toMatchObject({ kind: 'succeeded', memo: { evidence: expect.stringContaining('status off when it was asked again') } });
    expect(devices[0]?.tolds).toBe(0);
  });

  it('cuts when it is resumed and the machine is on', async () => {
    const { context, devices, world } = simulated();
    const { journal } = crashingJournal(4);
    await expect(runFence(context, journal())).rejects.toThrow('killed');
    expect(await runFence(context, journal())).toMatchObject({ kind: 'succeeded' });
    expect({ tolds: devices[0]?.tolds, powered: world.host('host-3').powered }).toEqual({ tolds: 1, powered: false });
  });
});

describe('a command whose answer is lost', () => {
  const lossy = (effect: 'arrived' | 'lost', times: number): Fake => {
    const one = device('ipmi a');
    let left = times;
    const off = async (): Promise<void> => {
      one.calls.push('off');
      left -= 1;
      if (left < 0 || effect === 'arrived') await one.off();
      if (left >= 0) throw new OperationalError('timeout', 'no answer within 5000 ms');
    };
    return { ...one, off };
  };
  const offs = (one: Fake): number => one.calls.filter((call) => call === 'off').length;

  it('is proven by the status when it took effect', async () => {
    expect(await runFence(context([lossy('arrived', 1)]), journal())).toMatchObject({ kind: 'succeeded', memo: { evidence: expect.stringContaining('its answer: no answer within') } });
  });

  it('is given once more when the status says on, after it was asked for a while', async () => {
    const one = lossy('lost', 1);
    const all = context([one]);
    expect(await runFence(all, journal())).toMatchObject({ kind: 'succeeded' });
    expect(all.clock.monotonicMs()).toBeGreaterThan(UNANSWERED_VERIFY_MS / 2);
  });

  it('is not given for ever', async () => {
    const one = lossy('lost', 100);
    expect(await runFence(context([one]), journal())).toMatchObject({ kind: 'failed', why: expect.stringContaining('status still says on') });
    expect(offs(one)).toBe(2);
  });

  it('is not given again once the fence is no longer wanted', async () => {
    const one = lossy('lost', 100);
    let asked = 0;
    const outcome = await runFence(context([one], async () => ((asked += 1) > 2 ? 'it is heard again' : null)), journal());
    expect(outcome).toMatchObject({ kind: 'cancelled', why: 'it is heard again' });
    expect(offs(one)).toBe(1);
  });
});

describe('fenceBackoffMs', () => {
  it('doubles up to its bound, for ever', () => {
    expect([1, 2, 3, 4, 100].map((attempts) => fenceBackoffMs(attempts, 5_000, 30_000))).toEqual([5_000, 10_000, 20_000, 30_000, 30_000]);
  });
});

/** Over after so many looks. */
function leaseEnd(looks: number, state: LeaseEndState = { kind: 'running-out', why: 'in 3.0 s' }): LeaseEnd & { withdrawn: number } {
  let looked = 0;
  const end = {
    withdrawn: 0,
    look: async (): Promise<LeaseEndState> => ((looked += 1) > looks ? { kind: 'over', evidence: '3 of 4 voters promised' } : state),
    withdraw: () => void (end.withdrawn += 1),
  };
  return end;
}

describe('the end of the lease, sought beside the devices', () => {
  it('is the proof where there is no device', async () => {
    const lease = leaseEnd(3);
    const outcome = await runFence({ ...context([]), lease }, journal());
    expect(outcome).toMatchObject({ kind: 'succeeded', memo: { proof: 'lease-expired', evidence: '3 of 4 voters promised' } });
    expect(lease.withdrawn).toBe(1);
  });

  it('loses to a device that works', async () => {
    expect(await runFence({ ...context([device('ipmi a')]), lease: leaseEnd(1_000) }, journal())).toMatchObject({ kind: 'succeeded', memo: { proof: 'power-off' } });
  });

  it('wins over a device that lies, while that is still being asked; the next device is not told any more', async () => {
    const [liar, next] = [device('ipmi a', { off: 'lies' }), device('ipmi b')];
    expect(await runFence({ ...context([liar, next]), lease: leaseEnd(3) }, journal())).toMatchObject({ kind: 'succeeded', memo: { proof: 'lease-expired' } });
    expect(next.calls).toEqual([]);
  });

  it('proves nothing where the host enforces none: each side says why it failed', async () => {
    const outcome = await runFence({ ...context([device('ipmi a', { off: 'fails', status: 'fails' })]), lease: leaseEnd(1_000, { kind: 'none', why: 'its agent was stopped in order' }) }, journal());
    expect(outcome).toMatchObject({ kind: 'failed', code: 'fence-failed', why: expect.stringContaining('lease: its agent was stopped in order') });
    expect(outcome).toMatchObject({ why: expect.stringContaining('ipmi a: no answer') });
  });

  it('is not waited for without end while promises are missing', async () => {
    const outcome = await runFence({ ...context([]), lease: leaseEnd(1_000_000, { kind: 'asking', why: '1 of 3 voters promised' }) }, journal());
    expect(outcome).toMatchObject({ kind: 'failed', why: 'lease: 1 of 3 voters promised' });
  });

  it('is called off when the host is heard again, and nobody is asked any more', async () => {
    const lease = leaseEnd(1_000);
    let asked = 0;
    const outcome = await runFence({ ...context([], async () => ((asked += 1) > 4 ? 'heard again' : null)), lease }, journal());
    expect(outcome).toMatchObject({ kind: 'cancelled', why: 'heard again' });
    expect(lease.withdrawn).toBe(1);
  });
});

describe('steps: fence', () => {
  interface Rig { readonly world: { readonly powered: () => boolean; readonly tolds: () => number; readonly withdrawn: () => number }; readonly context: FenceContext }
  const byDevice = (): Rig => {
    const { world, devices, context: given } = simulated();
    return { world: { powered: () => world.host('host-3').powered, tolds: () => devices[0]?.tolds ?? 0, withdrawn: () => 0 }, context: given };
  };
  const byLease = (): Rig => {
    const lease = leaseEnd(3);
    return { world: { powered: () => true, tolds: () => 0, withdrawn: () => lease.withdrawn }, context: { ...context([]), lease } };
  };

  it('each step may run twice', async () => {
    const cut = await everythingTwice(byDevice(), FENCE_STEPS);
    expect([cut.outcome, cut.world.powered(), cut.world.tolds()]).toMatchObject([{ kind: 'succeeded', memo: { proof: 'power-off' } }, false, 2]);
    const over = await everythingTwice(byLease(), FENCE_STEPS);
    expect([over.outcome, over.world.withdrawn()]).toMatchObject([{ kind: 'succeeded', memo: { proof: 'lease-expired' } }, 2]);
  });

  it('failed at each step: no proof is claimed, nothing is cut before its step, and nothing is switched on again', async () => {
    await failedAtEachStep(byDevice, FENCE_STEPS, ({ outcome, world, failedAt, when }) => {
      const isCut = failedAt === 'prove-off' && when === 'after';
      expect([failedAt, when, outcome.kind, outcome.memo['proof'], world.powered(), world.tolds()]).toEqual([failedAt, when, 'failed', undefined, !isCut, isCut ? 1 : 0]);
    });
    await failedAtEachStep(byLease, FENCE_STEPS, ({ outcome, world, failedAt, when }) => {
      expect([outcome.kind, outcome.memo['proof'], world.withdrawn()]).toEqual(['failed', undefined, failedAt === 'prove-off' && when === 'after' ? 1 : 0]);
    });
  });

  it('crashed at each write and resumed: it is off by its status, or by the end of its lease', async () => {
    const kills = await killedEverywhere(byDevice, FENCE_STEPS, ({ outcome, world }) => {
      expect(outcome).toMatchObject({ kind: 'succeeded', memo: { proof: 'power-off', evidence: expect.stringContaining('status off') } });
      expect(world.powered()).toBe(false);
    });
    // Began, told, proven: each is written down.
    expect(kills).toBeGreaterThan(4);
    await killedEverywhere(byLease, FENCE_STEPS, ({ outcome, world }) => {
      expect(outcome).toMatchObject({ kind: 'succeeded', memo: { proof: 'lease-expired' } });
      expect(world.withdrawn()).toBeGreaterThan(0);
    });
  });
});
