// The composition root of the control plane: everything real, wired by hand, started and stopped in order.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { nextStartStamp } from '../agent/start-stamp.js';
import { Witness } from '../agent/witness.js';
import { startApi, type RunningApi } from '../api/start-api.js';
import type { ApiPorts } from '../api/ports.js';
import type { JobQueue } from '../cluster/job-queue.js';
import type { ClusterPolicy } from '../cluster/cluster-policy.js';
import { Replica, type ReplicaRecords } from '../cluster/control/replica.js';
import type { Hold } from '../cluster/decision.js';
import type { AgentMember } from '../hosts/host-agent.js';
import { createJobQueue } from '../jobs/bullmq-job-queue.js';
import { messageOf } from '../shared/errors.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../store/embedded/embedded-postgres.js';
import type { ConnectionConfig } from '../store/connection.js';
import { openStore, type OpenStore } from '../store/open-store.js';
import { checkReportKey, clusterReads, HOLDS_KEY } from './cluster-reads.js';
import { RealClusterCommands } from './cluster-commands.js';
import type { Config } from './config.js';
import { migrationPolicyFrom, policyFrom } from './config-policy.js';
import { RealHostWorld } from './host-world.js';
import { makeIdentity, tokenVerifier, writeCliFile, type Identity } from './identity.js';
import type { Logger } from './logger.js';
import { LoopsModule } from './loops.module.js';
import { preflight } from './preflight.js';
import { systemClock, systemTimers } from '../shared/system/system-clock.js';
import { openUdp } from '../agent/udp/heartbeat-endpoint.js';
import { promiseFile } from '../agent/proc/promise-file.js';

export interface ControlPlane {
  readonly address: string;
  stop(): Promise<void>;
}

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
  const parts = makeParts({ config, log, open, queue, identity });
  try {
    const api = await startParts({ config, log, open, queue, identity }, parts);
    return { address: api.address, stop: () => stopInOrder({ log, api, parts, open, embedded }) };
  } catch (error) {
    // In order too: else each part would complain that what it stands on is gone.
    await stopInOrder({ log, api: null, parts, open, embedded: null }).catch(() => undefined);
    throw error;
  }
}

async function startParts({ config, log, open, queue, identity }: Foundation, parts: Parts): Promise<RunningApi> {
  await parts.replica.start();
  const api = await startApi(apiPorts({ config, open, queue, parts, identity }), { listen: config.api.listen, log: (error) => log.error({ error }, messageOf(error)), imports: [LoopsModule.with(parts.replica.loops)] });
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
}

interface Parts {
  readonly world: RealHostWorld;
  readonly policy: ClusterPolicy;
  readonly replica: Replica;
}

/** Everything that has a life of its own, wired to each other and not yet started. */
function makeParts({ config, log, open, queue, identity }: Foundation): Parts {
  const policy = policyFrom(config);
  const world = new RealHostWorld({ config, clock: systemClock, log, clusterId: identity.clusterId, witnesses: () => replica.members.witnesses, voters: () => replica.members.voters, agentBundle: AGENT_BUNDLE });
  const replica: Replica = new Replica(
    {
      name: config.replicaName, worker: `${config.replicaName}/${randomUUID().slice(0, 8)}`, witness: identity.witness,
      decides: config.roles.includes('controller'), works: config.roles.includes('worker'),
    },
    { store: open.store, records: recordsIn(open), queue, world, ear: makeWitness(config, identity, log), clock: systemClock, log },
    { cluster: policy, migration: migrationPolicyFrom(config) },
  );
  return { world, policy, replica };
}

function makeWitness(config: Config, { clusterId, witness: { id, keyHex } }: Identity, log: Logger): Witness {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const startStamp = nextStartStamp(join(config.stateDir, 'witness-start'), systemClock.nowMs());
  return new Witness({ clusterId, id, keyHex, bootId, timing: config.timing, listen: config.witness.listen, startStamp }, { clock: systemClock, timers: systemTimers, openTransport: openUdp, promises: promiseFile(join(config.stateDir, 'promises.json')), log: (line) => log.warn(line) });
}

function apiPorts({ config, open, queue, parts, identity }: { readonly config: Config; readonly open: OpenStore; readonly queue: JobQueue; readonly parts: Parts; readonly identity: Identity }): ApiPorts {
  const { store, settings, audit } = open;
  const { world, policy, replica } = parts;
  const { verdict, committed, controller } = replica;
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
  readonly parts: Parts;
  readonly open: OpenStore;
  readonly embedded: EmbeddedPostgres | null;
}

/** What asks comes first, what is asked comes last. */
async function stopInOrder({ log, api, parts, open, embedded }: Stopping): Promise<void> {
  log.info('stopping: no new work is taken');
  await api?.close();
  await parts.replica.stop(GRACE_MS);
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

function recordsIn(open: OpenStore): ReplicaRecords {
  return {
    listWitnesses: () => open.settings.list<AgentMember>('witness/'),
    keepHolds: holdKeeper(open),
    keepReport: (host, points) => open.settings.set(checkReportKey(host.name), points),
    newMarkerId: () => randomUUID(),
  };
}

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
