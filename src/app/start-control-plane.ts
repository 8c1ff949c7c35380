// The composition root of the control plane: everything real, wired by hand, started and stopped in order.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { nextStartStamp } from '../agent/start-stamp.js';
import { Witness } from '../agent/witness.js';
import { startApi, type RunningApi } from '../api/start-api.js';
import { executors } from '../cluster/execute/executors.js';
import { runOperation } from '../cluster/run-operation.js';
import type { Hold } from '../cluster/decision.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import type { Host } from '../hosts/host.js';
import { createJobQueue } from '../jobs/bullmq-job-queue.js';
import { Dispatcher } from '../jobs/dispatcher.js';
import { messageOf } from '../shared/errors.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../store/embedded/embedded-postgres.js';
import type { ConnectionConfig } from '../store/connection.js';
import { openStore, type OpenStore } from '../store/open-store.js';
import type { AgentMember } from '../hosts/host-agent.js';
import { checkReportKey, clusterReads, HOLDS_KEY } from './cluster-reads.js';
import { RealClusterCommands } from './cluster-commands.js';
import type { Config } from './config.js';
import { migrationPolicyFrom, policyFrom } from './config-policy.js';
import { Controller, LEADER_RENEW_MS, ROUND_MS } from './controller.js';
import { FactsRefresher } from './facts-refresher.js';
import { RealHostWorld } from './host-world.js';
import { makeIdentity, tokenVerifier, writeCliFile } from './identity.js';
import { InventoryPoller } from './inventory-poller.js';
import type { Logger } from './logger.js';
import { LoopsModule, type Loop } from './loops.module.js';
import { Prober } from './prober.js';
import { systemClock } from './system-clock.js';

export interface ControlPlane {
  readonly address: string;
  stop(): Promise<void>;
}

/** Jobs in hand at once. A drain occupies one slot for as long as it takes. */
const CONCURRENCY = { urgent: 32, normal: 32 };
const SWEEP_MS = 1_000;
const PEOPLE_MS = 500;
const FACTS_MS = 60_000;
/** Work in hand gets this long at SIGTERM; what is left is resumed by the next start. */
const GRACE_MS = 5_000;

const AGENT_BUNDLE = fileURLToPath(new URL('../dist/agent.cjs', import.meta.url));

export async function startControlPlane(config: Config, log: Logger): Promise<ControlPlane> {
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
  const queue = await createJobQueue({ backend: config.queue.kind === 'redis' ? { kind: 'redis', url: config.queue.url } : { kind: 'postgres', connection: { ...connection } }, log: (line) => log.warn(line) });
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const witness = new Witness(
    {
      clusterId: identity.clusterId, id: identity.witness.id, keyHex: identity.witness.keyHex, bootId, timing: config.timing, listen: config.witness.listen,
      startStamp: nextStartStamp(join(config.stateDir, 'witness-start'), systemClock.nowMs()),
    },
    { clock: systemClock, log: (line) => log.warn(line) },
  );
  let witnesses: readonly AgentMember[] = [identity.witness];
  const world = new RealHostWorld({ config, clock: systemClock, log, clusterId: identity.clusterId, witnesses: () => witnesses, agentBundle: AGENT_BUNDLE });
  const dispatcher = new Dispatcher({ store: open.store, queue, log: (line) => log.warn(line) });
  const policy = policyFrom(config);
  const verdict = (): ReturnType<Witness['verdict']> => witness.verdict();
  const keepHolds = holdKeeper(open);
  const controller = new Controller({ store: open.store, clock: systemClock, policy, verdict, dispatch: () => dispatcher.dispatch(), onHolds: keepHolds }, config.replicaName, log);
  const poller = new InventoryPoller({ store: open.store, clock: systemClock, hypervisorOf: world.hypervisorOf, onNews: () => controller.kick() }, log);
  const prober = new Prober({
    clock: systemClock,
    agentOf: world.agentOf,
    feed: (id, result) => {
      witness.feedProbe(id, result);
      controller.kick();
    },
  });
  const people = new People(open, async (view) => {
    witnesses = await witnessesOf(open, identity.witness);
    witness.setMembers(view.hosts.filter((host) => host.condition !== 'enrolling' || isBeingEnrolled(view, host)), witnesses.filter((one) => one.id !== identity.witness.id));
    await world.forget(view.hosts);
  });
  const refresher = new FactsRefresher({ store: open.store, world, leaderEpoch: () => controller.leaderEpoch }, log);
  await people.look();
  await witness.start();
  witness.onVerdictChange((now) => {
    prober.look(people.hosts, now);
    controller.kick();
  });
  open.store.onChange(() => {
    void people.look().then(() => controller.kick());
  });
  const roles = new Set(config.roles);
  const worker = `${config.replicaName}/${randomUUID().slice(0, 8)}`;
  const ports = {
    store: open.store, clock: systemClock, world, migration: migrationPolicyFrom(config),
    ear: {
      isHeard: async (host: Host, boot: string) => witness.verdict().hosts.some((one) => one.hostId === host.id && one.hearing === 'heard' && one.bootId === boot),
      newMarkerId: () => randomUUID(),
      keepReport: (host: Host, points: unknown) => open.settings.set(checkReportKey(host.name), points),
    },
  };
  const workerPorts = { store: open.store, clock: systemClock, worker, executors: executors(ports), log: (line: string, data: Readonly<Record<string, unknown>>) => log.warn(data, line) };
  const loops: Loop[] = [
    { name: 'members', everyMs: PEOPLE_MS, run: () => people.look() },
    ...(roles.has('controller')
      ? [
          { name: 'leader-lease', everyMs: LEADER_RENEW_MS, run: () => controller.renewLease() },
          { name: 'round', everyMs: ROUND_MS, run: () => { prober.look(people.hosts, witness.verdict()); poller.poll(people.hosts, witness.verdict()); controller.kick(); } },
          { name: 'sweep', everyMs: SWEEP_MS, run: () => dispatcher.sweep() },
          { name: 'facts', everyMs: FACTS_MS, run: () => refresher.refresh() },
        ]
      : []),
  ];
  const commands = new RealClusterCommands({ store: open.store, audit: open.audit, world, clock: systemClock, policy, verdict, committed: async () => { await dispatcher.dispatch(); controller.kick(); } });
  const reads = clusterReads({ name: config.clusterName, store: open.store, settings: open.settings, audit: open.audit, queue, policy, verdict, leader: () => ({ replica: config.replicaName, epoch: controller.leaderEpoch }) });
  if (roles.has('controller')) await controller.renewLease();
  if (roles.has('worker')) await queue.work((id) => runOperation(id, workerPorts), CONCURRENCY);
  const api: RunningApi = await startApi({ reads, commands, verifyToken: tokenVerifier(identity.apiToken) }, { listen: config.api.listen, log: (error) => log.error({ error }, messageOf(error)), imports: [LoopsModule.with(loops)] });
  await writeCliFile(config, api.address.startsWith('unix:') ? api.address : `http://${api.address}`, identity.apiToken);
  log.info({ address: api.address, replica: config.replicaName, queue: config.queue.kind, database: config.database.kind }, `the control plane listens on ${api.address}`);
  const stop = async (): Promise<void> => {
    log.info('stopping: no new work is taken');
    await api.close();
    await queue.close(GRACE_MS);
    await controller.stop();
    await witness.stop();
    await world.close();
    await open.close();
    await embedded?.stop();
    log.info('stopped');
  };
  return { address: api.address, stop };
}

function connectionOf(config: Config, embedded: EmbeddedPostgres | null): ConnectionConfig {
  if (embedded) return embedded.connection;
  if (config.database.kind === 'url') return { connectionString: config.database.url };
  throw new Error('no database is configured');
}

const isBeingEnrolled = (view: ClusterView, host: Host): boolean => view.operations.some((operation) => operation.kind === 'enrol' && operation.hostId === host.id);

async function witnessesOf({ settings }: OpenStore, own: AgentMember): Promise<readonly AgentMember[]> {
  const all = await settings.list<AgentMember>('witness/');
  return [own, ...all.filter((one) => one.id !== own.id)];
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

/** Who the hosts are, as last read; told onward only when it changed. */
class People {
  hosts: readonly Host[] = [];
  #known = '';
  #looking: Promise<void> | null = null;

  constructor(
    private readonly open: OpenStore,
    private readonly changed: (view: ClusterView) => Promise<void>,
  ) {}

  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #look(): Promise<void> {
    let view: ClusterView;
    try {
      view = await this.open.store.readView();
    } catch {
      return; // the store is away: the last known hosts stay
    }
    this.hosts = view.hosts;
    const now = JSON.stringify([view.hosts.map((host) => [host.id, host.condition, host.agentKey, host.links, host.ssh, host.address]), view.operations.filter((one) => one.kind === 'enrol').map((one) => one.hostId)]);
    if (now === this.#known) return;
    this.#known = now;
    await this.changed(view).catch(() => (this.#known = ''));
  }
}
