// What the API answers, for its documentation; a test holds real answers against it. Answers may have more fields than are named here.
import { applyDecorators } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import { z } from 'zod';
import { SEVERITIES, type Severity } from '../cluster/alert.js';
import { PLAN_KINDS } from '../cluster/commands/plan-commands.js';
import { OPERATION_STATES, type OperationState } from '../cluster/operation.js';
import { DESIRED_STATES, WORKLOAD_STATES, type DesiredState, type WorkloadState } from '../workloads/workload.js';

/** A route that reads: 200 with this. */
export function Answers(summary: string, schema: z.ZodType): MethodDecorator {
  return applyDecorators(ApiOperation({ summary }), ApiResponse({ status: 200, description: summary, standardSchema: schema }));
}

/** A page of a list, by cursor. */
export const pageWith = <T extends z.ZodType>(item: T, next: z.ZodType = z.string()) =>
  z.looseObject({ items: z.array(item), next: next.nullable().meta({ description: 'give it as `after` for the next page; null: this was the last one' }) });

export const listWith = <T extends z.ZodType>(item: T) => z.looseObject({ items: z.array(item) });

const atMs = z.int().meta({ description: 'milliseconds since 1970' });
const why = z.string().nullable().meta({ description: 'a sentence for people' });
const keys = <K extends string>(table: Readonly<Record<K, unknown>>) => z.enum(Object.keys(table) as [K, ...K[]]);
const glossed = (table: Readonly<Record<string, string>>): string => Object.entries(table).map(([state, means]) => `${state}: ${means}`).join('; ');

const proof = z.looseObject({
  kind: z.string().meta({ description: 'power-off, new-boot, lease-expired, stopped or operator' }),
  evidence: z.string(),
  atMs,
}).meta({ description: 'why a host can’t run what it ran' });

export const host = z.looseObject({
  id: z.string(),
  name: z.string(),
  address: z.string(),
  links: z.array(z.string()),
  zone: z.string().nullable().meta({ description: 'what it fails together with; null: a zone of its own' }),
  labels: z.record(z.string(), z.string()),
  state: z.enum(['enrolling', 'online', 'suspect', 'silent', 'fencing', 'fenced', 'draining', 'maintenance', 'offline']).meta({ description: 'condition, hearing and intent in one word' }),
  condition: z.string(),
  conditionSinceMs: atMs,
  intent: z.enum(['active', 'maintenance']),
  cordoned: z.boolean(),
  leaving: z.looseObject({ purpose: z.enum(['shutdown', 'reboot']), sinceMs: atMs }).nullable().meta({ description: 'it goes down in order' }),
  flapping: z.looseObject({ lostAtMs: z.array(atMs), quarantine: z.looseObject({ untilMs: atMs, times: z.int(), isOver: z.boolean() }).nullable() }).meta({ description: 'how often it was lost lately; in quarantine nothing new is placed there' }),
  trouble: z.looseObject({ deadBridges: z.array(z.looseObject({ bridge: z.string(), why: z.string() })), failing: z.array(z.string()), bridgesSinceMs: atMs.nullable(), failingSinceMs: atMs.nullable() }).nullable().meta({ description: 'what is wrong with it by its own word: bridges of guests without an uplink, hardware that reports to be failing' }),
  why,
  hostEpoch: z.int(),
  bootId: z.string().nullable(),
  proof: proof.nullable(),
  fenceDevices: z.array(z.looseObject({ kind: z.string(), options: z.record(z.string(), z.string()) })).meta({ description: 'secrets are shown as ***' }),
  workloads: z.array(z.string()).meta({ description: 'names of those that are placed there' }),
  usage: z.looseObject({ memoryMiB: z.number(), vcpus: z.number(), workloads: z.int() }),
  strangers: z.looseObject({ memoryMiB: z.number(), vcpus: z.number(), workloads: z.int() }).meta({ description: 'guests of its libvirt, LXD or Incus that run and are no workloads of Reeve: placement counts them as used, beside `usage`' }),
  blockPools: z.array(z.looseObject({ driver: z.string(), pool: z.string(), filesystem: z.string(), serial: z.string().nullable(), takers: z.array(z.string()) })).meta({ description: 'pools of its LXD or Incus on block devices of their own, and which other hosts see the device: they can take the pool over when this host has lost its power' }),
  takenPools: z.array(z.looseObject({ driver: z.string(), pool: z.string(), by: z.string().nullable(), isDone: z.boolean(), atMs })).meta({ description: 'pools of it that others have taken over, or are about to, since it was lost' }),
  heard: z.looseObject({ state: z.enum(['heard', 'suspect', 'silent', 'unknown']), evidence: z.string(), silentVotes: z.int(), voters: z.int(), lease: z.looseObject({ held: z.boolean(), enforcing: z.boolean() }).nullable() }).nullable().meta({ description: 'what its heartbeats say; lease: does a majority of voters acknowledge it, and would it end its protected workloads without' }),
  facts: z.looseObject({ cpus: z.int(), memoryMiB: z.number(), hugepages: z.array(z.looseObject({ sizeKiB: z.int(), total: z.int(), free: z.int(), isDefault: z.boolean() })).optional(), ksmSavedMiB: z.number().optional(), cpuFlags: z.array(z.string()).optional(), libvirtVersion: z.string().nullable(), qemuVersion: z.string().nullable(), bridges: z.array(z.string()), pools: z.array(z.looseObject({ name: z.string(), path: z.string() })) }).nullable(),
});

export const workload = z.looseObject({
  id: z.string(),
  uuid: z.string(),
  name: z.string(),
  kind: z.enum(['vm', 'container']),
  desired: keys<DesiredState>(DESIRED_STATES).meta({ description: glossed(DESIRED_STATES) }),
  state: keys<WorkloadState>(WORKLOAD_STATES).meta({ description: glossed(WORKLOAD_STATES) }),
  why,
  host: z.string().nullable().meta({ description: 'name of the host where it is placed' }),
  isProtected: z.boolean(),
  labels: z.record(z.string(), z.string()),
  priority: z.int(),
  drainPolicy: z.enum(['migrate', 'relocate', 'leave']),
  movesLiveByCriu: z.boolean(),
  maxRestarts: z.int(),
  maxRelocations: z.int(),
  failback: z.boolean(),
  startAfter: z.array(z.string()).meta({ description: 'names' }),
  lock: z.looseObject({ by: z.string(), reason: z.string(), sinceMs: atMs }).nullable().meta({ description: 'not moved and not stopped meanwhile' }),
  recoverable: z.looseObject({ by: z.enum(['shared-storage', 'pool', 'replica', 'nothing']), summary: z.string(), rpoMs: z.number().nullable() }).meta({ description: 'what would bring it back if its host were lost now, and how much of what was written last would be lost' }),
  failures: z.looseObject({ restarts: z.int(), relocations: z.int(), lastAtMs: atMs.nullable() }),
  workloadEpoch: z.int(),
  needs: z.looseObject({ vcpus: z.int(), memoryMiB: z.number() }),
  observed: z.looseObject({ runState: z.string(), reason: z.string(), atMs }).nullable(),
  operation: z.looseObject({ id: z.string(), kind: z.string() }).nullable().meta({ description: 'what is under way with it' }),
});

export const copies = z.looseObject({
  copies: z.array(z.looseObject({
    host: z.string(),
    workload: z.string().nullable().meta({ description: 'null: of one that is not known any more' }),
    uuid: z.string(),
    name: z.string().meta({ description: 'what the daemon of that host calls it' }),
    kind: z.enum(['replica', 'spare', 'set-aside']),
    isLeftover: z.boolean().meta({ description: 'nothing would be recovered from it' }),
    isRecoveredFrom: z.boolean(),
    asOfMs: atMs.nullable().meta({ description: 'what was written until then is in it; null: it is not whole' }),
  })),
  unseen: z.array(z.looseObject({ host: z.string(), why: z.string() })).meta({ description: 'hosts of which nothing is known now' }),
});

const filled = z.looseObject({ used: z.number(), limit: z.number() });
const loss = z.looseObject({
  hosts: z.array(z.string()).meta({ description: 'what is lost at once' }),
  zone: z.string().nullable(),
  placed: z.int().meta({ description: 'workloads that would be started elsewhere' }),
  down: z.array(z.looseObject({ workload: z.string(), why: z.string(), isBound: z.boolean().meta({ description: 'no other host could take it, however empty: no question of room' }) })).meta({ description: 'what would stay down, what matters most first' }),
  unprotected: z.int().meta({ description: 'workloads that would go with the hosts and are not protected' }),
  freeMemoryMiB: z.number().meta({ description: 'on the hosts that are left, after that' }),
  mend: z.string().nullable().meta({ description: 'how much more room, or which rule stands in the way' }),
});
export const capacity = z.looseObject({
  mode: z.enum(['n+1', 'n+2', 'zone']),
  isOk: z.boolean().meta({ description: 'whatever of these is lost, nothing stays down for want of room or by a rule' }),
  outcomes: z.array(loss),
  tightest: loss.nullable().meta({ description: 'the one that strands most, else the one that leaves the least free' }),
  leftOut: z.int().meta({ description: 'n+2: hosts that are in no pair, as only the 64 fullest are tried in pairs' }),
  untried: z.int().meta({ description: 'n+2: pairs that were not tried, as 24 before them leave something down' }),
  undecided: z.array(z.string()).meta({ description: 'hosts that are silent or being fenced: not counted as lost, nor as there' }),
  memoryMiB: filled,
  vcpus: filled,
});

export const fit = z.looseObject({
  like: z.string().nullable().meta({ description: 'the workload whose needs one has; null: a plain VM of that size' }),
  memoryMiB: z.number(),
  vcpus: z.number(),
  mode: z.enum(['off', 'n+1', 'n+2', 'zone']),
  most: z.int(),
  count: z.int().meta({ description: 'so many fit; `most`: or more' }),
  places: z.int().meta({ description: 'so many have a place when no loss is thought of' }),
  stops: z.string().nullable().meta({ description: 'what keeps one more from fitting; null: `most` fit' }),
});

export const drainPlan = z.looseObject({
  host: z.string(),
  workloads: z.array(z.looseObject({
    workload: z.string(),
    kind: z.enum(['vm', 'container']),
    how: z.enum(['live', 'relocated', 'stays']),
    target: z.string().nullable().meta({ description: 'as things are now, for itself alone' }),
    gapMs: z.number().nullable().meta({ description: 'how long it would stand still; null: not known, or it does not' }),
    why: z.string(),
  })),
});

const figures = z.looseObject({
  imbalance: z.number().meta({ description: 'standard deviation of the share of memory used, over hosts that take workloads, and that of vCPUs; added up' }),
  memoryImbalance: z.number(),
  cpuImbalance: z.number(),
  fullest: z.number().meta({ description: 'the greatest share of memory used on one host' }),
  hosts: z.array(z.looseObject({ host: z.string(), memoryMiB: z.number(), ofMemoryMiB: z.number(), vcpus: z.number(), ofVcpus: z.number(), workloads: z.int() })),
});
export const plan = z.looseObject({
  kind: z.enum(PLAN_KINDS),
  hosts: z.array(z.string()).meta({ description: 'what it is about' }),
  moves: z.array(z.looseObject({
    workload: z.string(),
    from: z.string().nullable(),
    to: z.string(),
    round: z.int().meta({ description: 'from 1: moves of a round can be under way at once; a round begins when the one before has ended' }),
    how: z.enum(['live', 'cold', 'start']),
    why: z.string(),
    memoryMiB: z.number(),
  })),
  unplaced: z.array(z.looseObject({ workload: z.string(), why: z.string() })),
  before: figures,
  after: figures,
  rounds: z.int(),
  estimatedS: z.number().nullable().meta({ description: 'null: there is nothing to do' }),
  groups: z.array(z.array(z.string())).optional().meta({ description: 'of a drain: hosts that can be drained together, in this order' }),
});

export const operation = z.looseObject({
  id: z.string(),
  kind: z.string(),
  state: keys<OperationState>(OPERATION_STATES).meta({ description: glossed(OPERATION_STATES) }),
  workload: z.string().nullable(),
  host: z.string().nullable(),
  target: z.string().nullable(),
  reason: z.string(),
  requestedBy: z.string(),
  why,
  outcomeCode: z.string().nullable(),
  proof: proof.nullable(),
  progress: z.looseObject({ percent: z.number().optional(), line: z.string() }).nullable(),
  steps: z.array(z.looseObject({ name: z.string(), state: z.enum(['running', 'done', 'failed', 'undone']), startedAtMs: atMs, endedAtMs: atMs.nullable(), note: z.string().nullable() })),
  memo: z.record(z.string(), z.unknown()).meta({ description: 'what the steps measured and remember, e.g. downtimeMs and transferredBytes of a migration' }),
  cancelRequested: z.boolean(),
  attempts: z.int().meta({ description: 'more than one: it was resumed' }),
  createdAtMs: atMs,
  startedAtMs: atMs.nullable(),
  endedAtMs: atMs.nullable(),
});

export const clusterEvent = z.looseObject({
  seq: z.int(),
  atMs,
  type: z.string(),
  severity: z.enum(['info', 'notice', 'warning', 'alert']),
  host: z.string().nullable(),
  workload: z.string().nullable(),
  operationId: z.string().nullable(),
  message: z.string(),
  data: z.record(z.string(), z.unknown()),
});

export const auditLine = z.looseObject({ seq: z.int(), atMs, actor: z.string(), action: z.string(), target: z.string(), details: z.record(z.string(), z.unknown()) });

export const checkPoint = z.looseObject({ code: z.string(), title: z.string(), state: z.enum(['ok', 'warn', 'fail']), detail: z.string(), remedy: z.string().nullable() });

export const hostKeyScan = z.looseObject({ hostKey: z.string(), fingerprint: z.string() });

export const rule = z.looseObject({ name: z.string(), type: z.string(), hard: z.boolean(), per: z.enum(['host', 'zone']).optional(), workloads: z.array(z.string()).meta({ description: 'what it is about now' }), select: z.record(z.string(), z.string()).nullable().meta({ description: 'those that have these labels are among them' }), says: z.string(), broken: z.string().nullable() });

const score = z.looseObject({ host: z.string(), total: z.number(), parts: z.record(z.string(), z.number()) });
const refusal = z.looseObject({ host: z.string(), code: z.string(), why: z.string() });
export const explanation = z.looseObject({
  workload: z.string(),
  current: z.string().nullable(),
  chosen: z.string().nullable().meta({ description: 'where it would be placed now' }),
  ranking: z.array(score).meta({ description: 'hosts that fit, best first' }),
  refusals: z.array(refusal),
  broken: z.string().nullable().meta({ description: 'what hard rule is against its host now' }),
  rules: z.array(z.looseObject({ name: z.string(), hard: z.boolean(), says: z.string() })).meta({ description: 'placement rules that concern it' }),
});

const problemFound = z.looseObject({ code: z.string(), severity: z.enum(['warning', 'alert']), about: z.string(), evidence: z.string(), remedy: z.string().nullable() });
const hold = z.looseObject({ code: z.string(), about: z.string(), why: z.string() }).meta({ description: 'a reason for not acting' });

export const status = z.looseObject({
  cluster: z.looseObject({ name: z.string(), version: z.int(), leaderEpoch: z.int(), armed: z.boolean(), quorum: z.boolean(), quorumEvidence: z.string(), trusted: z.boolean() }),
  problems: z.array(problemFound),
  hosts: z.array(host),
  workloads: z.array(workload),
  operations: z.array(operation).meta({ description: 'under way' }),
  failures: z.array(operation).meta({ description: 'ended badly lately' }),
  holds: z.array(hold),
  events: z.array(clusterEvent),
});

const severity = z.enum(SEVERITIES as [Severity, ...Severity[]]);
export const alertTarget = z.looseObject({
  name: z.string(),
  to: z.string().meta({ description: 'without secrets' }),
  least: severity,
  types: z.array(z.string()).nullable().meta({ description: 'null: all' }),
  lastSuccessAtMs: atMs.nullable().meta({ description: 'of an alert or a test; null: nothing was ever sent' }),
  waiting: z.int().meta({ description: 'alerts that it has not got yet' }),
  moreWait: z.boolean().meta({ description: 'there are more, which were not counted' }),
  oldestWaitingAtMs: atMs.nullable(),
  failure: z.looseObject({ sinceMs: atMs, attempts: z.int(), why: z.string(), lastAtMs: atMs, nextAtMs: atMs }).nullable(),
});
export const alertTest = z.looseObject({ target: z.string(), to: z.string(), ok: z.boolean(), why: why.meta({ description: 'what the target answered; null: it took the alert' }), tookMs: z.int() });

const named = z.looseObject({ name: z.string() });
export const cpuBaseline = z.looseObject({
  architecture: z.string(),
  model: z.string().nullable().meta({ description: 'null: there is none that all have' }),
  flags: z.array(z.string()),
  hosts: z.array(z.looseObject({
    host: z.string(), model: z.string().meta({ description: 'its own, as libvirt calls it' }), accelerator: z.enum(['kvm', 'tcg']),
    lacksAlone: z.array(z.string()).meta({ description: 'features that all others have: without this host they were in the baseline' }),
    keepsFrom: z.string().nullable().meta({ description: 'a newer model that all others have' }),
    isUnknown: z.boolean().meta({ description: 'its features are not known, so it was left out of them' }),
    beyond: z.int().meta({ description: 'how many features it has beyond the baseline' }),
  })),
});

export const scenario = z.looseObject({ name: z.string(), policy: z.looseObject({}), controllers: z.int(), hosts: z.array(named), workloads: z.array(named), rules: z.array(named), timeline: z.array(z.looseObject({ at: z.number(), do: z.string() })) });

export const cluster = z.looseObject({
  name: z.string(),
  isDefault: z.boolean().meta({ description: 'meant by every route that names none' }),
  hosts: z.int().meta({ description: 'how many' }),
  workloads: z.int().meta({ description: 'how many' }),
  quorum: z.boolean(),
  quorumEvidence: z.string(),
  leader: z.looseObject({ replica: z.string(), epoch: z.int().nullable() }).meta({ description: 'epoch null: another replica than the one that answers, or none' }),
  disarm: z.looseObject({ mode: z.string(), by: z.string(), reason: z.string(), sinceMs: atMs, untilMs: atMs.nullable() }).nullable(),
  holds: z.int().meta({ description: 'how many' }),
});

export const health = z.looseObject({ ok: z.boolean(), unready: z.array(z.string()).optional().meta({ description: 'names of clusters' }), parts: z.record(z.string(), z.looseObject({ ok: z.boolean(), detail: z.string() })).optional() });
