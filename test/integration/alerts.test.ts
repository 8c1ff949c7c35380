// Alerts on a real Postgres to real webhooks: nothing is lost over crashes and leader changes, and a target that is down holds up only itself.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Alert } from '../../src/cluster/alert.js';
import { aTarget } from '../../src/cluster/alerts.fixture.js';
import { event, type NewClusterEvent } from '../../src/cluster/cluster-event.js';
import { AlertDelivery, type AlertPorts } from '../../src/cluster/control/alert-delivery.js';
import { alertStates } from '../../src/cluster/control/alert-states.js';
import { testAlerts } from '../../src/cluster/control/test-alerts.js';
import type { AlertTarget, Notifier } from '../../src/cluster/notifier.js';
import { webhookNotifier } from '../../src/notifiers/webhook-notifier.js';
import type { Clock } from '../../src/shared/clock.js';
import { systemClock } from '../../src/shared/system/system-clock.js';
import { openStore, type OpenStore } from '../../src/store/open-store.js';
import { alertCursorsConformance } from '../conformance/alert-cursors.conformance.js';
import { LEASE_MS } from '../conformance/store-leadership.conformance.js';
import { status, WebhookServer } from '../conformance/webhook-server.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';

let database: TestDatabase;
let opened: OpenStore;
const servers: WebhookServer[] = [];
const replicas: Replica[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  opened = await openStore(database.connection);
});
afterAll(async () => {
  await opened.close();
  await database.drop();
});
beforeEach(() => database.empty());
afterEach(async () => {
  for (const one of replicas.splice(0)) await one.delivery.stop();
  for (const one of servers.splice(0)) await one.stop();
});

alertCursorsConformance('postgres', async () => {
  await database.empty();
  return { store: opened.store, cursors: opened.alertCursors };
});

/** A clock that can be put forward. */
class ShiftedClock implements Clock {
  shiftMs = 0;
  nowMs = (): number => Date.now() + this.shiftMs;
  monotonicMs = systemClock.monotonicMs;
  sleep = systemClock.sleep;
}

interface Replica {
  readonly delivery: AlertDelivery;
  readonly ports: AlertPorts;
  readonly clock: ShiftedClock;
  lead(): Promise<void>;
  /** Without a word: its lease is still held by the time it is gone. */
  lose(): void;
}

async function receiver(): Promise<WebhookServer> {
  const server = new WebhookServer();
  await server.start();
  servers.push(server);
  return server;
}

const hook = (server: WebhookServer, set: Partial<AlertTarget> = {}): AlertTarget => aTarget(webhookNotifier({ url: `${server.origin}/`, secret: null, timeoutMs: 500, nowS: () => 0 }), set);

function replica(name: string, targets: readonly AlertTarget[]): Replica {
  let epoch: number | null = null;
  const clock = new ShiftedClock();
  const ports: AlertPorts = { targets, cursors: opened.alertCursors, store: opened.store, source: { clusterId: 'c1', cluster: 'lab' }, maxAgeMs: 3_600_000 };
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };
  const delivery = new AlertDelivery({ ...ports, clock, leaderEpoch: () => epoch, log });
  const one: Replica = {
    delivery, ports, clock,
    lead: async () => {
      await database.query('UPDATE leader SET until = NULL');
      epoch = (await opened.store.acquireLease(name, LEASE_MS)).epoch;
      await delivery.look();
    },
    lose: () => void (epoch = null),
  };
  replicas.push(one);
  return one;
}

const happen = (...messages: readonly string[]): Promise<void> => opened.store.appendEvents(messages.map((message) => said(message)));
const said = (message: string): NewClusterEvent => event('host.silent', message, { severity: 'alert', host: 'host-1' });
const heard = (server: WebhookServer): readonly string[] => server.deliveries.map(({ body }) => (JSON.parse(body) as Alert).why);
const typesHeard = (server: WebhookServer): readonly string[] => server.deliveries.map(({ body }) => (JSON.parse(body) as Alert).type);

/** Looks again and again, as the loop does, until it is so. */
async function until(one: Replica, what: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    await one.delivery.look();
    if (await what()) return;
    await new Promise((done) => setTimeout(done, 10));
  }
  expect(await what()).toBe(true);
}

describe('alerts', () => {
  it('begin at now, reach each target in order, and only what it wants', async () => {
    const [all, few] = [await receiver(), await receiver()];
    await happen('before');
    const one = replica('one', [hook(all, { target: 'all', least: 'info' }), hook(few, { target: 'few', types: ['workload.*'] })]);
    await one.lead();
    const many = Array.from({ length: 250 }, (_, nth) => `event ${nth}`);
    await happen(...many);
    await opened.store.appendEvents([event('workload.error', 'it gave up', { severity: 'alert', workload: 'vm-1' }), event('leader', 'somebody leads')]);
    await until(one, () => heard(all).length === 252 && heard(few).length === 1);
    expect(heard(all)).toEqual([...many, 'it gave up', 'somebody leads']);
    expect(heard(few)).toEqual(['it gave up']);
    expect(new Set(all.deliveries.map(({ headers }) => headers['webhook-id'])).size).toBe(252);
  });

  it('are sent by the leader only', async () => {
    const server = await receiver();
    const [one, other] = [replica('one', [hook(server)]), replica('other', [hook(server)])];
    await one.lead();
    await happen('a');
    await other.delivery.look();
    expect(heard(server)).toEqual([]);
    await until(one, () => heard(server).length === 1);
  });

  it('go on where the former leader was, when it lost its lease in the middle', async () => {
    const server = await receiver();
    const [one, other] = [replica('one', [hook(server)]), replica('other', [hook(server)])];
    await one.lead();
    await happen('a', 'b', 'c', 'd');
    // While b is on its way another takes over, and the former leader does not know yet.
    let taken: Promise<void> | null = null;
    server.answer = (response, request) => {
      if (heard(server).length === 2) taken ??= other.lead();
      void (taken ?? Promise.resolve()).then(() => status(204)(response, request));
    };
    await one.delivery.look();
    await until(other, () => heard(server).includes('d'));
    // b was taken twice: nobody knew that it had been. Nothing is missing, and order is kept.
    expect([...new Set(heard(server))]).toEqual(['a', 'b', 'c', 'd']);
    expect(heard(server).filter((why) => why === 'b').length).toBeLessThanOrEqual(2);
    expect(heard(server).filter((why) => why === 'd')).toHaveLength(1);
  });

  it('are sent again, with the same id, after a crash between the answer and its record', async () => {
    const server = await receiver();
    const crashing = replica('one', [hook(server)]);
    await crashing.lead();
    server.answer = (response, request) => {
      crashing.lose();
      status(204)(response, request);
    };
    await happen('a', 'b');
    await crashing.delivery.look();
    await until(crashing, () => heard(server).length === 1);
    const next = replica('two', [hook(server)]);
    server.answer = status(204);
    await next.lead();
    await until(next, () => heard(server).includes('b'));
    expect(heard(server)).toEqual(['a', 'a', 'b']);
    const [first, second] = server.deliveries;
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  });

  it('of a target that is down wait, tell the others, and hold up nobody else', async () => {
    const [good, bad] = [await receiver(), await receiver()];
    await bad.stop();
    const one = replica('one', [hook(good, { target: 'good' }), hook(bad, { target: 'bad' })]);
    await one.lead();
    await happen('a', 'b');
    await until(one, () => heard(good).length === 2);
    const failing = async (attempts: number): Promise<boolean> => ((await alertStates(one.ports))[1]?.failure?.attempts ?? 0) >= attempts;
    await until(one, () => failing(1));
    // The next try is a second later, by the wall clock.
    one.clock.shiftMs += 1_001;
    await until(one, () => failing(2));
    await until(one, () => heard(good).length === 3);
    expect(typesHeard(good)[2]).toBe('alert.delivery-failing');
    await until(one, async () => (await alertStates(one.ports))[0]?.waiting === 0);
    expect(await alertStates(one.ports)).toMatchObject([{ name: 'good', failure: null }, { name: 'bad', waiting: 2, failure: { attempts: 2, why: expect.stringContaining('ECONNREFUSED') as string } }]);
    await bad.start();
    one.clock.shiftMs += 2_001;
    await until(one, () => heard(bad).length === 2);
    // Its own troubles are not sent to it.
    await happen('c');
    await until(one, () => heard(bad).length === 3);
    expect(heard(bad)).toEqual(['a', 'b', 'c']);
    expect((await opened.store.events(null, 10)).map((event_) => event_.type).filter((type) => type.startsWith('alert.'))).toEqual(['alert.delivery-failing', 'alert.delivery-works']);
  });

  it('wait on after a leader change: back-off and failures are kept', async () => {
    const bad = await receiver();
    bad.answer = status(500);
    const [one, other] = [replica('one', [hook(bad)]), replica('other', [hook(bad)])];
    await one.lead();
    await happen('a');
    await until(one, async () => (await alertStates(one.ports))[0]?.failure?.attempts === 1);
    one.lose();
    await other.lead();
    await other.delivery.look();
    expect(heard(bad)).toHaveLength(1);
    other.clock.shiftMs += 1_001;
    await until(other, async () => (await alertStates(other.ports))[0]?.failure?.attempts === 2);
  });

  it('that have grown old are counted in one alert', async () => {
    const server = await receiver();
    const one = replica('one', [hook(server)]);
    await one.lead();
    await happen('a', 'b');
    await database.query(`UPDATE event SET at = at - interval '2 hours'`);
    await happen('c');
    await until(one, () => heard(server).length === 2);
    expect(typesHeard(server)).toEqual(['alert.skipped', 'host.silent']);
    expect(heard(server)[0]).toContain('2 alerts were too old');
  });

  it('on their way keep nobody waiting', async () => {
    let begun = false;
    const stuck: Notifier = { describe: 'stuck', send: (_alert, signal) => new Promise((_done, fail) => {
      begun = true;
      signal.addEventListener('abort', () => fail(new Error('given up')), { once: true });
    }) };
    const one = replica('one', [aTarget(stuck)]);
    await one.lead();
    await happen('a');
    const began = performance.now();
    await until(one, () => begun);
    for (let looks = 0; looks < 5; looks += 1) await one.delivery.look();
    await one.delivery.stop();
    expect(performance.now() - began).toBeLessThan(2_000);
    expect((await opened.alertCursors.list())[0]).toMatchObject({ failure: null });
  });

  it('of a test say what each target answers, and a success ends the waiting', async () => {
    const [good, bad] = [await receiver(), await receiver()];
    bad.answer = status(500);
    const one = replica('one', [hook(good, { target: 'good' }), hook(bad, { target: 'bad' })]);
    await one.lead();
    await happen('a');
    await until(one, async () => (await alertStates(one.ports))[1]?.failure?.attempts === 1);
    const test = (): ReturnType<typeof testAlerts> => testAlerts(one.ports, one.ports.targets, systemClock, { by: 'anna', nonce: 'n1' });
    expect(await test()).toMatchObject([{ target: 'good', ok: true, why: null }, { target: 'bad', ok: false, why: expect.stringContaining('answered 500') as string }]);
    bad.answer = status(204);
    expect(await test()).toMatchObject([{ ok: true }, { ok: true }]);
    await until(one, () => heard(bad).at(-1) === 'a');
  });
});
