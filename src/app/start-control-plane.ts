// The composition root of the control plane: everything real, wired by hand, started and stopped in order.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { nextStartStamp } from '../agent/start-stamp.js';
import { Witness } from '../agent/witness.js';
import { startApi, type RunningApi } from '../api/start-api.js';
import type { ApiPorts } from '../api/ports.js';
import type { EnrolmentEar } from '../cluster/execute/execute-ports.js';
import type { JobQueue } from '../cluster/job-queue.js';
import type { ClusterVerdict } from '../cluster/verdict.js';
import { executors } from '../cluster/execute/executors.js';
import { runOperation, type WorkerPorts } from '../cluster/run-operation.js';
import type { Hold } from '../cluster/decision.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import type { Host } from '../hosts/host.js';
import { createJobQueue } from '../jobs/bullmq-job-queue.js';
import { Dispatcher } from '../jobs/dispatcher.js';
import { messageOf } from '../shared/errors.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../store/embedded/embedded-postgres.js';
import type { ConnectionConfig } from '../store/connection.js';
import { openStore, type OpenStore } from '../store/open-store.js';
import { Members } from './members.js';
import { checkReportKey, clusterReads, HOLDS_KEY } from './cluster-reads.js';
import { RealClusterCommands } from './cluster-commands.js';
import type { Config } from './config.js';
import { migrationPolicyFrom, policyFrom } from './config-policy.js';
import { Controller, LEADER_RENEW_MS, ROUND_MS } from './controller.js';
import { FactsRefresher } from './facts-refresher.js';
import { RealHostWorld } from './host-world.js';
import { makeIdentity, tokenVerifier, writeCliFile, type Identity } from './identity.js';
import { InventoryPoller } from './inventory-poller.js';
import type { Logger } from './logger.js';
import { LoopsModule, type Loop } from './loops.module.js';
import { preflight } from './preflight.js';
import { Prober } from './prober.js';
import { systemClock } from './system-clock.js';

export interface ControlPlane {
  readonly address: string;
  stop(): Promise<void>;
}

/** Jobs in hand at once. A drain occupies one slot for as long as it takes. */
const CONCURRENCY = { urgent: 32, normal: 32 };
const SWEEP_MS = 1_000;
const MEMBERS_MS = 500;
const FACTS_MS = 60_000;
/** Work in hand gets this long at SIGTERM; what is left is resumed by the next start. */
const GRACE_MS = 5_000;

const AGENT_BUNDLE = fileURLToPath(new URL('../dist/agent.cjs', import.meta.url));

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

async function startOn(config: Config, log: Logger, embedded: EmbeddedPostgres | null): Promise<ControlPlane> {
  const connection = connectionOf(config, embedded);
  const open = await openStore(connection);
  const identity = await makeIdentity(config, open.settings, log);
  const backend = config.queue.kind === 'redis' ? ({ kind: 'redis', url: config.queue.url } as const) : ({ kind: 'postgres', connection: { ...connection } } as const);
  const queue = await createJobQueue({ backend, log: (line) => log.warn(line) });
  const members = new Members(open, identity.witness);
  const parts = makeParts({ config, log, open, queue, identity, members });
  try {
    const api = await startParts({ config, log, open, queue, identity, members }, parts);
    return { address: api.address, stop: () => stopInOrder({ log, api, queue, parts, open, embedded }) };
  } catch (error) {
    // In order too: else each part would complain that what it stands on is gone.
    await stopInOrder({ log, api: null, queue, parts, open, embedded: null }).catch(() => undefined);
    throw error;
  }
}

async function startParts({ config, log, open, queue, identity, members }: Foundation, parts: Parts): Promise<RunningApi> {
  await members.look();
  await parts.witness.start();
  parts.listen();
  if (config.roles.includes('controller')) await parts.controller.renewLease();
  if (config.roles.includes('worker')) await queue.work((id) => runOperation(id, parts.workerPorts), CONCURRENCY);
  const api = await startApi(apiPorts({ config, open, queue, parts, identity }), { listen: config.api.listen, log: (error) => log.error({ error }, messageOf(error)), imports: [LoopsModule.with(parts.loops)] });
  await writeCliFile(config, api.address.startsWith('unix:') ? api.address : `http://${api.address}`, identity.apiToken);
  log.info({ address: api.address, replica: config.replicaName, queue: config.queue.kind, database: config.database.kind }, `the control plane listens on ${api.address}`);
  return api;
}

interface Foundation {
  readonly config: Config;
  readonly log: Logger;
  readonly open: OpenStore;
  readonly queue: JobQueue;
  readonly identity: Identity;
  readonly members: Members;
}

type Parts = ReturnType<typeof makeParts>;

/** Everything that has a life of its own, wired to each other and not yet started. */
function makeParts({ config, log, open, queue, identity, members }: Foundation) {
  const { store } = open;
  const witness = makeWitness(config, identity, log);
  const world = new RealHostWorld({ config, clock: systemClock, log, clusterId: identity.clusterId, witnesses: () => members.witnesses, agentBundle: AGENT_BUNDLE });
  const dispatcher = new Dispatcher({ store, queue, log: (line) => log.warn(line) });
  const policy = policyFrom(config);
  const verdict = (): ClusterVerdict => witness.verdict();
  const controller = new Controller({ store, clock: systemClock, policy, verdict, dispatch: () => dispatcher.dispatch(), onHolds: holdKeeper(open) }, config.replicaName, log);
  const poller = new InventoryPoller({ store, clock: systemClock, hypervisorOf: world.hypervisorOf, onNews: () => controller.kick() }, log);
  const prober = new Prober({
    clock: systemClock,
    agentOf: world.agentOf,
    feed: (id, result) => {
      witness.feedProbe(id, result);
      controller.kick();
    },
  });
  members.onChange = async (view) => {
    witness.setMembers(view.hosts.filter((host) => host.condition !== 'enrolling' || isBeingEnrolled(view, host)), members.witnesses.filter((one) => one.id !== identity.witness.id));
    await world.forget(view.hosts);
  };
  const refresher = new FactsRefresher({ store, world, leaderEpoch: () => controller.leaderEpoch }, log);
  const look = (): void => {
    prober.look(members.hosts, witness.verdict());
    poller.poll(members.hosts, witness.verdict());
    controller.kick();
  };
  const listen = (): void => {
    witness.onVerdictChange(look);
    store.onChange(() => void members.look().then(() => controller.kick()));
  };
  const leading: readonly Loop[] = [
    { name: 'leader-lease', everyMs: LEADER_RENEW_MS, run: () => controller.renewLease() },
    { name: 'round', everyMs: ROUND_MS, run: look },
    { name: 'sweep', everyMs: SWEEP_MS, run: () => dispatcher.sweep() },
    { name: 'facts', everyMs: FACTS_MS, run: () => refresher.refresh() },
  ];
  const loops: readonly Loop[] = [{ name: 'members', everyMs: MEMBERS_MS, run: () => members.look() }, ...(config.roles.includes('controller') ? leading : [])];
  return { witness, world, dispatcher, policy, verdict, controller, loops, listen, workerPorts: workerPortsOf({ config, log, open, witness, world }) };
}

function makeWitness(config: Config, { clusterId, witness: { id, keyHex } }: Identity, log: Logger): Witness {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const startStamp = nextStartStamp(join(config.stateDir, 'witness-start'), systemClock.nowMs());
  return new Witness({ clusterId, id, keyHex, bootId, timing: config.timing, listen: config.witness.listen, startStamp }, { clock: systemClock, log: (line) => log.warn(line) });
}

function workerPortsOf({ config, log, open, witness, world }: { readonly config: Config; readonly log: Logger; readonly open: OpenStore; readonly witness: Witness; readonly world: RealHostWorld }): WorkerPorts {
  const ear: EnrolmentEar = {
    isHeard: async (host, boot) => witness.verdict().hosts.some((one) => one.hostId === host.id && one.hearing === 'heard' && one.bootId === boot),
    newMarkerId: () => randomUUID(),
    keepReport: (host, points) => open.settings.set(checkReportKey(host.name), points),
  };
  const ports = { store: open.store, clock: systemClock, world, migration: migrationPolicyFrom(config), ear };
  // A restarted worker is another one: its predecessor's leases run out.
  const worker = `${config.replicaName}/${randomUUID().slice(0, 8)}`;
  return { store: open.store, clock: systemClock, worker, executors: executors(ports), log: (line, data) => log.warn(data, line) };
}

function apiPorts({ config, open, queue, parts, identity }: { readonly config: Config; readonly open: OpenStore; readonly queue: JobQueue; readonly parts: Parts; readonly identity: Identity }): ApiPorts {
  const { store, settings, audit } = open;
  const { world, policy, verdict, dispatcher, controller } = parts;
  const committed = async (): Promise<void> => {
    await dispatcher.dispatch();
    controller.kick();
  };
  const leader = (): { replica: string; epoch: number | null } => ({ replica: config.replicaName, epoch: controller.leaderEpoch });
  return {
    reads: clusterReads({ name: config.clusterName, store, settings, audit, queue, policy, verdict, leader }),
    commands: new RealClusterCommands({ store, audit, world, clock: systemClock, policy, verdict, committed }),
    verifyToken: tokenVerifier(identity.apiToken),
  };
}

interface Stopping {
  readonly log: Logger;
  /** Null: it was not reached. */
  readonly api: RunningApi | null;
  readonly queue: JobQueue;
  readonly parts: Parts;
  readonly open: OpenStore;
  readonly embedded: EmbeddedPostgres | null;
}

/** What asks comes first, what is asked comes last. */
async function stopInOrder({ log, api, queue, parts, open, embedded }: Stopping): Promise<void> {
  log.info('stopping: no new work is taken');
  await api?.close();
  await queue.close(GRACE_MS);
  await parts.controller.stop();
  await parts.witness.stop();
  await parts.world.close();
  await open.close();
  await embedded?.stop();
  log.info('stopped');
}

function connectionOf(config: Config, embedded: EmbeddedPostgres | null): ConnectionConfig {
  if (embedded) return embedded.connection;
  if (config.database.kind === 'url') return { connectionString: config.database.url };
  throw new Error('no database is configured');
}

const isBeingEnrolled = (view: ClusterView, host: Host): boolean => view.operations.some((operation) => operation.kind === 'enrol' && operation.hostId === host.id);

/** Writes the holds down when they changed, for the other replicas and for people. */
function holdKeeper({ settings }: OpenStore): (holds: readonly Hold[]) => Promise<void> {
  let kept = '';
  return async (holds) => {
    const now = JSON.stringify(holds);
    if (now === kept) return;
    await settings.set(HOLDS_KEY, holds);
    kept = now;
  };
}
