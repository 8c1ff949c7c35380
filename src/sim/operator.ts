// The operator of a scenario: what a person asks of the control plane, through whichever replica answers.
import { admit, type Admission } from '../cluster/admission.js';
import type { Change } from '../cluster/change.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import { findWorkload } from '../cluster/commands/find.js';
import { type Asked, confirmOff, cordonHost, drainHost, fenceHost, uncordonHost, undrainHost } from '../cluster/commands/host-commands.js';
import { recoverFromReplica } from '../cluster/commands/recover-from-replica.js';
import { lockWorkload, manageWorkload, setDesired, unlockWorkload, unmanageWorkload } from '../cluster/commands/owner-commands.js';
import { assertRulesTake, labelHost, labelWorkload, zoneHost } from '../cluster/commands/label-commands.js';
import { addRule, removeRule } from '../cluster/commands/rule-commands.js';
import type { PlanRequest } from '../cluster/commands/plan-commands.js';
import { planToBegin } from '../cluster/control/cluster-plans.js';
import { plannerHere } from '../cluster/planner-here.js';
import { deleteWorkload, moveWorkload, stopWorkload } from '../cluster/commands/workload-commands.js';
import { commitCommand } from '../cluster/control/commit-command.js';
import { placementViewOf } from '../cluster/placement-ledger.js';
import { placeWorkload } from '../scheduler/place-workload.js';
import { rankedHosts } from '../scheduler/ranked-hosts.js';
import { resolveRules } from '../scheduler/resolve-rules.js';
import { messageOf, UserError } from '../shared/errors.js';
import type { Entry, TimelineEntry } from './scenario/scenario.js';
import { workloadRow } from './scenario/setup-cluster.js';
import { wantedRule } from './scenario/wanted-rule.js';
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
    const asked = this.#asked;
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
        return this.ask(entry, (view) => confirmOff(view, this.#verdict(), host, { ...asked, reason: 'somebody stood before it' }));
    }
  }

  setDesired(entry: Entry<'workload.set-desired'>): Promise<boolean> {
    return this.ask(entry, (view) => setDesired(view, entry.workload, entry.desired, this.#admitting(view, entry.override)));
  }

  stop(entry: Entry<'workload.stop'>): Promise<boolean> {
    const timeoutS = entry.timeoutS ?? 60;
    return this.ask(entry, (view) => stopWorkload(view, entry.workload, { ...this.#asked, force: timeoutS === 0, timeoutS }));
  }

  migrate(entry: Entry<'workload.migrate'>): Promise<boolean> {
    const kind = entry.live === false ? 'relocate' : 'migrate';
    const params = kind === 'migrate' ? { copyStorage: false } : { force: false, timeoutMs: 60_000 };
    return this.ask(entry, (view) => moveWorkload(view, this.#placement(view), entry.workload, { ...this.#admitting(view, entry.override), to: entry.to, kind, params }));
  }

  delete(entry: Entry<'workload.delete'>): Promise<boolean> {
    return this.ask(entry, (view) => deleteWorkload(view, entry.workload, { ...this.#asked, deleteDisks: true, forget: false }));
  }

  manage(entry: Entry<'workload.manage'>): Promise<boolean> {
    return this.ask(entry, (view) => manageWorkload(view, entry.workload, { ...this.#asked, host: entry.host ?? null, desired: null }));
  }

  unmanage(entry: Entry<'workload.unmanage'>): Promise<boolean> {
    return this.ask(entry, (view) => unmanageWorkload(view, entry.workload, this.#asked));
  }

  /** Planned on what is known now, and begun; what is wrong with it is told as a refusal. */
  async beginPlan(entry: TimelineEntry, request: PlanRequest): Promise<boolean> {
    const { store, policy, narrator, wallMs } = this.simulation;
    try {
      const changes = await planToBegin({ store, policy, verdict: () => this.#verdict(), clock: { nowMs: () => wallMs }, planner: plannerHere() }, request);
      return await this.ask(entry, (view) => changes(view, this.#asked));
    } catch (error) {
      narrator.tell('command.refused', { ...withoutAt(entry), why: messageOf(error) });
      return false;
    }
  }

  recoverFromReplica(entry: Entry<'workload.recover-from-replica'>): Promise<boolean> {
    return this.ask(entry, (view) => recoverFromReplica(view, entry.workload, this.#asked));
  }

  lock(entry: Entry<'workload.lock' | 'workload.unlock'>): Promise<boolean> {
    return this.ask(entry, (view) => (entry.do === 'workload.lock' ? lockWorkload(view, entry.workload, { ...this.#asked, reason: 'a backup' }) : unlockWorkload(view, entry.workload, this.#asked)));
  }

  /** Nobody measures in the simulated world: what was measured is told by the scenario. */
  setUsage(entry: Entry<'workload.set-usage'>): Promise<boolean> {
    return this.ask(entry, (view) => {
      const row = findWorkload(view, entry.workload);
      const before = row.usage ?? { cpus: row.needs.vcpus, memoryMiB: row.needs.memoryMiB };
      return [{ change: 'workload', id: row.id, set: { usage: { cpus: entry.cpus ?? before.cpus, memoryMiB: entry.memoryMiB ?? before.memoryMiB } } }];
    });
  }

  /** Its disk is there (the scenario put it there); it is given a home and started. */
  create(entry: Entry<'workload.create'>, uuid: string): Promise<boolean> {
    const one = entry.workload;
    return this.ask(entry, (view) => {
      if (view.workloads.some((known) => known.name === one.name)) throw new UserError('conflict', `a workload named ${one.name} exists already`);
      const row = workloadRow(one, uuid);
      assertRulesTake(view, row);
      if (row.desired !== 'running') return [{ change: 'add-workload', workload: row }];
      const placement = this.#placement(view);
      const elsewhere = one.host === undefined ? [] : view.hosts.filter((host) => host.name !== one.host).map((host) => ({ hostId: host.id, why: `${one.host ?? ''} was asked for` }));
      const workloads = [...placement.workloads, row];
      const rules = resolveRules(placement.rules, { hosts: view.hosts, workloads });
      const placed = placeWorkload({ ...placement, workloads, rules }, { workload: { ...row, hostId: null }, exclude: elsewhere });
      if (!placed.ok) throw new UserError('refused', `${one.name}: ${placed.error.why}`);
      const [first, ...others] = rankedHosts(view.hosts, placed.value);
      if (!first) throw new UserError('refused', `${one.name}: no host`);
      const { host, told } = admit({ ...this.#admitting(view, entry.override).admission, placement: () => ({ ...placement, rules }) }, { ...row, hostId: null }, [first, ...others], OPERATOR);
      const home = { ...row, hostId: host.id, state: 'starting' as const };
      return [
        { change: 'add-workload', workload: home },
        { change: 'operation', operation: { kind: 'start', workloadId: row.id, hostId: home.hostId, targetHostId: home.hostId, requestedBy: OPERATOR, reason: `${OPERATOR} creates it` } },
        ...told,
      ];
    });
  }

  addRule(entry: Entry<'rule.add'>): Promise<boolean> {
    return this.ask(entry, (view) => addRule(view, wantedRule(entry.rule), this.#asked));
  }

  /** Its zone first: both are asked for, the second on what the first left. */
  async labelHost({ labels, zone, ...entry }: Entry<'host.label'>): Promise<void> {
    if (zone !== undefined) await this.ask({ ...entry, zone }, (view) => zoneHost(view, entry.host, zone, this.#asked));
    if (labels !== undefined) await this.ask({ ...entry, labels }, (view) => labelHost(view, entry.host, labels, this.#asked));
  }

  labelWorkload(entry: Entry<'workload.label'>): Promise<boolean> {
    return this.ask(entry, (view) => labelWorkload(view, entry.workload, entry.labels, this.#asked));
  }

  removeRule(entry: Entry<'rule.remove'>): Promise<boolean> {
    return this.ask(entry, (view) => removeRule(view, entry.rule, this.#asked));
  }

  disarm(entry: Entry<'cluster.disarm' | 'cluster.arm'>): Promise<boolean> {
    const disarm = entry.do === 'cluster.arm' ? null : { by: OPERATOR, mode: entry.mode ?? 'freeze', reason: 'planned work', sinceMs: this.simulation.wallMs, untilMs: null };
    return this.ask(entry, () => [{ change: 'disarm', disarm }]);
  }

  get #asked(): { readonly by: string; readonly nowMs: number } {
    return { by: OPERATOR, nowMs: this.simulation.wallMs };
  }

  #admitting(view: ClusterView, override = false): Asked & { readonly admission: Admission } {
    return { ...this.#asked, admission: { mode: this.simulation.policy.admission, override, placement: () => this.#placement(view) } };
  }

  async #commit(action: string, changes: Changes): Promise<void> {
    const replica = this.simulation.leader() ?? this.simulation.replicas.find((one) => one.isAlive && one.process?.isPaused === false);
    if (!replica?.replica || replica.process?.isPaused) throw new Error('no replica of the control plane answers');
    const { replica: control } = replica;
    const ports = { store: replica.database, audit: { append: async () => undefined }, committed: () => control.committed() };
    await commitCommand(ports, { actor: OPERATOR, action, target: '', changes: (view) => this.#told(changes(view)) });
  }

  /** Decided and committed at one moment: the checker hears of it before it looks at the store again. */
  #told(changes: readonly Change[]): readonly Change[] {
    this.simulation.checker.commanded(changes);
    return changes;
  }

  #verdict(): ReturnType<NonNullable<Simulation['leaderVerdict']>> & object {
    return this.simulation.leaderVerdict() ?? { hosts: [], witnesses: [], quorum: false, quorumEvidence: 'nobody leads', trusted: false, ownStall: false, trustEvidence: 'nobody leads' };
  }

  #placement(view: ClusterView): ReturnType<typeof placementViewOf> {
    return placementViewOf({ view, verdict: this.#verdict(), policy: this.simulation.policy });
  }
}

function withoutAt({ at: _at, ...fields }: TimelineEntry): Readonly<Record<string, unknown>> {
  return fields;
}
