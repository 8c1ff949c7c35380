// The bodies and queries that the API takes, checked field by field; an unknown field is refused.
import { z } from 'zod';
import { ROOM_MODES } from '../scheduler/losses-to-try.js';
import { PLACEMENT_RULE_TYPES, type PlacementRuleType } from '../scheduler/placement-rule.js';
import { LABEL_KEY, LABEL_VALUE } from '../shared/labels.js';
import { DESIRED_STATES, type DesiredState } from '../workloads/workload.js';
import { OPERATION_STATES, type OperationKind, type OperationState } from '../cluster/operation.js';

const name = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/i, 'up to 63 letters, digits, dots and dashes, such as host-1');
const address = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$/, 'an address or a host name');
const port = z.int().min(1).max(65_535);

const zone = z.string().min(1).regex(LABEL_VALUE, 'up to 63 letters, digits, dots, dashes and underscores, such as room-a').meta({ description: 'what fails together: a rack, a room; a host without one is a zone of its own' });
const labelKey = z.string().regex(LABEL_KEY, 'a key of up to 63 letters, digits, dots, dashes, slashes and underscores, such as app');
const labelValue = z.string().regex(LABEL_VALUE, 'a value of up to 63 letters, digits, dots, dashes and underscores, such as db');
const labels = z.record(labelKey, labelValue).meta({ description: 'what placement rules select by: {"app": "db"}' });
const selected = labels.refine((wanted) => Object.keys(wanted).length > 0, 'at least one label, such as {"app": "db"}');

const hostKey = z.string().regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+$/, 'a host key such as "ssh-ed25519 AAAA…"; `reeve host add` shows it');

export const DEFAULT_HEARTBEAT_PORT = 7481;

export const fenceDevice = z.strictObject({
  kind: z.enum(['ipmi', 'redfish', 'fence-agent', 'watchdog', 'manual']),
  options: z.record(z.string(), z.string()).default({}),
});

export const newHost = z.strictObject({
  name,
  address,
  links: z.array(address).min(1).max(4).optional(),
  heartbeatPort: port.default(DEFAULT_HEARTBEAT_PORT),
  ssh: z.strictObject({
    user: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'a login name').default('root'),
    port: port.default(22),
    identityFile: z.string().startsWith('/', 'an absolute path on the control plane\'s machine').nullable().default(null),
    hostKey,
  }),
  fenceDevices: z.array(fenceDevice).max(8).default([{ kind: 'watchdog', options: {} }]).meta({ description: 'in order; watchdog: protected workloads run under the lease of the host, and its end is a proof' }),
  zone: zone.nullable().default(null),
  labels: labels.default({}),
});

/** To be added, not only looked at. */
export const addedHost = newHost.extend({ setUpLocks: z.boolean().default(false).meta({ description: 'make virtlockd the lock manager there, and on members that share a pool with it: restarts libvirt where no VM runs' }) });

export const repin = z.strictObject({ hostKey });
export const scanKey = z.strictObject({ address, port: port.default(22) });
export const setLabels = z.strictObject({ labels: z.record(labelKey, labelValue.nullable()).meta({ description: 'what is not named stays; null takes one away' }) });
export const setZone = z.strictObject({ zone: zone.nullable() });
export const fenceDevices = z.strictObject({ fenceDevices: z.array(fenceDevice).max(8) });
export const reason = z.strictObject({ reason: z.string().trim().min(1, 'say how you know').max(500) });

const drainPolicy = z.enum(['migrate', 'relocate', 'leave']).meta({ description: 'migrate: live only; relocate: live where that can be, else stopped and started; leave: it is not moved' });
const priority = z.int().min(-1_000).max(1_000);

export const adoption = z.strictObject({ host: name, name: z.string().min(1).max(255), isProtected: z.boolean().default(false), priority: priority.default(0), drainPolicy: drainPolicy.nullable().default(null).meta({ description: 'null: migrate, of what can move live; relocate, of what can not' }), labels: labels.default({}) });
/** Of what admission would refuse. */
const override = z.boolean().default(false).meta({ description: 'do it although it leaves no room for failure (policy `admission`); it is audited and told' });

export const newWorkload = z.strictObject({ spec: z.record(z.string(), z.unknown()).meta({ description: 'name, vcpus, memoryMiB, disks [{pool, sizeMiB, format, from}], network [{bridge, mac}], cpuModel, machine, kernel, initrd, commandLine, cloudInit {userData, metaData}; of a container kind: container, driver, name, image or from, profiles, vcpus, memoryMiB, disk {pool, sizeMiB}, network [{bridge or network, mac}], config; `reeve workload create --help` shows examples' }), host: name.nullable().default(null), isProtected: z.boolean().default(false), priority: priority.default(0), start: z.boolean().default(true), labels: labels.default({}), override });
export const start = z.strictObject({ override });
export const stop = z.strictObject({ force: z.boolean().default(false), timeoutS: z.int().min(0).max(3_600).default(60) });
const desired = z.enum(Object.keys(DESIRED_STATES) as [DesiredState, ...DesiredState[]]);
export const setDesired = z.strictObject({ desired: desired.meta({ description: Object.entries(DESIRED_STATES).map(([name, means]) => `${name}: ${means}`).join('; ') }), override });
export const manage = z.strictObject({
  host: name.nullable().default(null).meta({ description: 'where it is; null: where it is seen' }),
  desired: desired.exclude(['unmanaged']).nullable().default(null).meta({ description: 'null: what it does now' }),
});
export const policies = z.strictObject({
  maxRestarts: z.int().min(0).max(100).optional().meta({ description: 'tries on the same host before another is tried' }),
  maxRelocations: z.int().min(0).max(100).optional().meta({ description: 'other hosts tried before it is set to error' }),
  failback: z.boolean().optional().meta({ description: 'goes back live to a preferred host once that is well again' }),
  drainPolicy: drainPolicy.optional(),
  movesLiveByCriu: z.boolean().optional().meta({ description: 'a container: it is moved while it runs where both hosts have CRIU, which may fail to bring it back' }),
  startAfter: z.array(z.string().min(1).max(255)).max(100).optional().meta({ description: 'names; a circle is refused' }),
  replicateStale: z.enum(['keep', 'reuse']).optional().meta({ description: 'what a host had of it before it was recovered elsewhere: stays until it is discarded, or may be written over by the next copy' }),
  replicateEveryS: z.int().min(10).max(604_800).nullable().optional().meta({ description: 'of one whose data lie at its host (a container): a copy is kept on another host and made anew so often; null: none' }),
});
export const lock = z.strictObject({ reason: z.string().trim().min(1, 'say why').max(500) });
export const setPriority = z.strictObject({ priority });
export const move = z.strictObject({
  to: name.nullable().default(null),
  bandwidthMiBps: z.int().min(1).nullable().default(null),
  maxDowntimeMs: z.int().min(1).max(60_000).nullable().default(null),
  copyStorage: z.boolean().default(false),
  override,
});
export const relocation = z.strictObject({ to: name.nullable().default(null), force: z.boolean().default(false), timeoutS: z.int().min(0).max(3_600).default(60), override });
export const disarm = z.strictObject({ mode: z.enum(['freeze', 'ignore']).default('freeze').meta({ description: 'freeze: nothing is started, stopped or moved; ignore: workloads are as if unmanaged' }), reason: z.string().trim().min(1, 'say why').max(500), forS: z.int().min(1).max(7 * 86_400).nullable().default(3_600) });

const ruleName = z.string().regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/i, 'up to 63 letters, digits, dots, dashes and underscores');
const rank = z.int().min(-1_000).max(1_000).default(0);
export const newRule = z.strictObject({
  name: ruleName,
  type: z.enum(Object.keys(PLACEMENT_RULE_TYPES) as [PlacementRuleType, ...PlacementRuleType[]]),
  workloads: z.array(z.string().min(1).max(255)).max(1_000).default([]).meta({ description: 'names' }),
  select: selected.optional().meta({ description: 'also all workloads that have these labels, now and later: {"app": "db"}' }),
  hard: z.boolean().default(true).meta({ description: 'hard: never broken by automation; soft: preferred' }),
  per: z.enum(['host', 'zone']).optional().meta({ description: 'for keep-apart and keep-together: on one host (the default), or in one zone' }),
  hosts: z.array(z.union([
    z.strictObject({ host: name, priority: rank }),
    z.strictObject({ select: selected.meta({ description: 'hosts that have these labels, now and later; a zone by the name of zone: {"zone": "a"}' }), priority: rank }),
  ])).max(1_000).optional().meta({ description: 'for type hosts; a higher priority is preferred' }),
});

export const alertTest = z.strictObject({ target: z.string().min(1).max(63).nullable().default(null).meta({ description: 'its name; null: every target' }) });

const limit = z.coerce.number().int('a whole number').min(1).max(500).default(100).meta({ description: 'how many at most; 500 is the most' });
const textCursor = z.string().max(128).optional().meta({ description: '`next` of the page before' });
const sequence = z.coerce.number().int('a sequence number').min(0).optional();
const yes = z.stringbool().default(false);

export const capacityQuery = z.strictObject({ mode: z.enum(ROOM_MODES).optional().meta({ description: 'which losses are tried; absent: those of the policy `admission`, or n+1' }) });
export const fitQuery = z
  .strictObject({
    memoryMiB: z.coerce.number().int('a whole number of MiB').min(1).max(100_000_000).optional().meta({ description: 'what one takes; not with `like`' }),
    vcpus: z.coerce.number().int('a whole number').min(1).max(100_000).optional().meta({ description: 'not with `like`; absent: 1' }),
    like: z.string().min(1).max(255).optional().meta({ description: 'a workload whose needs one has' }),
    mode: z.enum(['off', ...ROOM_MODES]).optional().meta({ description: 'which losses must leave room; absent: those of the policy `admission`, or n+1' }),
    most: z.coerce.number().int('a whole number').min(1).max(10_000).default(1_000).meta({ description: 'it is enough to know that so many fit' }),
  })
  .refine(({ memoryMiB, vcpus, like }) => (like === undefined ? memoryMiB !== undefined : memoryMiB === undefined && vcpus === undefined), { message: 'either the size of one (memoryMiB, vcpus), or a workload that it is like', path: ['memoryMiB'] });
export const page = z.strictObject({ limit, after: textCursor });
export const auditPage = z.strictObject({ limit, after: sequence.meta({ description: '`next` of the page before' }) });
export const deletionQuery = z.strictObject({
  deleteDisks: yes.meta({ description: 'its own disks too' }),
  forget: yes.meta({ description: 'only make Reeve forget it' }),
});
export const removalQuery = z.strictObject({ lost: yes.meta({ description: 'the machine is gone for good' }) });

const nameOrId = z.string().min(1).max(255);
const planned = z.union([nameOrId, z.array(nameOrId).min(1).max(1_000)]).transform((given) => (typeof given === 'string' ? [given] : given)).meta({ description: 'name or id; repeat it for several' });
export const planHosts = z.strictObject({ host: planned });
const dryRun = yes.meta({ description: 'only say what would be done' });
export const dryRunQuery = z.strictObject({ dryRun });
export const returnQuery = z.strictObject({ host: planned, dryRun });

export const trustRenewal = z.strictObject({ force: z.boolean().default(false).meta({ description: 'also certificates that are good for long' }) });

export const discard = z.strictObject({
  host: name,
  kind: z.enum(['replica', 'spare', 'set-aside']),
  force: z.boolean().default(false).meta({ description: 'also what it would be recovered from, and what may be all that is left of it' }),
});

const KINDS: { readonly [K in OperationKind]: true } = {
  enrol: true, readmit: true, remove: true, fence: true, create: true, start: true, stop: true, delete: true, migrate: true, relocate: true, recover: true, lease: true, replicate: true, 'take-pool': true, 'renew-trust': true, 'carry-out': true, drain: true,
};
const kind = z.enum(Object.keys(KINDS) as [OperationKind, ...OperationKind[]]);
const stateNames = Object.keys(OPERATION_STATES) as readonly OperationState[];

const states = z
  .string()
  .transform((text) => text.split(','))
  .refine((wanted) => wanted.every((one) => (stateNames as readonly string[]).includes(one)), { error: `some of ${stateNames.join(', ')}, separated by commas` })
  .transform((wanted) => wanted as readonly OperationState[]);

export const operationPage = z.strictObject({
  limit,
  after: textCursor,
  state: states.optional().meta({ description: `some of ${stateNames.join(', ')}, separated by commas` }),
  kind: kind.optional(),
  workload: z.string().max(255).optional().meta({ description: 'name or id' }),
  host: z.string().max(255).optional().meta({ description: 'name or id' }),
});

const eventFilter = {
  type: z.string().max(255).optional().meta({ description: 'types, separated by commas: host.fenced,workload.recovered' }),
  host: z.string().max(255).optional().meta({ description: 'name' }),
  workload: z.string().max(255).optional().meta({ description: 'name' }),
};
export const eventPage = z.strictObject({ limit, after: sequence.meta({ description: 'sequence number of the last event seen; without it the newest are given' }), ...eventFilter });
export const eventStream = z.strictObject({ after: sequence.meta({ description: 'sequence number of the last event seen; Last-Event-ID goes before it' }), ...eventFilter });

/** What a command answers. */
export const begun = z.object({ operationIds: z.array(z.string()).meta({ description: 'operations that were begun; none: nothing had to be done, or it is done already' }) });
export const hostBegun = begun.extend({ name: z.string(), operationId: z.string().nullable().meta({ description: 'the enrolment' }) });
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().meta({ description: 'one sentence for a person' }),
  instance: z.string(),
  code: z.string().optional().meta({ description: 'invalid, not-found, conflict, refused, unauthorized, unreachable, timeout …' }),
  field: z.string().optional().meta({ description: 'the field that is wrong' }),
  remedy: z.string().optional().meta({ description: 'what helps, a command where possible' }),
});
