// The operator of a scenario: what a person asks of the control plane, through whichever replica answers.
import type { Change } from '../cluster/change.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import { event } from '../cluster/cluster-event.js';
import { findWorkload } from '../cluster/commands/find.js';
import { confirmOff, cordonHost, drainHost, fenceHost, uncordonHost, undrainHost } from '../cluster/commands/host-commands.js';
import { addRule, removeRule } from '../cluster/commands/rule-commands.js';
import { clearError, deleteWorkload, moveWorkload, startWorkload, stopWorkload } from '../cluster/commands/workload-commands.js';
import { commitCommand } from '../cluster/control/commit-command.js';
import { placementViewOf } from '../cluster/placement-ledger.js';
import { placeWorkload } from '../scheduler/place-workload.js';
import { hostId } from '../shared/ids.js';
import { messageOf, UserError } from '../shared/errors.js';
import { NO_FAILURES } from '../workloads/workload.js';
import type { Entry, ScenarioWorkload, TimelineEntry } from './scenario/scenario.js';
import { workloadRow } from './scenario/setup-cluster.js';
import type { Simulation } from './simulation.js';

const OPERATOR = 'operator';
/** A person waits so long for an answer of the control plane, asking again each time. */
const PATIENCE_MS = 10_000;
const AGAIN_MS = 1_000;

type Changes = (view: ClusterView) => readonly Change[];

export class Operator {
  constructor(private readonly simulation: Simulation) {}

  /** Asks; a refusal is told. */
  async ask(entry: TimelineEntry, changes: Changes): Promise<boolean> {
    const { narrator, time } = this.simulation;
    const untilMs = time.nowMs + PATIENCE_MS;
    for (;;) {
      try {
        await this.#commit(entry.do, changes);
        return true;
      } catch (error) {
        // What is wrong stays wrong; what does not answer may answer soon.
        if (error instanceof UserError || time.nowMs >= untilMs) {
          narrator.tell('command.refused', { ...withoutAt(entry), why: messageOf(error) });
          return false;
        }
        await new Promise<void>((resolve) => void time.after(AGAIN_MS, resolve));
      }
    }
  }

  onHost(entry: Extract<TimelineEntry, { host: string }>): Promise<boolean> {
    const { host } = entry as { host: string };
    const asked = { by: OPERATOR, nowMs: this.simulation.wallMs };
    switch (entry.do) {
      case 'host.drain':
        return this.ask(entry, (view) => drainHost(view, host, asked));
      case 'host.undrain':
        return this.ask(entry, (view) => undrainHost(view, host, asked));
      case 'host.cordon':
        return this.ask(entry, (view) => cordonHost(view, host, asked));
      case 'host.uncordon':
        return this.ask(entry, (view) => uncordonHost(view, host, asked));
      case 'host.fence':
        return this.ask(entry, (view) => fenceHost(view, host, asked));
      default:
        return this.ask(entry, (view) => confirmOff(view, this.#verdict(), host, { ...asked, reason: 'it is off, in the scenario' }));
    }
  }

  setDesired(entry: TimelineEntry, workload: string, desired: NonNullable<ScenarioWorkload['desired']>): Promise<boolean> {
    const asked = { by: OPERATOR, nowMs: this.simulation.wallMs };
    return this.ask(entry, (view) => {
      const row = findWorkload(view, workload);
      if (desired === 'unmanaged') return deleteWorkload(view, workload, { ...asked, deleteDisks: false, forget: true });
      if (desired === 'disabled') return [{ change: 'workload', id: row.id, set: { desired, state: 'stopped', why: null, failures: NO_FAILURES } }];
      if (desired === 'running') return row.state === 'error' ? [...clearError(view, workload, asked), ...startWorkload(withState(view, workload), this.#placement(view), workload, asked)] : startWorkload(view, this.#placement(view), workload, asked);
      return stopWorkload(view, workload, { ...asked, force: false, timeoutS: 60 });
    });
  }

  stop(entry: Entry<'workload.stop'>): Promise<boolean> {
    const timeoutS = entry.timeoutS ?? 60;
    return this.ask(entry, (view) => stopWorkload(view, entry.workload, { by: OPERATOR, nowMs: this.simulation.wallMs, force: timeoutS === 0, timeoutS }));
  }

  migrate(entry: Entry<'workload.migrate'>): Promise<boolean> {
    const kind = entry.live === false ? 'relocate' : 'migrate';
    const params = kind === 'migrate' ? { copyStorage: false } : { force: false, timeoutMs: 60_000 };
    return this.ask(entry, (view) => moveWorkload(view, this.#placement(view), entry.workload, { by: OPERATOR, nowMs: this.simulation.wallMs, to: entry.to, kind, params }));
  }

  delete(entry: Entry<'workload.delete'>): Promise<boolean> {
    return this.ask(entry, (view) => deleteWorkload(view, entry.workload, { by: OPERATOR, nowMs: this.simulation.wallMs, deleteDisks: true, forget: false }));
  }

  unmanage(entry: TimelineEntry, workload: string): Promise<boolean> {
    return this.ask(entry, (view) => deleteWorkload(view, workload, { by: OPERATOR, nowMs: this.simulation.wallMs, deleteDisks: false, forget: true }));
  }

  /** What runs (or is defined) on a host is taken under care where it is. */
  manage(entry: TimelineEntry, one: ScenarioWorkload, uuid: string): Promise<boolean> {
    return this.ask(entry, (view) => {
      if (view.workloads.some((known) => known.name === one.name)) throw new UserError('conflict', `${one.name} is managed already`);
      const row = workloadRow({ ...one, desired: one.desired === 'unmanaged' ? 'running' : one.desired }, uuid);
      const state = row.hostId === null ? 'waiting' : this.#runs(one.name, row.hostId) ? 'running' : 'stopped';
      const desired = one.desired ?? (state === 'stopped' ? 'stopped' : 'running');
      return [
        { change: 'add-workload', workload: { ...row, desired: desired === 'unmanaged' ? 'running' : desired, state } },
        { change: 'event', event: event('workload.adopted', `${one.name} is managed from now on, by ${OPERATOR}`, { workload: one.name, host: row.hostId }) },
      ];
    });
  }

  lock(entry: TimelineEntry, workload: string, locked: boolean): Promise<boolean> {
    return this.ask(entry, (view) => [{ change: 'workload', id: findWorkload(view, workload).id, set: { lock: locked ? { by: OPERATOR, reason: 'in the scenario', sinceMs: this.simulation.wallMs } : null } }]);
  }

  setUsage(entry: Entry<'workload.resize' | 'workload.set-usage'>): Promise<boolean> {
    return this.ask(entry, (view) => {
      const row = findWorkload(view, entry.workload);
      const before = row.usage ?? { cpus: row.needs.vcpus, memoryMiB: row.needs.memoryMiB };
      return [{ change: 'workload', id: row.id, set: { usage: { cpus: entry.cpus ?? before.cpus, memoryMiB: entry.memoryMiB ?? before.memoryMiB } } }];
    });
  }

  /** Its disk is there (the scenario put it there); it is given a home and started. */
  create(entry: Entry<'workload.create'>, uuid: string): Promise<boolean> {
    const one = entry.workload;
    const asked = { by: OPERATOR, nowMs: this.simulation.wallMs };
    if (one.desired === 'unmanaged') return Promise.resolve(true);
    return this.ask(entry, (view) => {
      if (view.workloads.some((known) => known.name === one.name)) throw new UserError('conflict', `a workload named ${one.name} exists already`);
      const row = workloadRow(one, uuid);
      if (row.desired !== 'running') return [{ change: 'add-workload', workload: row }];
      const placement = this.#placement(view);
      const elsewhere = one.host === undefined ? [] : view.hosts.filter((host) => host.name !== one.host).map((host) => ({ hostId: host.id, why: `${one.host ?? ''} was asked for` }));
      const placed = placeWorkload({ ...placement, workloads: [...placement.workloads, row] }, { workload: { ...row, hostId: null }, exclude: elsewhere });
      if (!placed.ok) throw new UserError('refused', `${one.name}: ${placed.error.why}`);
      const home = { ...row, hostId: placed.value.hostId, state: 'starting' as const };
      return [
        { change: 'add-workload', workload: home },
        { change: 'operation', operation: { kind: 'start', workloadId: row.id, hostId: home.hostId, targetHostId: home.hostId, requestedBy: asked.by, reason: `${asked.by} creates it` } },
      ];
    });
  }

  addRule(entry: Entry<'rule.add'>): Promise<boolean> {
    const { rule } = entry;
    const hosts = rule.type === 'hosts' ? { hosts: rule.hosts.map(({ host, priority }) => ({ host, priority: priority ?? 0 })) } : {};
    return this.ask(entry, (view) => addRule(view, { name: rule.name, type: rule.type, workloads: rule.workloads, hard: rule.hard ?? true, ...hosts }, { by: OPERATOR, nowMs: this.simulation.wallMs }));
  }

  removeRule(entry: Entry<'rule.remove'>): Promise<boolean> {
    return this.ask(entry, (view) => removeRule(view, entry.rule, { by: OPERATOR, nowMs: this.simulation.wallMs }));
  }

  disarm(entry: Entry<'cluster.disarm' | 'cluster.arm'>): Promise<boolean> {
    const disarm = entry.do === 'cluster.arm' ? null : { by: OPERATOR, mode: entry.mode ?? 'freeze', reason: 'planned work', sinceMs: this.simulation.wallMs, untilMs: null };
    return this.ask(entry, () => [{ change: 'disarm', disarm }]);
  }

  #runs(workload: string, host: string): boolean {
    return [...this.simulation.world.host(hostId(host)).domains.values()].some((domain) => domain.name === workload && domain.running !== null);
  }

  async #commit(action: string, changes: Changes): Promise<void> {
    const replica = this.simulation.leader() ?? this.simulation.replicas.find((one) => one.isAlive && one.process?.isPaused === false);
    if (!replica?.replica || replica.process?.isPaused) throw new Error('no replica of the control plane answers');
    const { replica: control } = replica;
    const ports = { store: replica.database, audit: { append: async () => undefined }, committed: () => control.committed() };
    await commitCommand(ports, { actor: OPERATOR, action, target: '', changes });
  }

  #verdict(): ReturnType<NonNullable<Simulation['leaderVerdict']>> & object {
    return this.simulation.leaderVerdict() ?? { hosts: [], witnesses: [], quorum: false, quorumEvidence: 'nobody leads', trusted: false, ownStall: false, trustEvidence: 'nobody leads' };
  }

  #placement(view: ClusterView): ReturnType<typeof placementViewOf> {
    return placementViewOf({ view, verdict: this.#verdict(), policy: this.simulation.policy });
  }
}

/** As it will be once its error is cleared. */
function withState(view: ClusterView, workload: string): ClusterView {
  return { ...view, workloads: view.workloads.map((one) => (one.name === workload ? { ...one, state: 'stopped' } : one)) };
}

function withoutAt({ at: _at, ...fields }: TimelineEntry): Readonly<Record<string, unknown>> {
  return fields;
}
