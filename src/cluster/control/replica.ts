// One replica of the control plane, wired: its loops, its worker and its ear around the ports of one process.
// The program and the simulator make the same replica; only the ports differ.
import type { CheckPoint } from '../../hosts/enrolment-check.js';
import type { AgentMember } from '../../hosts/host-agent.js';
import type { Host } from '../../hosts/host.js';
import type { MigrationPolicy } from '../../migration/migration-policy.js';
import type { Clock } from '../../shared/clock.js';
import type { Log } from '../../shared/log.js';
import type { ClusterPolicy } from '../cluster-policy.js';
import type { ClusterStore } from '../cluster-store.js';
import type { ClusterView } from '../cluster-view.js';
import type { Hold } from '../decision.js';
import type { ExecutePorts, HostWorld } from '../execute/execute-ports.js';
import { executors } from '../execute/executors.js';
import type { JobQueue } from '../job-queue.js';
import { isSetAside } from '../set-aside.js';
import { runOperation, type WorkerPorts } from '../run-operation.js';
import type { ClusterVerdict } from '../verdict.js';
import { AgentConfigurer } from './agent-configurer.js';
import { AlertDelivery, ALERTS_MS, type AlertPorts } from './alert-delivery.js';
import { Controller, LEADER_RENEW_MS, ROUND_MS } from './controller.js';
import { Dispatcher } from './dispatcher.js';
import type { Ear } from './ear.js';
import { HealthWatcher } from './health-watcher.js';
import { FactsRefresher } from './facts-refresher.js';
import { InventoryPoller } from './inventory-poller.js';
import type { Loop } from './loop.js';
import { Members } from './members.js';
import { Prober } from './prober.js';

export interface ReplicaIdentity {
  readonly name: string;
  /** Unique per process start: a restarted worker is another one, its predecessor's leases run out. */
  readonly worker: string;
  readonly decides: boolean;
  readonly works: boolean;
  /** This replica's ear, as the agents know it. */
  readonly witness: AgentMember;
}

/** Small durable things beside the cluster's store. */
export interface ReplicaRecords {
  listWitnesses(): Promise<readonly AgentMember[]>;
  /** For the other replicas and for people. */
  keepHolds(holds: readonly Hold[]): Promise<void>;
  /** The report of the last check of a host. */
  keepReport(host: Host, points: readonly CheckPoint[]): Promise<void>;
  newMarkerId(): string;
}

export interface ReplicaPorts {
  readonly store: ClusterStore;
  readonly records: ReplicaRecords;
  readonly queue: JobQueue;
  readonly world: HostWorld & { follow(view: Pick<ClusterView, 'hosts' | 'workloads'>): Promise<void> };
  readonly ear: Ear;
  readonly alerts: AlertPorts;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ReplicaPolicies {
  readonly cluster: ClusterPolicy;
  readonly migration: MigrationPolicy;
}

/** Jobs in hand at once. A drain occupies one slot for as long as it takes. */
const CONCURRENCY = { urgent: 32, normal: 32 };
const SWEEP_MS = 1_000;
const MEMBERS_MS = 500;
const FACTS_MS = 60_000;

export class Replica {
  readonly controller: Controller;
  readonly dispatcher: Dispatcher;
  readonly members: Members;
  /** To be run by whoever starts the replica, from its start on. */
  readonly loops: readonly Loop[];
  readonly #poller: InventoryPoller;
  readonly #prober: Prober;
  readonly #health: HealthWatcher;
  readonly #configurer: AgentConfigurer;
  readonly #alerts: AlertDelivery;
  readonly #workerPorts: WorkerPorts;

  constructor(
    private readonly identity: ReplicaIdentity,
    private readonly ports: ReplicaPorts,
    policies: ReplicaPolicies,
  ) {
    const { store, records, queue, world, ear, clock, log } = ports;
    this.members = new Members({ store, listWitnesses: () => records.listWitnesses() }, identity.witness);
    this.dispatcher = new Dispatcher({ store, queue, log: (line) => log.warn(line) });
    this.controller = new Controller({ store, clock, policy: policies.cluster, verdict: this.verdict, dispatch: () => this.dispatcher.dispatch(), onHolds: (holds) => records.keepHolds(holds) }, identity.name, log);
    this.#poller = new InventoryPoller({ store, clock, hypervisorOf: (host) => world.hypervisorOf(host), leaderEpoch: () => this.controller.leaderEpoch, onNews: () => this.controller.kick() }, log);
    this.#prober = new Prober({
      clock,
      agentOf: (host) => world.agentOf(host),
      feed: (id, result) => {
        ear.feedProbe(id, result);
        this.controller.kick();
      },
    });
    this.#health = new HealthWatcher({ store, clock, agentOf: (host) => world.agentOf(host), leaderEpoch: () => this.controller.leaderEpoch }, log);
    this.#configurer = new AgentConfigurer({ clock, agentOf: (host) => world.agentOf(host), configOf: (host, members) => world.sideOf(host, members).config, leaderEpoch: () => this.controller.leaderEpoch }, log);
    this.#alerts = new AlertDelivery({ ...ports.alerts, clock, leaderEpoch: () => this.controller.leaderEpoch, log });
    this.members.onChange = (view) => this.#tellMembers(view);
    this.#workerPorts = workerPorts(identity, ports, policies);
    this.loops = this.#makeLoops(new FactsRefresher({ store, world, leaderEpoch: () => this.controller.leaderEpoch }, log));
  }

  verdict = (): ClusterVerdict => this.ports.ear.verdict();

  /** Called after a commit that the controller did not make itself. */
  committed = async (): Promise<void> => {
    await this.dispatcher.dispatch();
    this.controller.kick();
  };

  async start(): Promise<void> {
    const { ear, store, queue } = this.ports;
    await this.members.look();
    await ear.start();
    ear.onVerdictChange(this.#look);
    store.onChange(() => void this.members.look().then(() => this.controller.kick()));
    if (this.identity.decides) await this.controller.renewLease();
    if (this.identity.works) await queue.work((id) => runOperation(id, this.#workerPorts), CONCURRENCY);
  }

  /** What asks comes first, what is asked comes last. Work in hand gets `graceMs`; what is left is resumed by another worker. */
  async stop(graceMs: number): Promise<void> {
    await this.#alerts.stop();
    await this.ports.queue.close(graceMs);
    await this.controller.stop();
    await this.ports.ear.stop();
  }

  #look = (): void => {
    const verdict = this.verdict();
    this.#prober.look(this.members.hosts, verdict);
    this.#poller.poll(this.members.hosts, verdict);
    this.#health.look(this.members.hosts, verdict);
    this.#configurer.configure(this.members.hosts, verdict, this.members.writers);
    this.controller.kick();
  };

  #makeLoops(refresher: FactsRefresher): readonly Loop[] {
    const members: Loop = { name: 'members', everyMs: MEMBERS_MS, run: () => this.members.look() };
    if (!this.identity.decides) return [members];
    return [
      members,
      { name: 'leader-lease', everyMs: LEADER_RENEW_MS, run: () => this.controller.renewLease() },
      { name: 'round', everyMs: ROUND_MS, run: this.#look },
      { name: 'sweep', everyMs: SWEEP_MS, run: () => this.dispatcher.sweep() },
      { name: 'facts', everyMs: FACTS_MS, run: () => refresher.refresh() },
      ...(this.ports.alerts.targets.length === 0 ? [] : [{ name: 'alerts', everyMs: ALERTS_MS, run: () => this.#alerts.look() }]),
    ];
  }

  async #tellMembers(view: ClusterView): Promise<void> {
    const { ear, world } = this.ports;
    const heard = view.hosts.filter((host) => host.condition !== 'enrolling' || isBeingEnrolled(view, host));
    const setAside = new Set(heard.filter((host) => isSetAside(view, host)).map(({ id }) => id));
    ear.setMembers(heard, this.members.witnesses.filter((one) => one.id !== this.identity.witness.id), setAside);
    await world.follow(view);
  }
}

const isBeingEnrolled = (view: ClusterView, host: Host): boolean => view.operations.some((operation) => operation.kind === 'enrol' && operation.hostId === host.id);

function workerPorts(identity: ReplicaIdentity, { store, records, world, ear, clock, log }: ReplicaPorts, { migration }: ReplicaPolicies): WorkerPorts {
  const enrolment: ExecutePorts['ear'] = {
    isHeard: async (host, boot) => ear.verdict().hosts.some((one) => one.hostId === host.id && one.hearing === 'heard' && one.bootId === boot),
    judgesBy: async (host, voterEpoch) => ear.verdict().hosts.some((one) => one.hostId === host.id && one.hearing === 'heard' && (one.lease?.voterEpoch ?? -1) >= voterEpoch),
    newMarkerId: () => records.newMarkerId(),
    keepReport: (host, points) => records.keepReport(host, points),
  };
  return { store, clock, worker: identity.worker, executors: executors({ store, clock, world, migration, ear: enrolment, excluding: ear }), log: (line, data) => log.warn(data, line) };
}
