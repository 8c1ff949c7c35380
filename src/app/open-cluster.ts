// One cluster of this control plane: its store, queue, hosts and replica, wired by hand, started and stopped in order.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promiseFile } from '../agent/proc/promise-file.js';
import { nextStartStamp } from '../agent/start-stamp.js';
import { openUdp } from '../agent/udp/heartbeat-endpoint.js';
import { Witness } from '../agent/witness.js';
import type { ClusterPorts } from '../api/ports.js';
import type { AlertPorts } from '../cluster/control/alert-delivery.js';
import type { ClusterPolicy } from '../cluster/cluster-policy.js';
import type { Loop } from '../cluster/control/loop.js';
import { Replica, type ReplicaRecords } from '../cluster/control/replica.js';
import type { Hold } from '../cluster/decision.js';
import type { JobQueue } from '../cluster/job-queue.js';
import type { Planner } from '../cluster/planner.js';
import type { AgentMember } from '../hosts/host-agent.js';
import { createJobQueue, type JobQueueOptions } from '../jobs/bullmq-job-queue.js';
import { systemClock, systemTimers } from '../shared/system/system-clock.js';
import type { OpenStore } from '../store/open-store.js';
import { alertPorts } from './alert-ports.js';
import { RealClusterCommands } from './cluster-commands.js';
import { checkReportKey, clusterReads, HOLDS_KEY } from './cluster-reads.js';
import type { ClusterConfig, Config } from './config.js';
import { migrationPolicyFrom, policyFrom } from './config-policy.js';
import { RealHostWorld } from './host-world.js';
import { makeIdentity, type Identity } from './identity.js';
import type { Logger } from './logger.js';
import type { Neighbours } from './neighbours.js';

/** Work in hand gets this long at SIGTERM; what is left is resumed by the next start. */
const GRACE_MS = 5_000;

const AGENT_BUNDLE = fileURLToPath(new URL('../dist/agent.cjs', import.meta.url));

/** What the process gives each of its clusters. */
export interface ClusterFoundation {
  readonly process: Pick<Config, 'replicaName' | 'roles' | 'ssh'>;
  readonly cluster: ClusterConfig;
  /** Closed with the cluster. */
  readonly open: OpenStore;
  readonly queue: Pick<JobQueueOptions, 'backend' | 'prefix'>;
  readonly neighbours: Neighbours;
  readonly planner: Planner;
  readonly log: Logger;
}

export interface OpenCluster {
  readonly name: string;
  readonly ports: ClusterPorts;
  /** To be run from the start on; their names carry the cluster. */
  readonly loops: readonly Loop[];
  start(): Promise<void>;
  /** What asks comes first, what is asked comes last. Also after a start that failed. */
  stop(): Promise<void>;
}

interface Parts {
  readonly alerts: AlertPorts;
  readonly world: RealHostWorld;
  readonly policy: ClusterPolicy;
  readonly replica: Replica;
}

/** Everything that has a life of its own, wired to each other and not yet started. */
export async function openCluster(foundation: ClusterFoundation): Promise<OpenCluster> {
  const { process, cluster, open, log } = foundation;
  const name = cluster.clusterName;
  const identity = await makeIdentity(process.replicaName, cluster, open.settings);
  const queue = await createJobQueue({ ...foundation.queue, log: (line) => log.warn(line) });
  const parts = makeParts(foundation, queue, identity);
  foundation.neighbours.join({ name, store: open.store });
  return {
    name,
    ports: portsOf(foundation, queue, parts),
    loops: parts.replica.loops.map((loop) => ({ ...loop, name: `${name}/${loop.name}` })),
    start: () => parts.replica.start(),
    stop: async () => {
      await parts.replica.stop(GRACE_MS);
      await parts.world.close();
      await open.close();
    },
  };
}

function makeParts({ process, cluster, open, log }: ClusterFoundation, queue: JobQueue, identity: Identity): Parts {
  const policy = policyFrom(cluster);
  const config = { ssh: process.ssh, timing: cluster.timing, shutdown: cluster.shutdown };
  const world = new RealHostWorld({ config, clock: systemClock, log, clusterId: identity.clusterId, witnesses: () => replica.members.witnesses, voters: () => replica.members.voters, agentBundle: AGENT_BUNDLE });
  const alerts = alertPorts(cluster.alerts, { clusterId: identity.clusterId, cluster: cluster.clusterName }, open);
  const replica: Replica = new Replica(
    {
      name: process.replicaName, worker: `${process.replicaName}/${randomUUID().slice(0, 8)}`, witness: identity.witness,
      decides: process.roles.includes('controller'), works: process.roles.includes('worker'),
    },
    { store: open.store, records: recordsIn(open), queue, world, ear: makeWitness(cluster, identity, log), alerts, clock: systemClock, log },
    { cluster: policy, migration: migrationPolicyFrom(cluster) },
  );
  return { alerts, world, policy, replica };
}

function makeWitness({ stateDir, timing, witness: { listen } }: ClusterConfig, { clusterId, witness: { id, keyHex } }: Identity, log: Logger): Witness {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const startStamp = nextStartStamp(join(stateDir, 'witness-start'), systemClock.nowMs());
  return new Witness({ clusterId, id, keyHex, bootId, timing, listen, startStamp }, { clock: systemClock, timers: systemTimers, openTransport: openUdp, promises: promiseFile(join(stateDir, 'promises.json')), log: (line) => log.warn(line) });
}

function portsOf({ process, cluster, open, neighbours, planner }: ClusterFoundation, queue: JobQueue, { alerts, world, policy, replica }: Parts): ClusterPorts {
  const { store, settings, audit } = open;
  const { verdict, committed, controller } = replica;
  const name = cluster.clusterName;
  const leader = (): { replica: string; epoch: number | null } => ({ replica: process.replicaName, epoch: controller.leaderEpoch });
  return {
    reads: clusterReads({ name, store, settings, audit, queue, alerts, policy, planner, world, clock: systemClock, verdict, leader }),
    commands: new RealClusterCommands({ name, neighbours, store, audit, alerts, planner, world, clock: systemClock, policy, verdict, committed }),
  };
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
