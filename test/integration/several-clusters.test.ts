// Several clusters under one control plane, on a real Postgres and both queues: each has its own, nothing of one reaches another.
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterDocument, HostDocument, OperationDocument } from '../../src/api/documents.js';
import { loadConfig, type Config } from '../../src/app/config.js';
import { createLogger } from '../../src/app/logger.js';
import { startControlPlane, type ControlPlane } from '../../src/app/start-control-plane.js';
import { HttpClient } from '../../src/cli/http-client.js';
import type { ClusterEvent } from '../../src/cluster/cluster-event.js';
import { openStore } from '../../src/store/open-store.js';
import { NO_REDIS, startRedis } from './redis-server.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';

const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGNvbXBhcmVkIGJ5IG5vYm9keSBhdCBhbGwsIGV2ZXIuLi4u';
/** What three replicas may have each, for Postgres's usual 100 with those that it keeps for itself. */
const MOST_CONNECTIONS = 32;
const MAX_TRIES = 1_000;

let dir = '';
let database: TestDatabase;
const log: string[] = [];
const running: ControlPlane[] = [];
const cleanUps: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'reeve-several-'));
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const control of running.splice(0)) await control.stop();
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
  log.length = 0;
});

/** UDP ports that nobody has now. */
async function freePorts(count: number): Promise<readonly number[]> {
  const sockets = await Promise.all(Array.from({ length: count }, async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
    return socket;
  }));
  const ports = sockets.map((socket) => socket.address().port);
  await Promise.all(sockets.map((socket) => new Promise<void>((done) => socket.close(done))));
  return ports;
}

async function configured(further: readonly string[], more: Readonly<Record<string, unknown>> = {}): Promise<Config> {
  const [first = 0, ...ports] = await freePorts(further.length + 1);
  const { host, port, user, database: name } = database.connection;
  const file = {
    clusterName: 'one', stateDir: join(dir, 'state'), replicaName: 'ctl', api: { listen: `unix:${join(dir, 'api.sock')}` }, witness: { listen: [`127.0.0.1:${first}`] },
    database: { url: `postgres://${user}@localhost:${port}/${name}?host=${encodeURIComponent(host)}` },
    clusters: Object.fromEntries(further.map((one, nth) => [one, { witness: { listen: [`127.0.0.1:${ports[nth] ?? 0}`] } }])),
    ...more,
  };
  const config = loadConfig({ argv: [], env: {}, readFile: () => JSON.stringify(file) });
  if (!config.ok) throw new Error(config.error);
  return config.value;
}

async function start(config: Config): Promise<ControlPlane> {
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      log.push(...chunk.toString().split('\n').filter(Boolean));
      done();
    },
  });
  const control = await startControlPlane(config, createLogger({ level: 'info', pretty: false, destination }));
  running.push(control);
  return control;
}

async function stop(control: ControlPlane): Promise<void> {
  running.splice(running.indexOf(control), 1);
  await control.stop();
}

function of(cluster: string | null): HttpClient {
  const { token } = JSON.parse(readFileSync(join(dir, 'state', 'cli.json'), 'utf8')) as { token: string };
  return new HttpClient({ server: `unix:${join(dir, 'api.sock')}`, token, cluster });
}

const clusters = async (): Promise<readonly ClusterDocument[]> => (await of(null).get<{ items: ClusterDocument[] }>('/clusters')).items;
const items = async <T>(cluster: string | null, path: string): Promise<readonly T[]> => (await of(cluster).get<{ items: T[] }>(path)).items;
const names = async (cluster: string | null): Promise<readonly string[]> => (await items<HostDocument>(cluster, '/hosts')).map((one) => one.name);

/** A machine where nobody listens: its enrolment ends soon, and says so. */
const add = (cluster: string | null, name: string, address = '127.0.0.1', port = 1) => of(cluster).post<{ operationId: string }>('/hosts', { name, address, ssh: { port, hostKey: HOST_KEY } });

async function until(what: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    if (await what()) return;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`waited in vain; the log says\n${log.slice(-20).join('\n')}`);
}

const query = <Row>(sql: string): Promise<readonly Row[]> => database.query<Row>(sql);

const connections = async (): Promise<number> => Number((await query<{ count: string }>(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`))[0]?.count);

describe.each([['Postgres', null], ['Redis', NO_REDIS]] as const)('with the queue in %s', (backend, missing) => {
  /** Starts two clusters; the result asks in which queues there were jobs. */
  async function started(): Promise<() => Promise<readonly string[]>> {
    if (backend === 'Postgres') {
      await start(await configured(['two']));
      return async () => (await query<{ queue: string }>('SELECT DISTINCT queue FROM bullmq.event ORDER BY queue')).map((one) => one.queue);
    }
    const redis = await startRedis();
    cleanUps.push(() => redis.remove());
    await start({ ...(await configured(['two'])), queue: { kind: 'redis', url: redis.url } });
    const client = new Redis(redis.url);
    cleanUps.unshift(async () => client.disconnect());
    return async () => (await client.keys('bull:*:events')).map((key) => key.split(':')[1] ?? '').sort();
  }

  it.skipIf(missing)('an operation of one cluster is run by its own workers, and seen in no other', async () => {
    const queues = await started();
    const { operationId } = await add('two', 'host-1');
    await until(async () => (await of('two').get<OperationDocument>(`/operations/${operationId}`)).state === 'failed');
    expect(await queues()).toEqual(['reeve-two-normal']);
    expect(await names('two')).toEqual(['host-1']);
    expect(await names('one')).toEqual([]);
    expect(await names(null)).toEqual([]);
    expect(await items(null, '/operations')).toEqual([]);
    await expect(of(null).get(`/operations/${operationId}`)).rejects.toThrow('there is no operation');
    const types = async (cluster: string): Promise<readonly string[]> => (await items<ClusterEvent>(cluster, '/events')).map((one) => one.type);
    expect(await types('two')).toContain('host.added');
    expect(await types('one')).not.toContain('host.added');
    expect((await items<{ action: string }>('two', '/audit')).map((one) => one.action)).toEqual(['host.add']);
    expect(await items('one', '/audit')).toEqual([]);
    // The same the other way round, at the same time, under the same name.
    const other = await add('one', 'host-1', '127.0.0.2');
    await until(async () => (await of('one').get<OperationDocument>(`/operations/${other.operationId}`)).state === 'failed');
    expect(await items('two', '/operations')).toHaveLength(1);
    expect(await queues()).toEqual(['reeve-normal', 'reeve-two-normal']);
  });
});

describe('two clusters', () => {
  it('are listed with what is their own, and lead each for itself', async () => {
    await start(await configured(['two']));
    await add('two', 'host-1');
    await of('two').post('/disarm', { reason: 'new switches' });
    await until(async () => (await clusters()).every((one) => one.leader.epoch !== null));
    const [one, two] = await clusters();
    expect(one).toMatchObject({ name: 'one', isDefault: true, hosts: 0, workloads: 0, leader: { replica: 'ctl', epoch: 1 }, disarm: null });
    expect(two).toMatchObject({ name: 'two', isDefault: false, hosts: 1, leader: { replica: 'ctl', epoch: 1 }, disarm: { reason: 'new switches' } });
    expect(await of(null).get('/clusters/two')).toMatchObject({ name: 'two', hosts: 1 });
    await expect(of('three').get('/status')).rejects.toMatchObject({ message: 'there is no cluster three; there are one, two', remedy: 'reeve cluster list' });
    // Somebody else leads one of them now: the other one goes on.
    await query(`UPDATE cluster_two.leader SET holder = 'another', epoch = 7, until = now() + interval '1 hour'`);
    await until(async () => (await clusters()).map(({ leader }) => leader.epoch).join() === '1,');
  });

  it('do not share a host', async () => {
    await start(await configured(['two']));
    await add('two', 'host-1');
    await expect(add(null, 'host-9')).rejects.toMatchObject({ exitCode: 4, message: 'address: 127.0.0.1 (SSH port 1) is host-1 of the cluster two; a host belongs to one cluster', remedy: 'reeve --cluster two host show host-1' });
    await expect(of(null).post('/hosts/check', { name: 'x', address: '127.0.0.1', ssh: { port: 1, hostKey: HOST_KEY } })).rejects.toThrow('a host belongs to one cluster');
    await add(null, 'host-9', '127.0.0.1', 2);
    expect(await names(null)).toEqual(['host-9']);
  });

  it('are there again after a restart, each as it was, with its own identity', async () => {
    const config = await configured(['two']);
    const control = await start(config);
    await add('two', 'host-1');
    const ids = `SELECT s.value AS first, t.value AS second FROM setting s, cluster_two.setting t WHERE s.key = 'clusterId' AND t.key = 'clusterId'`;
    const before = await query<{ first: string; second: string }>(ids);
    expect(before[0]?.first).not.toBe(before[0]?.second);
    await stop(control);
    expect(await connections()).toBe(0);
    await start(config);
    expect(await query(ids)).toEqual(before);
    expect([await names(null), await names('two')]).toEqual([[], ['host-1']]);
    expect(['witness-id', 'clusters/two/witness-id', 'clusters/two/witness-start'].filter((file) => !existsSync(join(dir, 'state', file)))).toEqual([]);
  });

  it('say in the log which one they are, and when one is left out', async () => {
    const config = await configured(['two']);
    const control = await start(config);
    const leads = (): unknown[] => log.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line['message'] === 'this replica leads').map((line) => line['cluster']);
    expect(leads().sort()).toEqual(['one', 'two']);
    await stop(control);
    log.length = 0;
    await start({ ...config, furtherClusters: [] });
    expect(log.join('\n')).toContain('the database holds the cluster two, which clusters does not name');
    // As it was before there were several.
    expect(leads()).toEqual([undefined]);
  });

  it('fail with the name of the one that does, and leave nothing running', async () => {
    const config = await configured(['two']);
    await stop(await start(config));
    await query(`INSERT INTO cluster_two.reeve_migrations (timestamp, name) VALUES (9999999999999, 'FromTheFuture9999999999999')`);
    await expect(start(config)).rejects.toMatchObject({ name: 'OperationalError', message: expect.stringContaining('cluster two: the database was changed by a newer release') as string });
    expect(await connections()).toBe(0);
    expect(existsSync(join(dir, 'api.sock'))).toBe(false);
  });
});

it('eight clusters with their queues leave room for two replicas more in a hundred connections', async () => {
  await start(await configured(['b', 'c', 'd', 'e', 'f', 'g', 'h']));
  const all = (await clusters()).map((one) => one.name);
  expect(all).toEqual(['one', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
  const added = await Promise.all(all.map(async (name, nth) => [name, (await add(name, 'host-1', `127.0.0.${nth + 1}`)).operationId] as const));
  let most = 0;
  await until(async () => {
    most = Math.max(most, await connections());
    return (await Promise.all(added.map(async ([name, id]) => (await of(name).get<OperationDocument>(`/operations/${id}`)).state))).every((state) => state === 'failed');
  });
  expect(most).toBeGreaterThan(8);
  expect(most).toBeLessThanOrEqual(MOST_CONNECTIONS);
});

describe('the store of a cluster beside the first', () => {
  it('has all tables, as the program knows them, in a schema of its own', async () => {
    const opened = await openStore(database.connection, { further: 'b-2' });
    const drift = (await opened.source.driver.createSchemaBuilder().log()).upQueries.map((one) => one.query);
    await opened.close();
    expect(drift).toEqual([]);
    const tables = await query<{ schemaname: string; count: string }>(`SELECT schemaname, count(*) FROM pg_tables WHERE schemaname IN ('public', 'cluster_b_2') GROUP BY 1 ORDER BY 1`);
    expect(tables.map((one) => one.schemaname)).toEqual(['cluster_b_2', 'public']);
    expect(tables[0]?.count).toBe(tables[1]?.count);
  });

  it('is made once by replicas that start together, and wakes nobody else', async () => {
    const [one, two, again] = await Promise.all([openStore(database.connection), openStore(database.connection, { further: 'two' }), openStore(database.connection, { further: 'two' })]);
    const woken = { one: 0, two: 0, again: 0 };
    one.store.onChange(() => (woken.one += 1));
    two.store.onChange(() => (woken.two += 1));
    again.store.onChange(() => (woken.again += 1));
    const event = { type: 'test', severity: 'info' as const, host: null, workload: null, operationId: null, message: 'm', data: {} };
    await two.store.appendEvents([event]);
    await until(async () => woken.two > 0 && woken.again > 0);
    expect(woken.one).toBe(0);
    await one.store.appendEvents([event]);
    await until(async () => woken.one > 0);
    expect(woken).toEqual({ one: 1, two: 1, again: 1 });
    expect([(await one.store.events(0, 10)).length, (await again.store.events(0, 10)).length]).toEqual([1, 1]);
    for (const opened of [one, two, again]) await opened.close();
  });
});
