// Hosts without any fence device: their lease and their watchdog prove them harmless, and nothing runs twice.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTicker } from '../../lab/story.js';
import { describe as describeRig, eventsAfter, hostsOf, isInService, lastSeq, WATCHDOG, workloadNamed, type RigEvent } from '../../lab/rig.js';
import { waitUntil } from '../../lab/wait-until.js';
import { type E2eRig, endHealthy, startE2eRig } from './e2e-rig.js';

let rig: E2eRig;
beforeAll(async () => {
  rig = await startE2eRig('rg0', 3, { fences: () => [WATCHDOG] });
});
afterAll(async () => {
  await rig?.close();
});
afterEach(() => endHealthy(rig));

const host = (name: string): ReturnType<E2eRig['lab']['host']> => rig.lab.host(name);
const bootOf = (name: string): Promise<string> => rig.lab.bootIdOf(host(name));
const leaseOf = async (name: string): Promise<{ phase: string; under: readonly string[] }> =>
  (JSON.parse((await rig.lab.exec(host(name), ['node', '/usr/lib/reeve/agent.cjs', 'status', '--json'])).stdout) as { lease: { phase: string; under: readonly string[] } }).lease;

/** A protected guest that ticks, and runs under the lease of its host. */
async function leased(name: string, index: number, on: string): Promise<string> {
  await createTicker(rig, name, index, { host: on });
  const tick = await rig.ticks.waitForTick(name, 0);
  await waitUntil(`${on} to hold its lease for it`, async () => (await leaseOf(on)).phase === 'held', { describe: () => describeRig(rig) });
  return tick.boot;
}

async function recoveredByLease(name: string, from: string, seq: number): Promise<RigEvent> {
  await waitUntil(`${name} elsewhere`, async () => {
    const one = await workloadNamed(rig, name);
    return one.state === 'running' && one.host !== from;
  }, { timeoutMs: 60_000, describe: () => describeRig(rig) });
  const fenced = (await eventsAfter(rig, seq)).find((event) => event.type === 'host.fenced' && event.host === from);
  expect(fenced?.data).toMatchObject({ proof: 'lease-expired' });
  await rig.ticks.waitForTick(name, Date.now());
  return fenced as RigEvent;
}

describe('without any fence device', () => {
  it('power cut: its lease is over by promise, lease and watchdog; recovered once', async () => {
    const boot = await leased('vm-1', 1, 'host-2');
    const seq = await lastSeq(rig);
    await rig.lab.powerCut(host('host-2'));
    const fenced = await recoveredByLease('vm-1', 'host-2', seq);
    expect(fenced.message).toMatch(/promised to acknowledge epoch \d+ no more, no majority is left to it/);
    expect(rig.ticks.boots('vm-1').filter((one) => one !== boot)).toHaveLength(1);
  });

  it('isolation with guests running: they are ended there before anything starts elsewhere; it comes back at a new epoch, never reset', async () => {
    const first = await leased('vm-1', 1, 'host-3');
    const boot = await bootOf('host-3');
    const seq = await lastSeq(rig);
    await rig.lab.isolate(host('host-3'));
    await waitUntil('the guest to be ended by its own host', async () => (await rig.lab.runningOn(host('host-3'))).length === 0, { describe: () => describeRig(rig) });
    expect((await eventsAfter(rig, seq)).some((event) => event.type === 'host.fenced')).toBe(false);
    await recoveredByLease('vm-1', 'host-3', seq);
    expect(await bootOf('host-3')).toBe(boot);
    await rig.lab.reconnect(host('host-3'));
    await waitUntil('host-3 admitted again', async () => (await hostsOf(rig)).some((one) => one.name === 'host-3' && isInService(one)), { timeoutMs: 60_000, describe: () => describeRig(rig) });
    expect(await bootOf('host-3')).toBe(boot);
    expect(rig.ticks.boots('vm-1').indexOf(first)).toBe(0);
  });

  it('a frozen host that thaws too late is reset by its watchdog; its workload was taken over', async () => {
    await leased('vm-1', 1, 'host-2');
    const boot = await bootOf('host-2');
    const seq = await lastSeq(rig);
    await rig.lab.hang(host('host-2'));
    await waitUntil('vm-1 elsewhere', async () => {
      const one = await workloadNamed(rig, 'vm-1');
      return one.state === 'running' && one.host !== 'host-2';
    }, { timeoutMs: 60_000, describe: () => describeRig(rig) });
    // The reset may be quicker than the lease: a new boot is as good a proof.
    const proofs = (await eventsAfter(rig, seq)).filter((event) => event.type === 'host.fenced').map((event) => event.data['proof']);
    expect(proofs).toHaveLength(1);
    expect(['lease-expired', 'new-boot']).toContain(proofs[0]);
    await waitUntil('host-2 admitted with another boot', async () => (await hostsOf(rig)).some((one) => one.name === 'host-2' && isInService(one)), { timeoutMs: 60_000, describe: () => describeRig(rig) });
    expect(await bootOf('host-2')).not.toBe(boot);
  });

  it('an agent that is killed is back before its lease ends: nothing happens to anyone', async () => {
    const first = await leased('vm-1', 1, 'host-1');
    const boot = await bootOf('host-1');
    const seq = await lastSeq(rig);
    const pid = (await rig.lab.exec(host('host-1'), ['cat', '/run/reeve/agent.pid'])).stdout.trim();
    await rig.lab.exec(host('host-1'), ['kill', '-9', pid]);
    await waitUntil('another agent that holds the lease', async () => (await rig.lab.exec(host('host-1'), ['cat', '/run/reeve/agent.pid'], { okCodes: 'any' })).stdout.trim() !== pid && (await leaseOf('host-1').catch(() => null))?.phase === 'held');
    // As long as any timeout of lease and watchdog would take.
    await new Promise((resolve) => setTimeout(resolve, 6_500));
    expect([await bootOf('host-1'), rig.ticks.boots('vm-1')]).toEqual([boot, [first]]);
    expect((await eventsAfter(rig, seq)).filter((event) => /^host\.(silent|fencing|fenced)/.test(event.type))).toEqual([]);
  });

  it('an agent that dies for good: the watchdog resets its host, which proves itself by its new boot', async () => {
    await leased('vm-1', 1, 'host-1');
    const boot = await bootOf('host-1');
    await rig.lab.exec(host('host-1'), ['sh', '-c', 'kill -9 $(cat /run/reeve/agent-supervisor.pid); kill -9 $(cat /run/reeve/agent.pid)']);
    await waitUntil('vm-1 to run again', async () => rig.ticks.boots('vm-1').length === 2, { timeoutMs: 60_000, describe: () => describeRig(rig) });
    await waitUntil('host-1 back', async () => (await hostsOf(rig)).some((one) => one.name === 'host-1' && isInService(one)), { timeoutMs: 60_000, describe: () => describeRig(rig) });
    expect(await bootOf('host-1')).not.toBe(boot);
  });

  it('an agent that is stuck feeds its watchdog no more: the host is reset, its workload runs again once', async () => {
    await leased('vm-1', 1, 'host-2');
    const boot = await bootOf('host-2');
    await rig.lab.exec(host('host-2'), ['sh', '-c', 'kill -STOP $(cat /run/reeve/agent.pid)']);
    await waitUntil('vm-1 to run again', async () => rig.ticks.boots('vm-1').length === 2, { timeoutMs: 60_000, describe: () => describeRig(rig) });
    await waitUntil('host-2 back', async () => (await hostsOf(rig)).some((one) => one.name === 'host-2' && isInService(one)), { timeoutMs: 60_000, describe: () => describeRig(rig) });
    expect(await bootOf('host-2')).not.toBe(boot);
  });

  it('a planned stop and upgrade of an agent resets nobody', async () => {
    const first = await leased('vm-1', 1, 'host-2');
    const boot = await bootOf('host-2');
    await rig.lab.exec(host('host-2'), ['/usr/lib/reeve/agent-start', 'stop']);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect([await bootOf('host-2'), rig.ticks.boots('vm-1')]).toEqual([boot, [first]]);
    await rig.lab.exec(host('host-2'), ['/usr/lib/reeve/agent-start']);
    await waitUntil('the lease again', async () => (await leaseOf('host-2').catch(() => null))?.phase === 'held', { describe: () => describeRig(rig) });
    expect(await bootOf('host-2')).toBe(boot);
    // The new agent has no lease for its first moments: that ends nothing.
    await rig.ticks.waitForTick('vm-1', Date.now());
    expect(rig.ticks.boots('vm-1')).toEqual([first]);
    // Quicker than any lease, as an upgrade is.
    const pid = (await rig.lab.exec(host('host-2'), ['cat', '/run/reeve/agent.pid'])).stdout.trim();
    await rig.lab.exec(host('host-2'), ['/usr/lib/reeve/agent-start', 'restart']);
    await waitUntil('the lease of another agent', async () => (await rig.lab.exec(host('host-2'), ['cat', '/run/reeve/agent.pid'], { okCodes: 'any' })).stdout.trim() !== pid && (await leaseOf('host-2').catch(() => null))?.phase === 'held', { describe: () => describeRig(rig) });
    await rig.ticks.waitForTick('vm-1', Date.now());
    expect([await bootOf('host-2'), rig.ticks.boots('vm-1')]).toEqual([boot, [first]]);
  });

  it('every control plane gone: the hosts keep their leases among themselves', async () => {
    const first = await leased('vm-1', 1, 'host-3');
    await rig.control.kill();
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    expect((await leaseOf('host-3')).phase).toBe('held');
    const seq = 0;
    await rig.control.restart();
    await waitUntil('all hosts heard', async () => (await hostsOf(rig)).every(isInService), { describe: () => describeRig(rig) });
    expect(rig.ticks.boots('vm-1')).toEqual([first]);
    expect((await eventsAfter(rig, seq)).filter((event) => event.type === 'host.fenced' && event.atMs > Date.now() - 8_000)).toEqual([]);
  });
});
