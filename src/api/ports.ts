// What the API needs of the rest: reads and commands, implemented in app/. Commands throw UserError or OperationalError.
import type { AlertTargetState } from '../cluster/alert-target-state.js';
import type { ClusterEvent } from '../cluster/cluster-event.js';
import type { OperationFilter } from '../cluster/cluster-store.js';
import type { ClusterView, DisarmMode } from '../cluster/cluster-view.js';
import type { Hold } from '../cluster/decision.js';
import type { Operation } from '../cluster/operation.js';
import type { ClusterVerdict } from '../cluster/verdict.js';
import type { DrainPlan } from '../cluster/commands/drain-plan.js';
import type { PlanDocument, PlanRequest } from '../cluster/commands/plan-commands.js';
import type { FitDocument, FitRequest } from '../cluster/fit.js';
import type { CopiesDocument, Discarding } from '../cluster/commands/copy-commands.js';
import type { WorkloadPolicies } from '../cluster/commands/owner-commands.js';
import type { WantedRule } from '../cluster/commands/rule-commands.js';
import type { CheckPoint } from '../hosts/enrolment-check.js';
import type { FenceDeviceConfig } from '../hosts/host.js';
import type { AlertTestReport } from '../cluster/control/test-alerts.js';
import type { DesiredState } from '../workloads/workload.js';
import type { FailureRoom } from '../scheduler/failure-room.js';
import type { RoomMode } from '../scheduler/losses-to-try.js';
import type { Explanation } from '../scheduler/explain-placement.js';
import type { LabelChanges, Labels } from '../shared/labels.js';

export interface AuditLine {
  readonly seq: number;
  readonly atMs: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Health {
  readonly ok: boolean;
  readonly parts: Readonly<Record<string, { readonly ok: boolean; readonly detail: string }>>;
}

export interface EventFilter {
  readonly types?: readonly string[];
  readonly host?: string;
  readonly workload?: string;
}

export interface ClusterReads {
  clusterName(): string;
  view(): Promise<ClusterView>;
  verdict(): ClusterVerdict;
  /** As it is now, for `reeve simulate`. */
  scenario(): Promise<object>;
  holds(): Promise<readonly Hold[]>;
  /** In the order of the configuration. */
  alertTargets(): Promise<readonly AlertTargetState[]>;
  leader(): { readonly replica: string; readonly epoch: number | null };
  checkReport(host: string): Promise<readonly CheckPoint[]>;
  explain(workload: string): Promise<Explanation>;
  drainPlan(host: string): Promise<DrainPlan>;
  plan(request: PlanRequest): Promise<PlanDocument>;
  /** Null: as the policy asks, or n+1. */
  capacity(mode: RoomMode | null): Promise<FailureRoom>;
  /** A mode of null: as the policy asks, or n+1. Throws UserError for a workload that is not there. */
  fit(request: Omit<FitRequest, 'mode'> & { readonly mode: FitRequest['mode'] | null }): Promise<FitDocument>;
  /** Asks the hosts now. Null: of all workloads. */
  copies(workload: string | null): Promise<CopiesDocument>;
  operation(id: string): Promise<Operation | null>;
  operations(filter: OperationFilter): Promise<readonly Operation[]>;
  events(afterSeq: number | null, limit: number, filter: EventFilter): Promise<readonly ClusterEvent[]>;
  /** Calls back when there may be new events. Returns the unsubscribe. */
  onChange(listener: () => void): () => void;
  /** Newest first; those before `beforeSeq`, null: the newest. */
  audit(limit: number, beforeSeq: number | null): Promise<readonly AuditLine[]>;
  health(): Promise<Health>;
}

export interface NewHost {
  readonly name: string;
  readonly address: string;
  readonly links: readonly string[];
  readonly heartbeatPort: number;
  readonly ssh: { readonly user: string; readonly port: number; readonly identityFile: string | null; readonly hostKey: string };
  readonly fenceDevices: readonly FenceDeviceConfig[];
  readonly zone: string | null;
  readonly labels: Labels;
}

export interface Adoption {
  readonly host: string;
  readonly name: string;
  readonly isProtected: boolean;
  readonly priority: number;
  /** Null: as it can be moved. */
  readonly drainPolicy: 'migrate' | 'relocate' | 'leave' | null;
  readonly labels: Labels;
}

export interface NewWorkload {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly host: string | null;
  readonly isProtected: boolean;
  readonly priority: number;
  readonly start: boolean;
  readonly labels: Labels;
  /** Also where it leaves no room for failure. */
  readonly override?: boolean;
}

export interface Move {
  readonly to: string | null;
  readonly bandwidthMiBps: number | null;
  readonly maxDowntimeMs: number | null;
  readonly copyStorage: boolean;
  readonly override?: boolean;
}

/** Ids of the operations that were begun; empty: nothing had to be done. */
export interface Begun {
  readonly operationIds: readonly string[];
}

export interface ClusterCommands {
  scanHostKey(address: string, port: number): Promise<{ readonly hostKey: string; readonly fingerprint: string }>;
  addHost(actor: string, host: NewHost, options: { readonly setUpLocks: boolean }): Promise<Begun>;
  /** Looks at the machine as an enrolment would, and changes nothing there. */
  checkHost(host: NewHost): Promise<readonly CheckPoint[]>;
  /** Enrols again a host whose enrolment failed. */
  recheckHost(actor: string, host: string): Promise<Begun>;
  removeHost(actor: string, host: string, lost: boolean): Promise<Begun>;
  /** The host shows another SSH key now, and a person compared it. */
  repin(actor: string, host: string, hostKey: string): Promise<Begun>;
  setFenceDevices(actor: string, host: string, devices: readonly FenceDeviceConfig[]): Promise<Begun>;
  /** What is not named stays; null takes one away. */
  labelHost(actor: string, host: string, labels: LabelChanges): Promise<Begun>;
  /** Null: in none. */
  setZone(actor: string, host: string, zone: string | null): Promise<Begun>;
  cordon(actor: string, host: string): Promise<Begun>;
  uncordon(actor: string, host: string): Promise<Begun>;
  drain(actor: string, host: string): Promise<Begun>;
  undrain(actor: string, host: string): Promise<Begun>;
  /** Ends a quarantine. */
  release(actor: string, host: string): Promise<Begun>;
  fence(actor: string, host: string): Promise<Begun>;
  confirmOff(actor: string, host: string, reason: string): Promise<Begun>;
  powerOn(actor: string, host: string): Promise<Begun>;
  refreshFacts(actor: string, host: string): Promise<Begun>;
  /** `force`: also certificates that are good for long. */
  renewTrust(actor: string, host: string, force: boolean): Promise<Begun>;
  adopt(actor: string, adoption: Adoption): Promise<Begun>;
  create(actor: string, workload: NewWorkload): Promise<Begun>;
  /** `override`, here and below: also where it leaves no room for failure. */
  start(actor: string, workload: string, override?: boolean): Promise<Begun>;
  stop(actor: string, workload: string, how: { readonly force: boolean; readonly timeoutS: number }): Promise<Begun>;
  delete(actor: string, workload: string, how: { readonly deleteDisks: boolean; readonly forget: boolean }): Promise<Begun>;
  protect(actor: string, workload: string, isProtected: boolean): Promise<Begun>;
  setPriority(actor: string, workload: string, priority: number): Promise<Begun>;
  /** What is not named stays; null takes one away. */
  labelWorkload(actor: string, workload: string, labels: LabelChanges): Promise<Begun>;
  /** Says what is wanted; the rules bring it about. */
  setDesired(actor: string, workload: string, desired: DesiredState, override?: boolean): Promise<Begun>;
  manage(actor: string, workload: string, how: { readonly host: string | null; readonly desired: Exclude<DesiredState, 'unmanaged'> | null }): Promise<Begun>;
  unmanage(actor: string, workload: string): Promise<Begun>;
  lock(actor: string, workload: string, reason: string): Promise<Begun>;
  unlock(actor: string, workload: string): Promise<Begun>;
  setPolicies(actor: string, workload: string, policies: WorkloadPolicies): Promise<Begun>;
  clearError(actor: string, workload: string): Promise<Begun>;
  /** Of one whose host is lost: what lies in its pool is not waited for. */
  recoverFromReplica(actor: string, workload: string): Promise<Begun>;
  /** Deletes a copy of it, with its data; waits for its end. */
  discardCopy(actor: string, workload: string, wanted: Discarding): Promise<Begun>;
  migrate(actor: string, workload: string, move: Move): Promise<Begun>;
  relocate(actor: string, workload: string, to: string | null, how: { readonly force: boolean; readonly timeoutS: number; readonly override?: boolean }): Promise<Begun>;
  addRule(actor: string, rule: WantedRule): Promise<Begun>;
  removeRule(actor: string, name: string): Promise<Begun>;
  /** Plans anew, and begins to carry that out. */
  beginPlan(actor: string, request: PlanRequest): Promise<Begun>;
  cancelOperation(actor: string, id: string): Promise<Begun>;
  /** Null: every target. Waits for what they answer. */
  testAlerts(actor: string, target: string | null): Promise<readonly AlertTestReport[]>;
  disarm(actor: string, how: { readonly mode: DisarmMode; readonly reason: string; readonly forS: number | null }): Promise<Begun>;
  arm(actor: string): Promise<Begun>;
}

/** One cluster, as the API reaches it. */
export interface ClusterPorts {
  readonly reads: ClusterReads;
  readonly commands: ClusterCommands;
}

/** The actor behind a bearer token; null: nobody. */
export type VerifyToken = (token: string) => string | null;

export interface ApiPorts {
  /** The first is meant where a request names none; each by the name that its `reads` tell. */
  readonly clusters: readonly [ClusterPorts, ...ClusterPorts[]];
  readonly verifyToken: VerifyToken;
}

/** What a request is answered with: the cluster that it names, found anew at each access. Throws UserError where there is no such cluster. */
export const CLUSTER_PORTS = Symbol('ClusterPorts');
/** Nest's injection token of ApiPorts: all clusters, and who may ask. */
export const API_PORTS = Symbol('ApiPorts');
