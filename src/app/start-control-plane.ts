// The composition root of the control plane: what the process has once, around its clusters; started and stopped in order.
import { startApi, type RunningApi } from '../api/start-api.js';
import { openBackend, type OpenBackend, type QueueBackend } from '../jobs/queue-backend.js';
import { ThreadPlanner } from '../planner/thread-planner.js';
import { messageOf, OperationalError, UserError } from '../shared/errors.js';
import { ChangeListener } from '../store/change-listener.js';
import { placeOf } from '../store/cluster-schema.js';
import { poolSizeFor, type ConnectionConfig } from '../store/connection.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../store/embedded/embedded-postgres.js';
import { furtherClustersIn, openStore, type OpenStore } from '../store/open-store.js';
import type { ClusterConfig, Config } from './config.js';
import { makeAccess, tokenVerifier, writeCliFile } from './identity.js';
import type { Logger } from './logger.js';
import { LoopsModule } from './loops.module.js';
import { Neighbours } from './neighbours.js';
import { openCluster, type OpenCluster } from './open-cluster.js';
import { preflight } from './preflight.js';

/** Beside the control plane's own; also when that runs from its sources. */
const PLANNER_BUNDLE = new URL(import.meta.url.endsWith('.ts') ? '../../dist/planner.js' : './planner.js', import.meta.url);

export interface ControlPlane {
  readonly address: string;
  stop(): Promise<void>;
}

/** Throws UserError: something that was set is wrong; OperationalError: what it stands on is away or refuses. With several clusters, the message names the one. */
export async function startControlPlane(config: Config, log: Logger): Promise<ControlPlane> {
  await preflight(config);
  const embedded = config.database.kind === 'embedded' ? await startEmbeddedPostgres({ dataDir: config.database.dataDir, log: (line) => log.info(line) }) : null;
  try {
    return await startOn(config, log, embedded);
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

/** What runs, in the order in which it was started; filled as it starts. */
interface Running {
  changes: ChangeListener | null;
  queues: OpenBackend | null;
  readonly stores: OpenStore[];
  readonly clusters: OpenCluster[];
  readonly planner: ThreadPlanner;
  api: RunningApi | null;
}

async function startOn(config: Config, log: Logger, embedded: EmbeddedPostgres | null): Promise<ControlPlane> {
  const running: Running = { changes: null, queues: null, stores: [], clusters: [], planner: new ThreadPlanner({ entry: PLANNER_BUNDLE }), api: null };
  try {
    const { address } = await startAll(config, log, connectionOf(config, embedded), running);
    return { address, stop: () => stopInOrder(log, running, embedded) };
  } catch (error) {
    // In order too: else each part would complain that what it stands on is gone.
    await stopInOrder(log, running, null).catch(() => undefined);
    throw error;
  }
}

async function startAll(config: Config, log: Logger, connection: ConnectionConfig, running: Running): Promise<RunningApi> {
  const configured: readonly [ClusterConfig, ...ClusterConfig[]] = [config, ...config.furtherClusters];
  const token = await openAll({ config, configured, connection, log }, running);
  await startEach(running.clusters, configured.length > 1);
  const [first, ...rest] = running.clusters.map(({ ports }) => ports);
  if (!first) throw new Error('a control plane has a cluster');
  const loops = running.clusters.flatMap((cluster) => cluster.loops);
  const api = await startApi({ clusters: [first, ...rest], verifyToken: tokenVerifier(token) }, { listen: config.api.listen, log: (error) => log.error({ error }, messageOf(error)), imports: [LoopsModule.with(loops)] });
  running.api = api;
  await writeCliFile(config, api.address.startsWith('unix:') ? api.address : `http://${api.address}`, token);
  const clusters = configured.length > 1 ? { clusters: configured.map((one) => one.clusterName) } : {};
  log.info({ address: api.address, replica: config.replicaName, queue: config.queue.kind, database: config.database.kind, ...clusters }, `the control plane listens on ${api.address}`);
  return api;
}

interface Opening {
  readonly config: Config;
  readonly configured: readonly ClusterConfig[];
  readonly connection: ConnectionConfig;
  readonly log: Logger;
}

/** Opens every cluster, one after the other; nothing acts yet. Returns the API token. */
async function openAll({ config, configured, connection, log }: Opening, running: Running): Promise<string> {
  const isOne = configured.length === 1;
  const places = configured.map((one) => furtherName(config, one));
  running.changes = new ChangeListener(connection, places.map((name) => placeOf(name).channel));
  const options = { poolSize: poolSizeFor(configured.length), changes: running.changes };
  for (const [nth, cluster] of configured.entries()) {
    running.stores.push(await within(cluster, isOne, () => openStore(connection, { ...options, further: places[nth] ?? null })));
  }
  await running.changes.start();
  const first = running.stores[0];
  if (!first) throw new Error('a control plane has a cluster');
  const token = await makeAccess(config, first.settings, log);
  await tellForgotten(first, config, log);
  const backend = await queueBackend(config, connection, running);
  const neighbours = new Neighbours();
  for (const [nth, cluster] of configured.entries()) {
    const further = places[nth] ?? null;
    const open = running.stores[nth] ?? first;
    const queue = { backend, ...(further === null ? {} : { prefix: `reeve-${further}` }) };
    running.clusters.push(await within(cluster, isOne, () => openCluster({ process: config, cluster, open, queue, neighbours, planner: running.planner, log: isOne ? log : log.child({ cluster: cluster.clusterName }) })));
  }
  return token;
}

const furtherName = (config: Config, { clusterName }: ClusterConfig): string | null => (clusterName === config.clusterName ? null : clusterName);

/** In Postgres the queues of all clusters share few connections; in Redis each cluster has its own. */
async function queueBackend({ queue }: Config, connection: ConnectionConfig, running: Running): Promise<QueueBackend | OpenBackend> {
  if (queue.kind === 'redis') return { kind: 'redis', url: queue.url };
  // What goes wrong with a connection is told by each queue that uses it.
  running.queues = await openBackend({ kind: 'postgres', connection: { ...connection } }, () => undefined);
  return running.queues;
}

/** Somebody left a cluster out of the configuration: its hosts go on, and nobody recovers them. */
async function tellForgotten(first: OpenStore, { furtherClusters }: Config, log: Logger): Promise<void> {
  const known = new Set(furtherClusters.map((one) => one.clusterName));
  for (const name of await furtherClustersIn(first)) {
    if (!known.has(name)) log.warn(`the database holds the cluster ${name}, which clusters does not name: nobody watches its hosts`);
  }
}

/** All at once. Where one fails the others are waited for, so that all can be stopped in order. */
async function startEach(clusters: readonly OpenCluster[], namesIt: boolean): Promise<void> {
  const started = await Promise.allSettled(clusters.map((cluster) => within({ clusterName: cluster.name }, !namesIt, () => cluster.start())));
  const failed = started.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
}

/** What goes wrong with one of several clusters says which one it was. */
async function within<T>({ clusterName }: Pick<ClusterConfig, 'clusterName'>, isOne: boolean, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isOne) throw error;
    const message = `cluster ${clusterName}: ${messageOf(error)}`;
    if (error instanceof UserError) throw new UserError(error.code, message, error.remedy);
    if (error instanceof OperationalError) throw new OperationalError(error.code, message, error.remedy);
    throw new Error(message, { cause: error });
  }
}

/** What asks comes first, what is asked comes last. */
async function stopInOrder(log: Logger, { api, planner, clusters, stores, changes, queues }: Running, embedded: EmbeddedPostgres | null): Promise<void> {
  log.info('stopping: no new work is taken');
  await api?.close();
  await planner.close();
  const stopped = await Promise.allSettled(clusters.map((cluster) => cluster.stop()));
  // Of clusters that were opened half.
  for (const store of stores.slice(clusters.length)) await store.close();
  await queues?.close();
  await changes?.stop();
  await embedded?.stop();
  const failed = stopped.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  log.info('stopped');
}

function connectionOf(config: Config, embedded: EmbeddedPostgres | null): ConnectionConfig {
  if (embedded) return embedded.connection;
  if (config.database.kind === 'url') return { connectionString: config.database.url };
  throw new Error('no database is configured');
}
