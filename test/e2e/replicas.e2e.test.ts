// Several replicas of the control plane over one Postgres: the leader dies in the middle, is paused, or loses its database.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type ControlPlane, type ControlPlaneOptions } from '../../lab/control-plane.js';
import { Lab } from '../../lab/lab.js';
import { describe as describeRig, enrolAll, eventsAfter, hostsOf, isInService, lastSeq, workloadNamed, type Rig } from '../../lab/rig.js';
import { createTicker } from '../../lab/story.js';
import { REPO_ROOT, startTicks, type TickLog } from '../../lab/ticks.js';
import { waitUntil } from '../../lab/wait-until.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.js';
import { type E2eRig, endHealthy } from './e2e-rig.js';

let lab: Lab;
let postgres: EmbeddedPostgres;
let ticks: TickLog;
let replicas: readonly ControlPlane[];
/** The replica that is asked; the other one is the one that tests make trouble for. */
let rig: E2eRig;

beforeAll(async () => {
  lab = await Lab.start({ name: 'rr0', hosts: 3 });
  postgres = await startEmbeddedPostgres({ dataDir: `${lab.stateDir}/postgres`, log: () => undefined });
  ticks = await startTicks(lab.ctlNetns, REPO_ROOT);
  const first = await replica('one', ['10.66.0.254', '10.66.1.254']);
  const second = await replica('two', ['10.66.0.253', '10.66.1.253']);
  replicas = [first, second];
  rig = { lab, control: second, api: () => second.api(), ticks, close: async () => undefined };
  await enrolAll(rig);
});

afterAll(async () => {
  await ticks?.close();
  for (const one of replicas ?? []) await one.stop();
  await postgres?.stop();
  await lab?.down();
});

afterEach(() => endHealthy(rig));

async function replica(name: string, witnessLinks: readonly string[], more: Partial<ControlPlaneOptions> = {}): Promise<ControlPlane> {
  const { host, port, user, database } = postgres.connection;
  return startControlPlane(lab, { ...more, repoRoot: REPO_ROOT, fresh: true, replicaName: name, witnessLinks, databaseUrl: `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}` });
}

const host = (name: string): ReturnType<Lab['host']> => lab.host(name);
const through = (control: ControlPlane): Rig => ({ lab, control, api: () => control.api() });

async function leaderAndOther(): Promise<{ leader: ControlPlane; other: ControlPlane }> {
  const epochs = await Promise.all(replicas.map(async (one) => (await one.api().get<{ cluster: { leader: { epoch: number | null } } }>('/status')).cluster.leader.epoch));
  const at = epochs.findIndex((epoch) => epoch !== null);
  const [leader, other] = [replicas[at], replicas[1 - at]];
  if (!leader || !other) throw new Error(`no replica leads: ${JSON.stringify(epochs)}`);
  return { leader, other };
}

async function running(name: string, on: Rig, notOn: string): Promise<void> {
  await waitUntil(`${name} off ${notOn}`, async () => {
    const one = await workloadNamed(on, name);
    return one.state === 'running' && one.host !== notOn;
  }, { timeoutMs: 60_000, describe: () => describeRig(on) });
}

describe('two replicas', () => {
  it('the leader is killed in the middle of a failover: the other one finishes it, once', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-2' });
    await ticks.waitForTick('vm-1', 0);
    const { leader, other } = await leaderAndOther();
    const seq = await lastSeq(through(other));
    await lab.powerCut(host('host-2'));
    await waitUntil('host-2 to be silent', async () => (await eventsAfter(through(other), seq)).some((event) => event.type === 'host.silent'), { everyMs: 20, describe: () => describeRig(through(other)) });
    await leader.kill();
    await running('vm-1', through(other), 'host-2');
    await ticks.waitForTick('vm-1', Date.now());
    const events = await eventsAfter(through(other), seq);
    expect(events.filter((event) => event.type === 'workload.recovered')).toHaveLength(1);
    await leader.restart();
  });

  it('a leader that was stopped and goes on later does nothing to anyone', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-3' });
    await ticks.waitForTick('vm-1', 0);
    const { leader, other } = await leaderAndOther();
    const seq = await lastSeq(through(other));
    process.kill(leader.pid, 'SIGSTOP');
    try {
      await waitUntil('the other one to lead', async () => (await other.api().get<{ cluster: { leader: { epoch: number | null } } }>('/status')).cluster.leader.epoch !== null, { timeoutMs: 30_000 });
      await lab.powerCut(host('host-3'));
      await running('vm-1', through(other), 'host-3');
    } finally {
      process.kill(leader.pid, 'SIGCONT');
    }
    await ticks.waitForTick('vm-1', Date.now());
    await waitUntil('the old leader to follow', async () => (await leader.api().get<{ cluster: { leader: { epoch: number | null } } }>('/status')).cluster.leader.epoch === null);
    const types = (await eventsAfter(through(other), seq)).map((event) => `${event.type} ${event.host ?? event.workload ?? ''}`);
    expect(types.filter((type) => type.startsWith('host.fenced'))).toEqual(['host.fenced host-3']);
    expect(types.filter((type) => type.startsWith('workload.recovered'))).toHaveLength(1);
  });

  it('Postgres away: every workload runs on, and nothing is fenced when it is back', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    const first = await ticks.waitForTick('vm-1', 0);
    const seq = await lastSeq(rig);
    const dataDir = `${lab.stateDir}/postgres`;
    await postgres.stop();
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    expect(ticks.boots('vm-1')).toEqual([first.boot]);
    postgres = await startEmbeddedPostgres({ dataDir, log: () => undefined });
    await waitUntil('both to answer again', async () => (await Promise.all(replicas.map((one) => hostsOf(through(one)).catch(() => [])))).every((hosts) => hosts.length === 3 && hosts.every(isInService)), { timeoutMs: 60_000 });
    await waitUntil('a leader', async () => leaderAndOther().then(() => true, () => false), { timeoutMs: 30_000 });
    expect(ticks.boots('vm-1')).toEqual([first.boot]);
    expect((await eventsAfter(rig, seq)).filter((event) => /^host\.(silent|fenc)/.test(event.type))).toEqual([]);
  });

  // The last one: its replica stays a voter that nobody hears.
  it('a third one lives on a host of its own cluster and leads: both are lost at once, and another one recovers what ran there', async () => {
    const home = host('host-1');
    // It begins when nobody else is there who could tell the hosts of it.
    for (const one of replicas) await one.stop();
    const third = await replica('three', home.links, { witnessPort: 7491, onHostWithPid: await lab.pidOf(home) });
    const epochOf = async (one: ControlPlane): Promise<number | null> => (await one.api().get<{ cluster: { leader: { epoch: number | null } } }>('/status')).cluster.leader.epoch;
    await waitUntil('the third to lead', async () => (await epochOf(third)) !== null, { timeoutMs: 30_000 });
    for (const one of replicas) await one.restart();
    await waitUntil('all hosts in service', async () => (await hostsOf(through(third))).every(isInService), { timeoutMs: 60_000, describe: () => describeRig(through(third)) });
    await createTicker(through(third), 'vm-1', 1, { host: 'host-1' });
    await ticks.waitForTick('vm-1', 0);
    const seq = await lastSeq(through(third));
    await lab.powerCut(home);
    await running('vm-1', rig, 'host-1');
    await ticks.waitForTick('vm-1', Date.now());
    const events = await eventsAfter(rig, seq);
    expect(events.filter((event) => event.type === 'workload.recovered')).toHaveLength(1);
    expect(events.filter((event) => event.type === 'host.fenced').map((event) => event.host)).toEqual(['host-1']);
    expect((await leaderAndOther()).leader).not.toBe(third);
  });
});
