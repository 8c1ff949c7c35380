// Networks, queue, database and processes fail in ways of their own: what need not happen does not happen, and nothing runs twice.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type ControlPlane } from '../../lab/control-plane.js';
import { guestControl } from '../../lab/guest.js';
import { recordSentBy, sendAll } from '../../lab/hostile-udp.js';
import { Lab, type LabHost } from '../../lab/lab.js';
import { describe as describeRig, ended, enrolAll, eventsAfter, hostsOf, lastSeq, WATCHDOG, workloadNamed, type Rig, type RigOperation } from '../../lab/rig.js';
import { createTicker } from '../../lab/story.js';
import { REPO_ROOT, startTicks } from '../../lab/ticks.js';
import { waitUntil } from '../../lab/wait-until.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.js';
import type { AgentStatus } from '../../src/agent/agent.js';
import type { AgentConfig } from '../../src/hosts/host-agent.js';
import { hostileDatagrams } from './hostile-datagrams.js';
import { type E2eRig, endHealthy, startE2eRig } from './e2e-rig.js';

/** Longer than any timeout by which something could follow from a network that fails: silence, exclusion, lease and watchdog. */
const NOTHING_FOLLOWS_MS = 9_000;
const noRedis = process.env['REEVE_TEST_NO_REDIS'] !== undefined;

let rig: E2eRig;
const host = (name: string): LabHost => rig.lab.host(name);
const bootOf = (name: string): Promise<string> => rig.lab.bootIdOf(host(name));
const statusOf = async (name: string): Promise<AgentStatus> => JSON.parse((await rig.lab.exec(host(name), ['node', '/usr/lib/reeve/agent.cjs', 'status', '--json'])).stdout) as AgentStatus;
const configOf = async (name: string): Promise<AgentConfig> => JSON.parse((await rig.lab.exec(host(name), ['cat', '/etc/reeve/agent.json'])).stdout) as AgentConfig;

/** A protected guest that ticks, under the lease of its host. */
async function leased(name: string, index: number, on: string): Promise<string> {
  await createTicker(rig, name, index, { host: on });
  const { boot } = await rig.ticks.waitForTick(name, 0);
  await waitUntil(`${on} to hold its lease for it`, async () => (await statusOf(on)).lease.phase === 'held', { describe: () => describeRig(rig) });
  return boot;
}

const hears = async (name: string, other: string): Promise<boolean> => (await statusOf(name)).members.find((member) => member.name === other)?.heard === 'heard';
const becomesDeafTo = (name: string, other: string): Promise<unknown> => waitUntil(`${name} to miss ${other}`, async () => (await statusOf(name)).members.find((member) => member.name === other)?.heard === 'silent', { describe: () => describeRig(rig) });
const hearsAgain = (name: string, other: string): Promise<unknown> => waitUntil(`${name} to hear ${other}`, () => hears(name, other), { describe: () => describeRig(rig) });

/** What a network that fails may not bring about while a majority still hears everybody. */
const FOLLOWS = /^(host\.(silent|fencing|fenced|fence-failed|leaving|offline)|workload\.(recovering|recovered|restarting|error|missing))/;

/** Begun before the trouble: watches that nothing follows from it, for as long as anything could, by the ticks of a guest that is heard throughout. */
async function nothingHappens(names: readonly string[], trouble: () => Promise<unknown>, tickingOn: readonly string[] = names): Promise<void> {
  const seq = await lastSeq(rig);
  const boots = new Map(await Promise.all(rig.lab.hosts.map(async (one) => [one.name, await bootOf(one.name)] as const)));
  const guests = new Map(names.map((name) => [name, rig.ticks.boots(name).at(-1)]));
  await trouble();
  const since = Date.now();
  for (const name of tickingOn) await waitUntil(`${name} to tick throughout`, async () => (rig.ticks.of(name, since).at(-1)?.atMs ?? 0) - since > NOTHING_FOLLOWS_MS, { describe: () => describeRig(rig) });
  expect((await eventsAfter(rig, seq)).filter((event) => FOLLOWS.test(event.type)).map((event) => event.message)).toEqual([]);
  for (const one of rig.lab.hosts) expect([one.name, await bootOf(one.name)]).toEqual([one.name, boots.get(one.name)]);
  for (const name of tickingOn) expect([name, ...rig.ticks.boots(name, since)]).toEqual([name, guests.get(name)]);
}

async function runsElsewhere(name: string, from: string): Promise<void> {
  await waitUntil(`${name} elsewhere`, async () => {
    const one = await workloadNamed(rig, name);
    return one.state === 'running' && one.host !== from;
  }, { timeoutMs: 90_000, describe: () => describeRig(rig) });
}

const operationsOf = async (query: string): Promise<readonly RigOperation[]> => (await rig.api().get<{ items: readonly RigOperation[] }>(`/operations?${query}`)).items;

describe('with leases alone, and the queue on Redis', () => {
  beforeAll(async () => {
    // Where Redis can't be had, `npm test` says so, and the queue is on Postgres here too.
    rig = await startE2eRig('rc0', 3, { fences: () => [WATCHDOG], withRedis: !noRedis });
  });
  afterAll(async () => {
    await rig?.close();
  });
  afterEach(() => endHealthy(rig));

  describe('partial partitions', () => {
    it('two hosts that do not hear each other alone: nothing happens to anyone', async () => {
      await leased('vm-1', 1, 'host-1');
      await leased('vm-2', 2, 'host-2');
      await nothingHappens(['vm-1', 'vm-2'], async () => {
        await rig.lab.part('host-1', 'host-2');
        await becomesDeafTo('host-1', 'host-2');
      });
      expect(await hears('host-1', 'host-2')).toBe(false);
      await rig.lab.mend();
      await hearsAgain('host-1', 'host-2');
    });

    it('one host deaf to another, which goes on hearing it: nothing happens to anyone', async () => {
      await leased('vm-1', 1, 'host-1');
      await leased('vm-2', 2, 'host-2');
      await nothingHappens(['vm-1', 'vm-2'], async () => {
        await rig.lab.deafen('host-1', 'host-2');
        await becomesDeafTo('host-1', 'host-2');
        // A link counts only when it works both ways.
        await becomesDeafTo('host-2', 'host-1');
      });
    });

    it('a host cut from all others, but not from the control plane: it loses its lease, its workloads run elsewhere, it is not reset', async () => {
      const first = await leased('vm-1', 1, 'host-3');
      await leased('vm-2', 2, 'host-1');
      const [boot, seq] = [await bootOf('host-3'), await lastSeq(rig)];
      for (const other of ['host-1', 'host-2']) await rig.lab.part('host-3', other);
      await runsElsewhere('vm-1', 'host-3');
      const again = await rig.ticks.waitForTick('vm-1', 0, { notBoot: first });
      // Every tick of both copies was heard: the control plane's network was whole throughout.
      expect(rig.ticks.boots('vm-1')).toEqual([first, again.boot]);
      expect(rig.ticks.boots('vm-2')).toHaveLength(1);
      expect(await bootOf('host-3')).toBe(boot);
      const told = (await eventsAfter(rig, seq)).map((event) => `${event.type}: ${event.message}`);
      expect(told.find((one) => one.startsWith('workload.restarting') && one.includes('host-3 has lost its lease'))).toBeDefined();
      await rig.lab.mend();
      await waitUntil('host-3 to have an end of its lease again', async () => ((await statusOf('host-3')).lease.leftMs ?? 0) > 0, { describe: () => describeRig(rig) });
      expect(await bootOf('host-3')).toBe(boot);
    });

    it('the control plane alone cut from a host, whose peers hear it: nothing happens to anyone', async () => {
      const first = await leased('vm-1', 1, 'host-2');
      await leased('vm-2', 2, 'host-1');
      await nothingHappens(['vm-1', 'vm-2'], async () => {
        await rig.lab.part('host-2', 'control');
        await becomesDeafTo('host-2', 'control');
      }, ['vm-2']);
      await rig.lab.mend();
      await rig.ticks.waitForTick('vm-1', Date.now());
      expect(rig.ticks.boots('vm-1')).toEqual([first]);
    });
  });

  describe('links', () => {
    it.each([0, 1] as const)('one of two lost (link %i): nothing happens to anyone', async (link) => {
      const first = await leased('vm-1', 1, 'host-2');
      await leased('vm-2', 2, 'host-1');
      await nothingHappens(['vm-1', 'vm-2'], () => rig.lab.linkDown(host('host-2'), link), ['vm-2']);
      await rig.lab.linkUp(host('host-2'), link);
      await rig.ticks.waitForTick('vm-1', Date.now());
      expect(rig.ticks.boots('vm-1')).toEqual([first]);
    });

    it('between hosts, lost and back in turn: nothing happens to anyone', async () => {
      await leased('vm-1', 1, 'host-1');
      await leased('vm-2', 2, 'host-2');
      await leased('vm-3', 3, 'host-3');
      await nothingHappens(['vm-1', 'vm-2', 'vm-3'], async () => {
        for (const [one, other] of [['host-1', 'host-2'], ['host-2', 'host-3'], ['host-3', 'host-1'], ['host-1', 'host-2']] as const) {
          await rig.lab.part(one, other);
          await becomesDeafTo(one, other);
          await rig.lab.mend(one, other);
          await hearsAgain(one, other);
        }
      });
    });

    it('that lose a third of all packets: nothing happens to anyone', async () => {
      await leased('vm-1', 1, 'host-1');
      await leased('vm-2', 2, 'host-3');
      const ends = rig.lab.ends.filter((end) => end !== 'control');
      const pairs = ends.flatMap((one, at) => ends.slice(at + 1).map((other) => [one, other] as const));
      await nothingHappens(['vm-1', 'vm-2'], () => rig.lab.disturb([...pairs, ...ends.map((end) => [end, 'control'] as const)].map((between) => ({ between, way: 'both', links: [0, 1], lossPercent: 30 }))));
    });
  });

  describe('hostile datagrams', () => {
    const controlLog = (): Promise<string> => readFile(rig.control.logFile, 'utf8');
    const agentLog = (name: string): Promise<string> => rig.lab.hostFile(host(name), 'var/log/reeve-agent.log');

    /** How often each cause of a refusal was said. */
    function refusals(log: string): ReadonlyMap<string, number> {
      const causes = [...log.matchAll(/was refused: (?<why>[^"\n]+)/g)].map((match) => match.groups?.['why'] ?? '');
      return new Map([...new Set(causes)].map((why) => [why, causes.filter((one) => one === why).length]));
    }

    it('forged, replayed and garbage at all agents and the witness: no verdict changes, nobody ends, each cause is said once', async () => {
      await leased('vm-1', 1, 'host-1');
      await leased('vm-2', 2, 'host-2');
      const config = await configOf('host-1');
      const pids = await Promise.all(rig.lab.hosts.map(async ({ name }) => (await statusOf(name)).pid));
      const logs = async (): Promise<readonly (readonly [string, string])[]> => [['the control plane', await controlLog()], ...(await Promise.all(rig.lab.hosts.map(async ({ name }) => [name, await agentLog(name)] as const)))];
      const before = new Map(await logs());
      const recorded = (await Promise.all(rig.lab.hosts.map((one) => recordSentBy(rig.lab, one, { port: config.members[0]?.links[0]?.port ?? 0, count: 30 })))).flat();
      const hostile = hostileDatagrams(config, recorded);
      await nothingHappens(['vm-1', 'vm-2'], () => sendAll(rig.lab, hostile, 20));
      expect(await Promise.all(rig.lab.hosts.map(async ({ name }) => (await statusOf(name)).pid))).toEqual(pids);
      expect((await hostsOf(rig)).map((one) => one.state)).toEqual(['online', 'online', 'online']);
      for (const [who, log] of await logs()) {
        const said = refusals(log.slice(before.get(who)?.length ?? 0));
        // Of thousands, each cause at most once a minute; this took less.
        expect([who, ...[...said].filter(([, times]) => times > 1)]).toEqual([who]);
        const causes = [...refusals(log).keys()].join('; ');
        for (const cause of ['signature is wrong', 'it is a copy', 'made for another member', 'its size', 'not from Reeve', 'another cluster', 'no member']) expect(`${who}: ${causes}`).toContain(cause);
      }
    });

    it('copies of what a lost host once sent do not keep it alive', async () => {
      const first = await leased('vm-1', 1, 'host-2');
      const recorded = await recordSentBy(rig.lab, host('host-2'), { port: (await configOf('host-1')).members[0]?.links[0]?.port ?? 0, count: 60 });
      await rig.lab.powerCut(host('host-2'));
      let over = false;
      const storm = (async () => {
        while (!over) await sendAll(rig.lab, recorded, 20);
      })();
      try {
        await runsElsewhere('vm-1', 'host-2');
      } finally {
        over = true;
        await storm;
      }
      const again = await rig.ticks.waitForTick('vm-1', 0, { notBoot: first });
      expect(rig.ticks.boots('vm-1')).toEqual([first, again.boot]);
    });

    it('copies from before a reboot, at a control plane that has just started, prove nothing about the host as it is now', async () => {
      const port = (await configOf('host-1')).members[0]?.links[0]?.port ?? 0;
      const ofEarlierBoot = (await recordSentBy(rig.lab, host('host-3'), { port, count: 60 })).filter((one) => one.address.endsWith('.254'));
      expect(ofEarlierBoot.length).toBeGreaterThan(0);
      const before = await lastSeq(rig);
      await rig.lab.reset(host('host-3'));
      await waitUntil('host-3 admitted with its new boot', async () => (await eventsAfter(rig, before)).some((event) => event.type === 'host.online' && event.host === 'host-3'), { timeoutMs: 60_000, describe: () => describeRig(rig) });
      // Admitted, it has its lease a few heartbeats later.
      await waitUntil('host-3 to take workloads', async () => createTicker(rig, 'vm-2', 2, { host: 'host-3' }).then(() => true), { describe: () => describeRig(rig) });
      const boot = await bootOf('host-3');
      const first = await leased('vm-1', 1, 'host-3');
      const seq = await lastSeq(rig);
      await rig.control.kill();
      // It can't be heard itself for now, so that only the copies are.
      await rig.lab.part('host-3', 'control');
      let over = false;
      const storm = (async () => {
        while (!over) await sendAll(rig.lab, ofEarlierBoot, 50);
      })();
      try {
        await rig.control.restart();
        await waitUntil('the control plane to judge', async () => (await hostsOf(rig)).find((one) => one.name === 'host-1')?.state === 'online', { describe: () => describeRig(rig) });
      } finally {
        over = true;
        await storm;
      }
      await rig.lab.mend();
      await rig.ticks.waitForTick('vm-1', Date.now());
      expect((await eventsAfter(rig, seq)).filter((event) => event.type === 'host.fenced').map((event) => event.message)).toEqual([]);
      expect([await bootOf('host-3'), ...rig.ticks.boots('vm-1')]).toEqual([boot, first]);
    });
  });

  describe('the queue', () => {
    it.skipIf(noRedis)('Redis flushed while recoveries are pending: each workload is recovered, once', async () => {
      const names = ['vm-1', 'vm-2', 'vm-3', 'vm-4'];
      const first = new Map<string, string>();
      for (const [index, name] of names.entries()) first.set(name, await leased(name, index + 1, 'host-2'));
      const seq = await lastSeq(rig);
      await rig.lab.powerCut(host('host-2'));
      await waitUntil('recoveries to be pending', async () => (await operationsOf('kind=recover&state=pending,running')).length > 0, { everyMs: 5, timeoutMs: 60_000, describe: () => describeRig(rig) });
      expect((await rig.lab.execCtl(['redis-cli', 'flushall'])).stdout.trim()).toBe('OK');
      for (const name of names) await runsElsewhere(name, 'host-2');
      for (const name of names) {
        const again = await rig.ticks.waitForTick(name, 0, { notBoot: first.get(name) ?? '' });
        expect([name, ...rig.ticks.boots(name)]).toEqual([name, first.get(name), again.boot]);
      }
      const recovered = (await eventsAfter(rig, seq)).filter((event) => event.type === 'workload.recovered').map((event) => event.workload);
      expect([...recovered].sort()).toEqual(names);
    });
  });
});

describe('two replicas over one Postgres', () => {
  let postgres: EmbeddedPostgres;
  let replicas: readonly ControlPlane[] = [];
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.start({ name: 'rc1', hosts: 3 });
    postgres = await startEmbeddedPostgres({ dataDir: join(lab.stateDir, 'postgres'), log: () => undefined });
    const ticks = await startTicks(lab.ctlNetns, REPO_ROOT);
    replicas = [await replica('one', ['10.66.0.254', '10.66.1.254']), await replica('two', ['10.66.0.253', '10.66.1.253'])];
    const asked = replicas[1] as ControlPlane;
    const close = async (): Promise<void> => {
      await ticks.close();
      for (const one of replicas) await one.stop();
      await postgres.stop();
      await lab.down();
    };
    rig = { lab, control: asked, api: () => asked.api(), ticks, close };
    await enrolAll(rig);
  });
  afterAll(async () => {
    if (replicas.length > 0) await rig.close();
    else await lab?.down();
  });
  afterEach(() => endHealthy(rig));

  async function replica(name: string, witnessLinks: readonly string[]): Promise<ControlPlane> {
    const { host: socketDir, port, user, database } = postgres.connection;
    return startControlPlane(lab, { repoRoot: REPO_ROOT, fresh: true, replicaName: name, witnessLinks, databaseUrl: `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(socketDir)}` });
  }

  const through = (control: ControlPlane): Rig => ({ lab, control, api: () => control.api() });

  async function leaderAndOther(): Promise<{ leader: ControlPlane; other: ControlPlane }> {
    const epochs = await Promise.all(replicas.map(async (one) => (await one.api().get<{ cluster: { leader: { epoch: number | null } } }>('/status')).cluster.leader.epoch));
    const at = epochs.findIndex((epoch) => epoch !== null);
    const [leader, other] = [replicas[at], replicas[1 - at]];
    if (!leader || !other) throw new Error(`no replica leads: ${JSON.stringify(epochs)}`);
    return { leader, other };
  }

  it('Postgres killed in the middle of a fence, and back: fenced and recovered once', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-2' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    const seq = await lastSeq(rig);
    await rig.lab.bmc(host('host-2'), 'slow');
    await rig.lab.powerCut(host('host-2'));
    await waitUntil('the fence to be under way', async () => (await operationsOf('kind=fence&state=running')).length > 0, { everyMs: 10, describe: () => describeRig(rig) });
    const postmaster = (await readFile(join(lab.stateDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0] ?? '';
    process.kill(Number(postmaster), 'SIGKILL');
    await waitUntil('another Postgres', async () => {
      const now = (await readFile(join(lab.stateDir, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[0] ?? '';
      return now !== '' && now !== postmaster && (await hostsOf(rig).then(() => true, () => false));
    }, { timeoutMs: 90_000 });
    await runsElsewhere('vm-1', 'host-2');
    const again = await rig.ticks.waitForTick('vm-1', 0, { notBoot: first.boot });
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot, again.boot]);
    const types = (await eventsAfter(rig, seq)).map((event) => event.type);
    expect(types.filter((type) => type === 'host.fenced')).toHaveLength(1);
    expect(types.filter((type) => type === 'workload.recovered')).toHaveLength(1);
  });

  it('the leader is killed in the middle of a migration: it ends right, once, without a restart', async () => {
    await createTicker(rig, 'vm-1', 1, { host: 'host-1' });
    const first = await rig.ticks.waitForTick('vm-1', 0);
    const { leader, other } = await leaderAndOther();
    await guestControl(lab, 1, 'dirty 16 8');
    const id = String((await other.api().post<{ operationIds: string[] }>('/workloads/vm-1/migrate', { to: 'host-2', bandwidthMiBps: 16 })).operationIds[0]);
    await waitUntil('the transfer', async () => (await other.api().get<RigOperation>(`/operations/${id}`)).steps.some((step) => step.name === 'transfer' && step.state === 'running'), { everyMs: 10, describe: () => describeRig(through(other)) });
    await leader.kill();
    try {
      await ended(through(other), id);
      await waitUntil('the other one to lead', async () => (await other.api().get<{ cluster: { leader: { epoch: number | null } } }>('/status')).cluster.leader.epoch !== null, { describe: () => describeRig(through(other)) });
    } finally {
      await leader.restart();
    }
    await rig.ticks.waitForTick('vm-1', Date.now());
    expect(rig.ticks.boots('vm-1')).toEqual([first.boot]);
    expect(await workloadNamed(rig, 'vm-1')).toMatchObject({ state: 'running', host: 'host-2' });
  });
});
