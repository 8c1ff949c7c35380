// One replica of the control plane in the simulator: the real Replica in a process that can crash, pause and come back.
import type { ClusterPolicy } from '../cluster/cluster-policy.js';
import type { ClusterStore } from '../cluster/cluster-store.js';
import { alone } from '../cluster/control/loop.js';
import type { AlertPorts } from '../cluster/control/alert-delivery.js';
import type { Ear } from '../cluster/control/ear.js';
import { Replica, type ReplicaPorts, type ReplicaRecords } from '../cluster/control/replica.js';
import type { AgentMember } from '../hosts/host-agent.js';
import type { MigrationPolicy } from '../migration/migration-policy.js';
import type { Log } from '../shared/log.js';
import { SimProcess, type ProcessClocks } from './engine/sim-process.js';
import type { VirtualTime } from './engine/virtual-time.js';
import type { Position } from './network.js';
import type { Service } from './machine.js';
import { SimulatedHostWorld, type HostWorldParts } from './simulated-host-world.js';
import type { SimulatedQueue } from './simulated-queue.js';

export interface ReplicaParts {
  readonly time: VirtualTime;
  /** The database as it is reached over the network. */
  readonly store: ClusterStore;
  readonly queue: SimulatedQueue;
  readonly hosts: HostWorldParts;
  readonly policies: { readonly cluster: ClusterPolicy; readonly migration: MigrationPolicy };
  readonly clocks: ProcessClocks;
  /** The ear of this start of the process. */
  readonly openEar: (process: SimProcess) => Ear;
  readonly listWitnesses: () => readonly AgentMember[];
  /** Over a connection of their own. */
  readonly alerts: AlertPorts;
  readonly log: Log;
}

export class SimulatedReplica implements Service {
  process: SimProcess | null = null;
  replica: Replica | null = null;
  startedAtMs = 0;
  #starts = 0;

  constructor(
    readonly name: string,
    readonly number: number,
    /** Where it lives: on a host, or elsewhere. */
    readonly position: Position,
    readonly witness: AgentMember,
    private readonly parts: ReplicaParts,
  ) {}

  /** As a person's request reaches it. */
  get database(): ClusterStore {
    return this.parts.store;
  }

  get isAlive(): boolean {
    return this.process?.alive === true;
  }

  start(): void {
    if (this.isAlive) return;
    const { time, clocks, queue, log, policies } = this.parts;
    this.#starts += 1;
    const process = new SimProcess(time, this.name, clocks);
    const identity = { name: this.name, worker: `${this.name}/${this.#starts}`, decides: true, works: true, witness: this.witness };
    const ports: ReplicaPorts = {
      store: this.#store(process), records: this.#records(process), queue: queue.connect(process), world: new SimulatedHostWorld(process, this.position, this.parts.hosts),
      ear: this.#ear(process), alerts: this.#alerts(process), clock: process.clock, log,
    };
    const replica = new Replica(identity, ports, policies);
    this.startedAtMs = time.nowMs;
    this.process = process;
    this.replica = replica;
    void this.#begin(process, replica);
  }

  crash(): void {
    this.process?.kill();
  }

  async stop(): Promise<void> {
    const { process, replica } = this;
    if (process?.alive && replica) await replica.stop(1_000);
    process?.kill();
  }

  /** A start that fails (the database is away) is repeated, as by systemd. */
  async #begin(process: SimProcess, replica: Replica): Promise<void> {
    try {
      await replica.start();
    } catch {
      process.kill();
      this.parts.time.after(RESTART_MS, () => {
        if (this.process === process) this.start();
      });
      return;
    }
    for (const { everyMs, run } of replica.loops) {
      const once = alone(run);
      process.clock.every(everyMs, () => {
        this.parts.time.touch();
        once();
      });
    }
  }

  #store(process: SimProcess): ClusterStore {
    const { store } = this.parts;
    return process.through(store, { onChange: (listener) => store.onChange(() => process.enter(listener)) });
  }

  /** What was sent before a crash is sent, whatever its process learned of it. */
  #alerts(process: SimProcess): AlertPorts {
    const { alerts } = this.parts;
    return { ...alerts, cursors: process.through(alerts.cursors), store: process.through(alerts.store), targets: alerts.targets.map((target) => ({ ...target, notifier: process.through(target.notifier, { describe: target.notifier.describe }) })) };
  }

  #records(process: SimProcess): ReplicaRecords {
    return {
      listWitnesses: () => process.call(async () => this.parts.listWitnesses()),
      keepHolds: () => process.call(async () => undefined),
      keepReport: () => process.call(async () => undefined),
      newMarkerId: () => 'marker',
    };
  }

  /** What a verdict sets off is asynchronous, though the heartbeat that changed it is not. */
  #ear(process: SimProcess): Ear {
    const ear = this.parts.openEar(process);
    const { time } = this.parts;
    const bound = new Map<string | symbol, unknown>();
    return new Proxy(ear, {
      get: (target, key) => {
        if (bound.has(key)) return bound.get(key);
        if (key === 'onVerdictChange') {
          return (listener: Parameters<Ear['onVerdictChange']>[0]) =>
            target.onVerdictChange((verdict) => {
              time.touch();
              listener(verdict);
            });
        }
        const value = Reflect.get(target, key, target) as unknown;
        if (typeof value !== 'function') return value;
        const own: unknown = value.bind(target);
        bound.set(key, own);
        return own;
      },
    });
  }
}

/** systemd's RestartSec of the unit. */
const RESTART_MS = 1_000;
