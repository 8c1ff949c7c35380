// A scenario: a cluster, its workloads and rules, and what operators and failures do to it. The format is a contract; see docs/simulate.md.
import { z } from 'zod';
import { LONGEST_LEAVE_MS } from '../../hosts/host-agent.js';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'a name of up to 63 letters, digits, dots, dashes and underscores');
const seconds = z.number().finite().min(0).max(10_000_000);
const whole = (least: number, most: number): z.ZodNumber => z.number().int().min(least).max(most);
const share = z.number().min(0).max(1);
const cpus = whole(1, 4096);
const memoryMiB = whole(1, 64 * 1024 * 1024);
const usage = z.strictObject({ cpus: z.number().min(0).max(4096), memoryMiB: z.number().min(0).max(64 * 1024 * 1024) });
/** A guest that has the CPU of its host. */
export const HOST_CPUS = ['host-model', 'host-passthrough'] as const;

const pageSize = z.enum(['2MiB', '1GiB']);
const flags = z.array(name).max(1_000);
const link = z.union([z.literal(0), z.literal(1)]);

/** Of a host of which nothing is said: its agent's lease, and a watchdog behind it. */
export const DEFAULT_FENCING: readonly FencingKind[] = ['watchdog'];
export type FencingKind = 'power' | 'watchdog' | 'none';

export const DESIRED = ['running', 'stopped', 'disabled', 'unmanaged'] as const;

const policy = z.strictObject({
  gracefulShutdown: z.enum(['conditional', 'failover', 'migrate', 'freeze']).optional(),
  migrateWithinS: whole(0, LONGEST_LEAVE_MS / 1_000).optional(),
  onUplinkLost: z.enum(['migrate', 'keep']).optional(),
  onHardwareFailing: z.enum(['migrate', 'keep']).optional(),
  placement: z.enum(['balanced', 'capacity', 'usage']).optional(),
  rebalance: z
    .union([
      z.literal('off'),
      z.literal(false).transform(() => 'off' as const),
      z.strictObject({ threshold: share.optional(), holdRounds: whole(1, 1000).optional(), minImprovement: share.optional(), method: z.enum(['usage', 'capacity']).optional(), act: z.enum(['advise', 'automatic']).optional() }),
    ])
    .optional(),
  rebalanceOnStart: z.boolean().optional(),
  admission: z.union([z.enum(['off', 'n+1', 'n+2', 'zone']), z.literal(false).transform(() => 'off' as const)]).optional(),
  maxSilentShare: share.optional(),
  memoryOvercommit: z.number().min(0.1).max(10).optional(),
  cpuOvercommit: z.number().min(0.1).max(100).optional(),
  reservedMemoryMiB: whole(0, 64 * 1024 * 1024).optional(),
});

/** Values may be written as numbers or yes and no. */
const label = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const labels = z.record(z.string(), label);
const select = labels.refine((wanted) => Object.keys(wanted).length > 0, 'at least one label, such as app: db');

const host = z.strictObject({
  name,
  power: z.enum(['on', 'off']).optional(),
  network: z.enum(['up', 'down']).optional(),
  cpus: cpus.optional(),
  memoryMiB: memoryMiB.optional(),
  hugepages: z.strictObject({ '2MiB': whole(0, 1_000_000_000).optional(), '1GiB': whole(0, 1_000_000).optional() }).optional(),
  cpuFlags: flags.optional(),
  localDiskMiB: whole(0, 1_000_000_000).optional(),
  zone: z.string().min(1).optional(),
  labels: labels.optional(),
  fencing: z.array(z.enum(['power', 'watchdog', 'none'])).optional(),
  runsController: z.boolean().optional(),
  daemonCluster: name.optional(),
  hypervisors: z.array(z.enum(['libvirt', 'lxd'])).min(1).optional(),
});

const faults = z.strictObject({
  startFails: whole(0, 1_000_000).optional(),
  migrateFails: whole(0, 1_000_000).optional(),
  crashesAfterS: z.number().min(0.001).max(10_000_000).optional(),
  neverStops: z.boolean().optional(),
  onlyOn: name.optional(),
  running: z.boolean().optional(),
});

const workload = z.strictObject({
  name,
  kind: z.enum(['vm', 'container']).optional(),
  storage: z.enum(['shared', 'local', 'lun']).optional(),
  replicateEveryS: whole(1, 10_000_000).optional(),
  live: z.boolean().optional(),
  drain: z.enum(['migrate', 'relocate', 'leave']).optional(),
  host: name.optional(),
  desired: z.enum(DESIRED).optional(),
  /** Beyond the contract, for plans: an unmanaged one that is so because nobody protects it; a drain moves it all the same. */
  protected: z.boolean().optional(),
  cpus: cpus.optional(),
  memoryMiB: memoryMiB.optional(),
  hugepages: pageSize.optional(),
  cpu: z.enum(HOST_CPUS).optional(),
  cpuFeatures: flags.optional(),
  diskMiB: whole(1, 1_000_000_000).optional(),
  usage: usage.optional(),
  labels: labels.optional(),
  priority: whole(-1_000_000, 1_000_000).optional(),
  maxRestarts: whole(0, 1000).optional(),
  maxRelocations: whole(0, 1000).optional(),
  failback: z.boolean().optional(),
  startAfter: z.array(name).optional(),
  faults: faults.optional(),
});

const rank = whole(-1_000_000, 1_000_000).optional();
/** By name, by labels, or both; whether that is enough is for the product to say. */
const ruled = { workloads: z.array(name).optional(), select: select.optional(), hard: z.boolean().optional() };
const per = z.enum(['host', 'zone']).optional();
const rule = z.discriminatedUnion('type', [
  z.strictObject({ name, type: z.literal('keep-apart'), ...ruled, per }),
  z.strictObject({ name, type: z.literal('keep-together'), ...ruled, per }),
  z.strictObject({ name, type: z.literal('hosts'), ...ruled, hosts: z.array(z.union([z.strictObject({ host: name, priority: rank }), z.strictObject({ select, priority: rank })])) }),
]);

/** Every entry of a timeline, by its `do`, with what comes along. */
const at = { at: seconds };
const onHost = { ...at, host: name };
const onWorkload = { ...at, workload: name };
/** Beyond the contract: also where it leaves no room for failure. */
const override = z.boolean().optional();
const onReplica = { ...at, replica: whole(1, 99) };
const entry = z.discriminatedUnion('do', [
  z.strictObject({ ...onHost, do: z.enum(['host.power-on', 'host.power-cut', 'host.isolate', 'host.reconnect', 'host.deaf', 'host.hearing', 'host.shutdown', 'host.reboot']) }),
  z.strictObject({ ...onHost, do: z.enum(['host.storage-lost', 'host.storage-back', 'host.uplink-lost', 'host.uplink-back', 'host.degrade', 'host.recover-health', 'host.fence-lies']) }),
  z.strictObject({ ...onHost, do: z.enum(['host.drain', 'host.undrain', 'host.return', 'host.cordon', 'host.uncordon', 'host.fence', 'host.confirm-off']) }),
  z.strictObject({ ...onHost, do: z.enum(['agent.crash', 'agent.start', 'agent.restart']) }),
  z.strictObject({ ...onHost, do: z.enum(['host.link-down', 'host.link-up']), link }),
  z.strictObject({ ...onHost, do: z.enum(['host.cut-from', 'host.heal-from']), peers: z.array(name).min(1) }),
  z.strictObject({ ...onHost, do: z.literal('host.lossy'), loss: share }),
  z.strictObject({ ...onHost, do: z.literal('host.slow'), delayMs: z.number().min(0).max(60_000) }),
  z.strictObject({ ...onHost, do: z.literal('host.hang'), seconds }),
  /** Beyond the contract: one of its hypervisors does not answer, the other does. */
  z.strictObject({ ...onHost, do: z.literal('host.daemon-hangs'), driver: z.enum(['libvirt', 'lxd']), seconds }),
  /** Beyond the contract: how its power device breaks. It hangs (the default), refuses at once, or cuts a while later. */
  z.strictObject({ ...onHost, do: z.literal('host.fence-breaks'), device: z.string().optional(), how: z.enum(['hangs', 'fails', 'slow']).optional() }),
  z.strictObject({ ...onHost, do: z.literal('host.fence-repaired'), device: z.string().optional() }),
  z.strictObject({ ...onReplica, do: z.enum(['controller.crash', 'controller.start']) }),
  z.strictObject({ ...onReplica, do: z.literal('controller.pause'), seconds }),
  z.strictObject({ ...at, do: z.enum(['database.down', 'database.up', 'queue.down', 'queue.up', 'queue.flush']) }),
  z.strictObject({ ...at, do: z.literal('cluster.balance') }),
  z.strictObject({ ...at, do: z.enum(['cluster.disarm', 'cluster.arm']), mode: z.enum(['freeze', 'ignore']).optional() }),
  z.strictObject({ ...onWorkload, do: z.literal('workload.set-desired'), desired: z.enum(DESIRED), override }),
  z.strictObject({ ...onWorkload, do: z.literal('workload.migrate'), to: name, live: z.boolean().optional(), override }),
  z.strictObject({ ...onWorkload, do: z.literal('workload.stop'), timeoutS: seconds.optional() }),
  z.strictObject({ ...onWorkload, do: z.enum(['workload.crash', 'workload.stopped-by-hand', 'workload.pause-io', 'workload.lock', 'workload.unlock']) }),
  z.strictObject({ ...onWorkload, do: z.enum(['workload.manage', 'workload.unmanage']), host: name.optional() }),
  z.strictObject({ ...onWorkload, do: z.literal('workload.moved-by-hand'), to: name }),
  /** Beyond the contract. */
  z.strictObject({ ...onWorkload, do: z.literal('workload.recover-from-replica') }),
  z.strictObject({ ...onWorkload, do: z.enum(['workload.resize', 'workload.set-usage']), cpus: z.number().min(0).max(4096).optional(), memoryMiB: z.number().min(0).max(64 * 1024 * 1024).optional() }),
  z.strictObject({ ...at, do: z.literal('workload.create'), workload, override }),
  z.strictObject({ ...onWorkload, do: z.literal('workload.delete') }),
  /** Beyond the contract: null takes a label away, or a host out of its zone. */
  z.strictObject({ ...onHost, do: z.literal('host.label'), labels: z.record(z.string(), label.nullable()).optional(), zone: z.string().min(1).nullable().optional() }),
  z.strictObject({ ...onWorkload, do: z.literal('workload.label'), labels: z.record(z.string(), label.nullable()) }),
  z.strictObject({ ...at, do: z.literal('rule.add'), rule }),
  z.strictObject({ ...at, do: z.literal('rule.remove'), rule: name }),
]);

export const scenarioSchema = z.strictObject({
  name: z.string().optional(),
  policy: policy.optional(),
  /** Beyond the contract: replicas of the control plane that live on no host; default 3, or none when hosts run some. */
  controllers: whole(0, 9).optional(),
  /** Beyond the contract: everyday weather. Datagrams that come late or twice; commands to hosts that are held up; jobs that come late or twice; clocks that run faster or slower by up to this share. */
  weather: z.strictObject({ clockDrift: z.number().min(0).max(0.01).optional(), jitterMs: z.number().min(0).max(1_000).optional(), duplicates: share.optional(), lateCommands: share.optional(), lateCommandMs: z.number().min(0).max(600_000).optional(), lateJobsMs: z.number().min(0).max(60_000).optional(), doubleJobs: share.optional() }).optional(),
  hosts: z.array(host).min(1),
  workloads: z.array(workload).optional(),
  rules: z.array(rule).optional(),
  timeline: z.array(entry).optional(),
  until: seconds.optional(),
});

export type Scenario = z.infer<typeof scenarioSchema>;
export type ScenarioHost = Scenario['hosts'][number];
export type ScenarioWorkload = z.infer<typeof workload>;
export type ScenarioRule = z.infer<typeof rule>;
export type ScenarioPolicy = z.infer<typeof policy>;
export type TimelineEntry = z.infer<typeof entry>;
export type Do = TimelineEntry['do'];
/** The entry that does this; several kinds share a shape. */
export type Entry<D extends Do> = D extends Do ? EntryOf<TimelineEntry, D> : never;
type EntryOf<E, D> = E extends { readonly do: infer Kinds } ? (D extends Kinds ? E & { readonly do: D } : never) : never;
