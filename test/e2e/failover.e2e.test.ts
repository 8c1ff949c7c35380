// A host drops out, in every way we can make it: fenced before restart, recovered exactly once, healthy hosts left alone.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTicker } from '../../lab/story.js';
import { allRunning, bmcOf, describe as describeRig, ended, eventsAfter, hostsOf, isInService, lastSeq, workloadNamed } from '../../lab/rig.js';
import { waitUntil } from '../../lab/wait-until.js';
import { type E2eRig, endHealthy, startE2eRig } from './e2e-rig.js';

let rig: E2eRig;
beforeAll(async () => {
  // By device alone: what the lease does is for lease.e2e.test.ts.
  rig = await startE2eRig('rf0', 3, { fences: (one) => [bmcOf(one)] });
});
afterAll(async () => {
  await rig?.close();
});
afterEach(() => endHealthy(rig));

const host = (name: string): ReturnType<E2eRig['lab']['host']> => rig.lab.host(name);
const typesAfter = async (seq: number): Promise<readonly string[]> => (await eventsAfter(rig, seq)).map((event) => `${event.type} ${event.workload ?? event.host ?? ''}`.trim());

async function recoveredElsewhere(names: readonly string[], from: string): Promise<void> {
  await waitUntil(`${names.join(', ')} elsewhere`, async () => {
    const now = await Promise.all(names.map((name) => workloadNamed(rig, name)));
    return now.every((one) => one.state === 'running' && one.host !== from);
  }, { timeoutMs: 60_000, describe: () => describeRig(rig) });
}

describe('failover', () => {
  it('power cut: silent, proven off by IPMI, each workload recovered exactly once, disk counters go on', async () => {
    const names = ['vm-1', 'vm-2', 'vm-3'];
    for (const [index, name] of names.entries()) await createTicker(rig, name, index + 1, { host: 'host-2', priority: index });
    for (const name of names) await rig.ticks.waitForTick(name, 0);
    const seq = await lastSeq(rig);
    const before = new Map(names.map((name) => [name, rig.ticks.of(name).at(-1)]));
    await rig.lab.powerCut(host('host-2'));
    const goneAt = Date.now();
    await recoveredElsewhere(names, 'host-2');
    for (const name of names) {
      const tick = await rig.ticks.waitForTick(name, goneAt);
      expect(tick.boot).not.toBe(before.get(name)?.boot);
      await waitUntil(`${name} counts on`, async () => (rig.ticks.of(name).at(-1)?.diskCount ?? 0) > (before.get(name)?.diskCount ?? 0));
      expect(rig.ticks.boots(name, goneAt)).toHaveLength(1);
    }
    const types = await typesAfter(seq);
    const order = ['host.silent host-2', 'host.fencing host-2', 'host.fenced host-2', 'workload.recovering vm-3'];
    expect(order.map((type) => types.indexOf(type)).every((at, index, all) => at >= 0 && (index === 0 || at > (all[index - 1] ?? 0)))).toBe(true);
    // Highest priority first.
    expect(types.filter((type) => type.startsWith('workload.recovering'))).toEqual(['workload.recovering vm-3', 'workload.recovering vm-2', 'workload.recovering vm-1']);
    const { items } = await rig.api().get<{ items: readonly { kind: string; proof: { kind: string } | null }[] }>('/operations?kind=recover&limit=3');
    expect(items.map((operation) => operation.proof?.kind)).toEqual(['power-off', 'power-off', 'power-off']);
  });

  it('isolation with guests running: fenced before anything starts elsewhere, never two copies', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-3' });
    await rig.ticks.waitForTick('vm-1', 0);
    const seq = await lastSeq(rig);
    await rig.lab.isolate(host('host-3'));
    expect(await rig.lab.runningOn(host('host-3'))).toEqual(['vm-1']);
    await waitUntil('the fence', async () => (await typesAfter(seq)).includes('host.fenced host-3'), { describe: () => describeRig(rig) });
    // Its ticks can't be seen while it is cut off: that it is off, before anything began elsewhere, is what says that they ended.
    expect(await rig.lab.powerState(host('host-3'))).toBe('off');
    await recoveredElsewhere(['vm-1'], 'host-3');
    await rig.ticks.waitForTick('vm-1', Date.now());
    const types = await typesAfter(seq);
    expect(types.filter((type) => /^(host\.fenced|workload\.recovering|workload\.recovered)/.test(type))).toEqual(['host.fenced host-3', 'workload.recovering vm-1', 'workload.recovered vm-1']);
  });

  it('a person vouches wrongly for a frozen host, which thaws: the lock of its disk stops the second start, and its own copy runs on', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-3' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    const seq = await lastSeq(rig);
    await rig.lab.bmc(host('host-3'), 'dead');
    await rig.lab.hang(host('host-3'));
    await waitUntil('the hold', async () => (await eventsAfter(rig, seq)).some((event) => event.type === 'host.fence-failed'), { timeoutMs: 60_000, describe: () => describeRig(rig) });
    await rig.api().post('/hosts/host-3/confirm-off', { reason: 'the wrong machine was looked at' });
    await waitUntil('the start that met the lock', async () => (await workloadNamed(rig, 'vm-1')).state === 'error', { timeoutMs: 60_000, describe: () => describeRig(rig) });
    expect((await workloadNamed(rig, 'vm-1')).why).toMatch(/lock/);
    await rig.lab.unhang(host('host-3'));
    await rig.ticks.waitForTick('vm-1', Date.now());
    // Longer than anything that was still on its way.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect([rig.ticks.boots('vm-1'), rig.ticks.violations()]).toEqual([[first.boot], []]);
    // What was said of it is undone by a power cycle: then it is what it was said to be.
    await rig.lab.bmc(host('host-3'), 'ok');
    await rig.lab.powerCut(host('host-3'));
    // Back before it was missed, it would be taken for one that was never away.
    await waitUntil('host-3 to be missed', async () => (await hostsOf(rig)).some((one) => one.name === 'host-3' && !isInService(one)), { timeoutMs: 30_000, describe: () => describeRig(rig) });
  });

  it('a hung kernel: SSH does not answer, so it is fenced and recovered', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-3' });
    await rig.ticks.waitForTick('vm-1', 0);
    await rig.lab.hang(host('host-3'));
    await recoveredElsewhere(['vm-1'], 'host-3');
  });

  it('an agent that is gone alone: SSH answers and says that the guests run; nothing is fenced', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    const seq = await lastSeq(rig);
    // The supervisor first, so that it is not started again.
    await rig.lab.exec(host('host-1'), ['sh', '-c', 'kill -9 $(cat /run/reeve/agent-supervisor.pid); kill -9 $(cat /run/reeve/agent.pid)']);
    await waitUntil('the hold that names the agent', async () => (await rig.api().get<{ holds: readonly { code: string; about: string; why: string }[] }>('/status')).holds.find((hold) => hold.code === 'agent-only' && hold.about === 'host-1' && hold.why.includes('SSH answers')), { describe: () => describeRig(rig) });
    // Long enough for many rounds and looks to come to another opinion.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect((await typesAfter(seq)).filter((type) => /^(host\.(silent|fencing|fenced)|workload\.recovering)/.test(type))).toEqual([]);
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot]);
    await rig.lab.exec(host('host-1'), ['/usr/lib/reeve/agent-start']);
  });

  it('a control plane that restarts: nothing happens to anyone', async () => {
    await createTicker(rig, 'vm-1', 1);
    const first = await rig.ticks.waitForTick('vm-1', 0);
    const seq = await lastSeq(rig);
    await rig.control.kill();
    await rig.control.restart();
    await waitUntil('all hosts heard', async () => (await hostsOf(rig)).every(isInService));
    expect((await typesAfter(seq)).filter((type) => /^(host\.(silent|fencing|fenced)|workload\.(recovering|restarting))/.test(type))).toEqual([]);
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot]);
  });

  it('without a working fence device: the recovery holds and says so; confirm-off releases it, audited', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-2' });
    await rig.ticks.waitForTick('vm-1', 0);
    await rig.lab.bmc(host('host-2'), 'dead');
    const seq = await lastSeq(rig);
    await rig.lab.powerCut(host('host-2'));
    await waitUntil('the fence to fail', async () => (await typesAfter(seq)).includes('host.fence-failed host-2'), { timeoutMs: 60_000, describe: () => describeRig(rig) });
    expect((await workloadNamed(rig, 'vm-1')).state).toBe('awaiting-fence');
    // The event is written by the worker, the hold by the controller's next round.
    await waitUntil('the hold that says what a person can do', async () => (await rig.api().get<{ holds: readonly { code: string; why: string }[] }>('/status')).holds.some((hold) => hold.code === 'fence-failing' && hold.why.includes('reeve host confirm-off host-2')), { describe: () => describeRig(rig) });
    await rig.api().post('/hosts/host-2/confirm-off', { reason: 'pulled the plug myself' });
    await recoveredElsewhere(['vm-1'], 'host-2');
    const audit = await rig.api().get<{ items: readonly { action: string; target: string; details: { reason?: string } }[] }>('/audit');
    expect(audit.items[0]).toMatchObject({ action: 'host.confirm-off', target: 'host-2', details: { reason: 'pulled the plug myself' } });
    await rig.ticks.waitForTick('vm-1', Date.now());
  });

  it('a lying BMC is not believed', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-2' });
    await rig.ticks.waitForTick('vm-1', 0);
    await rig.lab.bmc(host('host-2'), 'lying');
    const seq = await lastSeq(rig);
    await rig.lab.isolate(host('host-2'));
    await waitUntil('the fence to fail', async () => (await eventsAfter(rig, seq)).find((event) => event.type === 'host.fence-failed' && event.message.includes('status still says on')), { timeoutMs: 60_000, describe: () => describeRig(rig) });
    expect((await workloadNamed(rig, 'vm-1')).state).toBe('awaiting-fence');
    expect(await rig.lab.runningOn(host('host-2'))).toEqual(['vm-1']);
    // The links come back: it was never fenced, and its workload ran on.
    await rig.lab.reconnect(host('host-2'));
    await allRunning(rig, ['vm-1']);
    expect(rig.ticks.boots('vm-1')).toHaveLength(1);
  });

  it('disarmed: nothing is fenced; armed again: recovered', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-3' });
    await rig.ticks.waitForTick('vm-1', 0);
    await rig.api().post('/disarm', { reason: 'switch upgrade', forS: 600 });
    const seq = await lastSeq(rig);
    await rig.lab.powerCut(host('host-3'));
    await waitUntil('the hold', async () => (await rig.api().get<{ holds: readonly { code: string }[] }>('/status')).holds.some((hold) => hold.code === 'disarmed'), { describe: () => describeRig(rig) });
    expect((await typesAfter(seq)).some((type) => type.startsWith('host.fencing'))).toBe(false);
    await rig.api().post('/arm');
    await recoveredElsewhere(['vm-1'], 'host-3');
  });

  it('a host that comes back is cleaned up and admitted; its old copy is not started', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-2' });
    await rig.ticks.waitForTick('vm-1', 0);
    await rig.lab.powerCut(host('host-2'));
    await recoveredElsewhere(['vm-1'], 'host-2');
    await rig.lab.powerOn(host('host-2'));
    await waitUntil('host-2 admitted again', async () => (await hostsOf(rig)).some((one) => one.name === 'host-2' && isInService(one)), { timeoutMs: 60_000, describe: () => describeRig(rig) });
    expect((await rig.lab.ssh(host('host-2'), 'virsh -q list --all')).stdout.trim()).toBe('');
    const answer = await rig.api().post('/workloads/vm-1/migrate', { to: 'host-2' });
    await ended(rig, String((answer['operationIds'] as readonly string[])[0]));
  });
});
