// The store in Postgres passes the suite of the ClusterStore port.
import { afterAll, beforeAll } from 'vitest';
import { openStore, type OpenStore } from '../../src/store/open-store.js';
import { clusterStoreConformance } from '../conformance/cluster-store.conformance.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';

let database: TestDatabase;
let opened: OpenStore;

beforeAll(async () => {
  database = await createTestDatabase();
  opened = await openStore(database.connection);
});
afterAll(async () => {
  await opened.close();
  await database.drop();
});

clusterStoreConformance('postgres', async () => {
  await database.empty();
  return { store: opened.store, pass: (ms) => new Promise((done) => setTimeout(done, ms)), close: async () => undefined };
});
