// The schema: what migrations make is what the tables say, whoever starts first and however often.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataSource, MIGRATIONS } from '../../src/store/connection.js';
import { openStore } from '../../src/store/open-store.js';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from './test-database.js';

let database: TestDatabase;

beforeEach(async () => void (database = await createEmptyDatabase()));
afterEach(() => database.drop());

describe('migrations', () => {
  it('make exactly the tables that the store knows', async () => {
    const opened = await openStore(database.connection);
    const drift = (await opened.source.driver.createSchemaBuilder().log()).upQueries.map((query) => query.query);
    await opened.close();
    expect(drift).toEqual([]);
  });

  it('are applied once by replicas that start together', async () => {
    const opened = await Promise.all([1, 2, 3].map(() => openStore(database.connection)));
    const applied = await opened[0]!.source.query<{ name: string }[]>('SELECT name FROM reeve_migrations');
    expect(applied.map((one) => one.name)).toEqual(MIGRATIONS.map((one) => one.name));
    expect((await opened[2]!.store.readView()).version).toBe(1);
    await Promise.all(opened.map((one) => one.close()));
  });

  it('can be taken back and applied again', async () => {
    const source = await dataSource(database.connection).initialize();
    await source.runMigrations({ transaction: 'all' });
    for (let undone = 0; undone < MIGRATIONS.length; undone += 1) await source.undoLastMigration({ transaction: 'all' });
    const left = await source.query<{ tablename: string }[]>(`SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'reeve_migrations'`);
    await source.runMigrations({ transaction: 'all' });
    await source.destroy();
    expect(left).toEqual([]);
  });

  it('keep what hosts say of their daemons for containers, back and forth', async () => {
    const source = await dataSource(database.connection).initialize();
    await source.runMigrations({ transaction: 'all' });
    const daemon = { driver: 'lxd', pools: [{ name: 'default', driver: 'dir', source: '/x' }, { name: 'ha', driver: 'btrfs', source: 'fs' }], filesystems: [{ uuid: 'fs' }] };
    const insert = (id: string, facts: unknown): Promise<unknown> => source.query(`INSERT INTO host (id, name, condition, host_epoch, document) VALUES ($1, $1, 'online', 1, $2)`, [id, { intent: 'active', takenPools: [], facts }]);
    await insert('a', { containerDaemons: [daemon] });
    await insert('b', { containerDaemons: [] });
    await insert('c', null);
    const documents = async (): Promise<unknown> => (await source.query<{ document: unknown }[]>('SELECT document FROM host ORDER BY id')).map(({ document }) => document);
    while ((await source.query<{ name: string }[]>('SELECT name FROM reeve_migrations')).some(({ name }) => name.startsWith('BlockPools'))) await source.undoLastMigration({ transaction: 'all' });
    const bare = { driver: 'lxd', pools: [{ name: 'default', driver: 'dir' }, { name: 'ha', driver: 'btrfs' }] };
    expect(await documents()).toEqual([{ intent: 'active', facts: { containerDaemons: [bare] } }, { intent: 'active', facts: { containerDaemons: [] } }, { intent: 'active', facts: null }]);
    await source.runMigrations({ transaction: 'all' });
    const since = { zone: null, labels: {} };
    const again = { ...bare, pools: bare.pools.map((pool) => ({ ...pool, source: null })), filesystems: [] };
    expect(await documents()).toEqual([{ intent: 'active', takenPools: [], facts: { containerDaemons: [again] } }, { intent: 'active', takenPools: [], facts: { containerDaemons: [] } }, { intent: 'active', takenPools: [], facts: null }].map((one) => ({ ...since, ...one })));
    await source.destroy();
  });

  it('give labels to what was there, and take what is selected as it was when they are taken back', async () => {
    const source = await dataSource(database.connection).initialize();
    await source.runMigrations({ transaction: 'all' });
    const backTo = async (last: string): Promise<void> => {
      while ((await source.query<{ name: string }[]>('SELECT name FROM reeve_migrations')).some(({ name }) => name.startsWith(last))) await source.undoLastMigration({ transaction: 'all' });
    };
    await backTo('HostLabels');
    await source.query(`INSERT INTO workload (id, uuid, name, workload_epoch, document) VALUES ('w', 'w', 'w', 1, $1)`, [{ state: 'running', desired: 'running' }]);
    await source.runMigrations({ transaction: 'all' });
    expect(await source.query('SELECT document FROM workload')).toEqual([{ document: { state: 'running', desired: 'running', labels: {} } }]);
    const insert = (name: string, document: unknown): Promise<unknown> => source.query('INSERT INTO placement_rule (name, document) VALUES ($1, $2)', [name, document]);
    await insert('by-host', { name: 'by-host', type: 'keep-apart', workloads: ['w'], selector: { named: [], labels: { app: 'db' } } });
    await insert('by-zone', { name: 'by-zone', type: 'keep-apart', per: 'zone', workloads: ['w'] });
    await backTo('HostLabels');
    expect(await source.query('SELECT document FROM placement_rule')).toEqual([{ document: { name: 'by-host', type: 'keep-apart', workloads: ['w'] } }]);
    expect(await source.query('SELECT document FROM workload')).toEqual([{ document: { state: 'running', desired: 'running' } }]);
    await source.destroy();
  });

  it('refuse a database of a newer release', async () => {
    const opened = await openStore(database.connection);
    await opened.source.query(`INSERT INTO reeve_migrations (timestamp, name) VALUES (9999999999999, 'FromTheFuture9999999999999')`);
    await opened.close();
    await expect(openStore(database.connection)).rejects.toMatchObject({ code: 'unsupported', message: expect.stringMatching(/newer release/) as string });
  });
});

describe('opening the store', () => {
  it('says what is wrong with the address', async () => {
    await expect(openStore({ ...database.connection, database: 'not_there' })).rejects.toMatchObject({ name: 'OperationalError', code: 'failed', remedy: expect.stringMatching(/create the database/) as string });
    await expect(openStore({ ...database.connection, host: '/nowhere' })).rejects.toMatchObject({ name: 'OperationalError', code: 'unreachable' });
    await expect(openStore({ connectionString: 'postgres://reeve@127.0.0.1:1/reeve' })).rejects.toMatchObject({ name: 'OperationalError', code: 'unreachable' });
  });

  it('takes an address as one text', async () => {
    const other = await createTestDatabase();
    const { host, user, database: name } = other.connection;
    const opened = await openStore({ connectionString: `postgres://${user}@/${name}?host=${encodeURIComponent(host)}` });
    expect((await opened.store.readView()).version).toBe(1);
    await opened.close();
    await other.drop();
  });

  it('keeps settings and the audit log', async () => {
    const { settings, audit, close } = await openStore(database.connection);
    expect(await settings.get('token')).toBeNull();
    expect(await Promise.all([settings.setOnce('id', 'a'), settings.setOnce('id', 'b')]).then((ids) => new Set(ids).size)).toBe(1);
    await settings.set('token', { hash: 'x' });
    await settings.set('token', { hash: 'y\0z' });
    expect(await settings.get('token')).toEqual({ hash: 'y\uFFFDz' });
    await audit.append({ actor: 'ann', action: 'host.confirm-off', target: 'h1', details: { why: 'saw it' } });
    await audit.append({ actor: 'bob', action: 'disarm', target: '', details: {} });
    const [last, first] = await audit.list(10);
    expect(last).toMatchObject({ actor: 'bob' });
    expect(first).toMatchObject({ actor: 'ann', action: 'host.confirm-off', target: 'h1', details: { why: 'saw it' } });
    expect(await audit.list(1)).toEqual([last]);
    expect(await audit.list(10, last!.seq)).toEqual([first]);
    await close();
  });
});
