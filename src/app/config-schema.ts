// Every setting: its type, bounds, default and meaning. docs/configuration.md is made from this.
import { z } from 'zod';
import { DEFAULT_POLICY, GRACEFUL_SHUTDOWNS, type GracefulShutdown } from '../cluster/cluster-policy.js';
import { LONGEST_LEAVE_MS } from '../hosts/host-agent.js';
import { DEFAULT_TIMING_SETTINGS } from '../cluster/timing.js';
import { DEFAULT_MIGRATION_POLICY } from '../migration/migration-policy.js';
import { alertsSchema } from './config-alerts.js';
import { LOG_LEVELS } from './logger.js';

/** Said about each setting; `right` completes the sentence "it must be …". */
export interface SettingMeta {
  readonly doc: string;
  readonly right: string;
  /** What happens without it, where the schema has no plain default. */
  readonly otherwise?: string;
  /** Its value is never shown. */
  readonly secret?: true;
  /** Of a list of objects: what is right for each of their fields. */
  readonly parts?: Readonly<Record<string, string>>;
  /** Where else it may come from, beside its own REEVE_ variable. */
  readonly alias?: string;
}

export const ROLES = ['api', 'controller', 'worker'] as const;
export const HEARTBEAT_PORT = 7481;

const MINUTE_MS = 60_000;
const DAY_S = 86_400;

const said = <T extends z.ZodType>(schema: T, meta: SettingMeta): T => schema.meta({ ...meta });

function whole(least: number, most: number, fallback: number, unit: string, doc: string): z.ZodDefault<z.ZodNumber> {
  return said(z.number().int().min(least).max(most).default(fallback), { doc, right: `a whole number${unit && ` of ${unit}`} from ${least} to ${most}` });
}

function decimal(least: number, most: number, fallback: number, doc: string): z.ZodDefault<z.ZodNumber> {
  return said(z.number().min(least).max(most).default(fallback), { doc, right: `a number from ${least} to ${most}` });
}

/** Paths are taken from the working directory when they are relative. */
function path(doc: string, otherwise: string): z.ZodOptional<z.ZodString> {
  return said(z.string().min(1).optional(), { doc, right: 'a path', otherwise });
}

function url(protocols: readonly string[], doc: string, otherwise: string, alias: string): z.ZodOptional<z.ZodString> {
  const fits = (text: string): boolean => protocols.some((protocol) => text.startsWith(`${protocol}://`)) && URL.canParse(text);
  return said(z.string().refine(fits).optional(), { doc, right: `a URL that starts with ${protocols.map((one) => `${one}://`).join(' or ')}`, otherwise, secret: true, alias });
}

function secretFile(doc: string): z.ZodOptional<z.ZodString> {
  return said(z.string().min(1).optional(), { doc, right: 'the path of a readable file', otherwise: 'not used' });
}

const port = z.number().int().min(1).max(65_535);

/** `10.0.0.5`, `10.0.0.5:7481`, or an object with address and port. */
function linkFromText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const found = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(value);
  if (!found) return value;
  const address = (found[1] ?? '').replace(/^\[|\]$/g, '');
  return found[2] === undefined ? { address } : { address, port: Number(found[2]) };
}

const link = z.preprocess(linkFromText, z.strictObject({ address: z.string().min(1), port: port.default(HEARTBEAT_PORT) }));
const LINKS_RIGHT = `a list of addresses, one per link, each "ADDRESS", "ADDRESS:PORT" or {address, port}`;

export type ListenOn = { readonly kind: 'tcp'; readonly host: string; readonly port: number } | { readonly kind: 'unix'; readonly path: string };

export function parseListen(text: string): ListenOn | null {
  if (text.startsWith('unix:')) return text.startsWith('unix:/') ? { kind: 'unix', path: text.slice('unix:'.length) } : null;
  const found = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const number = Number(found?.[3]);
  if (!found || number > 65_535) return null;
  return { kind: 'tcp', host: found[1] ?? found[2] ?? '', port: number };
}

const api = z.strictObject({
  listen: said(z.string().refine((text) => parseListen(text) !== null).default('127.0.0.1:7480'), {
    doc: 'Where the API listens. Put a proxy with TLS before it to open it beyond this machine.',
    right: '"ADDRESS:PORT" or "unix:/absolute/path"',
  }),
  tokenFile: path('File with the bearer token that protects the API; made at first start.', '`api-token` in stateDir'),
});

const database = z.strictObject({
  url: url(['postgres', 'postgresql'], 'Postgres to use.', 'an embedded Postgres is run', 'DATABASE_URL'),
  urlFile: secretFile('File that holds the URL, instead of `url`.'),
  passwordFile: secretFile('File that holds the password, for a URL without one.'),
  dataDir: path('Where the embedded Postgres keeps its data.', '`postgres` in stateDir'),
});

const queue = z.strictObject({
  redisUrl: url(['redis', 'rediss'], 'Redis for the queue; run it with an append-only file and `maxmemory-policy noeviction`.', 'the queue is kept in Postgres', 'REDIS_URL'),
  redisUrlFile: secretFile('File that holds the URL, instead of `redisUrl`.'),
  redisPasswordFile: secretFile('File that holds the password, for a URL without one.'),
});

const witness = z.strictObject({
  listen: said(z.array(link).min(1).max(8).default([{ address: '127.0.0.1', port: HEARTBEAT_PORT }]), {
    doc: `Addresses on which heartbeats of hosts are received (UDP), one per link. Hosts can only be heard once this names addresses that they reach. The port is ${HEARTBEAT_PORT} unless given.`,
    right: LINKS_RIGHT,
  }),
  advertise: said(z.array(link).min(1).max(8).optional(), {
    doc: 'The same addresses as the hosts reach them, where that differs (NAT, 0.0.0.0).',
    right: LINKS_RIGHT,
    otherwise: 'as `listen`',
  }),
});

const timing = z.strictObject({
  heartbeatMs: whole(50, 5_000, DEFAULT_TIMING_SETTINGS.heartbeatMs, 'milliseconds', 'Time between two heartbeats of an agent.'),
  silentMs: whole(200, MINUTE_MS, DEFAULT_TIMING_SETTINGS.silentMs, 'milliseconds', 'A host that was not heard for this long is silent for that observer. At least several heartbeats; see docs/timing.md.'),
  watchdogMs: whole(2000, MINUTE_MS, DEFAULT_TIMING_SETTINGS.watchdogMs, 'milliseconds', 'A host whose agent stopped feeding its watchdog is reset after this long; whole seconds. See docs/timing.md.'),
});

const ssh = z.strictObject({
  identityFile: path('Private key for logging in to hosts.', '`ssh/id_ed25519` in stateDir, made at first start'),
});

const placement = z.strictObject({
  strategy: said(z.enum(['balanced', 'capacity', 'usage']).default(DEFAULT_POLICY.placement.strategy), {
    doc: 'What is spread evenly: counts, then size (balanced); declared size (capacity); measured usage (usage).',
    right: 'balanced, capacity or usage',
  }),
  memoryOvercommit: decimal(0.1, 4, DEFAULT_POLICY.placement.memoryOvercommit, "Memory of the workloads on a host may sum up to this times (the host's memory − reserve)."),
  cpuOvercommit: decimal(0.1, 64, DEFAULT_POLICY.placement.cpuOvercommit, "Virtual CPUs on a host may sum up to this times the host's CPUs."),
  reservedMemoryMiB: whole(0, 1_048_576, DEFAULT_POLICY.placement.reservedMemoryMiB, 'MiB', 'Memory of each host that no workload gets.'),
});

const migration = z.strictObject({
  bandwidthMiBps: said(z.number().int().min(1).max(100_000).optional(), {
    doc: 'Bandwidth of one live migration.',
    right: 'a whole number of MiB/s from 1 to 100000',
    otherwise: 'no limit',
  }),
  maxDowntimeMs: whole(10, MINUTE_MS, DEFAULT_MIGRATION_POLICY.maxDowntimeMs, 'milliseconds', 'How long a workload may stand still in the last phase of a live migration.'),
  timeoutS: whole(10, DAY_S, DEFAULT_MIGRATION_POLICY.timeoutMs / 1_000, 'seconds', 'A live migration that takes longer is aborted; the workload goes on at its source.'),
  stallS: whole(5, DAY_S, DEFAULT_MIGRATION_POLICY.stallMs / 1_000, 'seconds', 'So is one that for this long has not less left to copy: it does not converge.'),
  autoConverge: said(z.boolean().default(DEFAULT_MIGRATION_POLICY.autoConverge), { doc: 'Slow a workload down that changes its memory faster than it can be copied.', right: 'true or false' }),
  perHost: whole(1, 32, DEFAULT_POLICY.migrationsPerHost, '', 'Live migrations under way at once from or to one host.'),
});

const fencing = z.strictObject({
  perClusterInFlight: whole(1, 32, DEFAULT_POLICY.fencesInFlight, '', 'Fence operations under way at once in the cluster.'),
  retryMs: whole(1_000, MINUTE_MS * 10, DEFAULT_POLICY.fenceRetryMs, 'milliseconds', 'Wait after the first failed fence; doubles with each further failure.'),
  retryMaxMs: whole(1_000, MINUTE_MS * 60, DEFAULT_POLICY.fenceRetryMaxMs, 'milliseconds', 'Longest wait between two tries to fence the same host; tries never end.'),
});

const recovery = z.strictObject({
  parallelPerHost: whole(1, 64, DEFAULT_POLICY.startsPerHost, '', 'Starts and recoveries under way at once on one host.'),
  restartMs: whole(500, MINUTE_MS, DEFAULT_POLICY.restartBackoff.firstMs, 'milliseconds', 'Wait before the second restart of a workload that ends by itself; doubles with each further one.'),
  restartMaxMs: whole(500, MINUTE_MS * 60, DEFAULT_POLICY.restartBackoff.maxMs, 'milliseconds', 'Longest wait between two such restarts.'),
  failuresForgottenS: whole(10, DAY_S, DEFAULT_POLICY.failuresForgottenMs / 1_000, 'seconds', 'A workload that ran so long since its last failure starts counting anew.'),
  failbackAfterS: whole(0, DAY_S, DEFAULT_POLICY.failbackAfterMs / 1_000, 'seconds', 'A preferred host must have been back so long before workloads go back to it.'),
  maxSilentShare: decimal(0.1, 1, DEFAULT_POLICY.maxSilentShare, 'When more than this share of the hosts is silent at once, nothing is fenced: it is more likely our own network.'),
});

const shutdown = z.strictObject({
  policy: said(z.enum(Object.keys(GRACEFUL_SHUTDOWNS) as [GracefulShutdown, ...GracefulShutdown[]]).default(DEFAULT_POLICY.gracefulShutdown), {
    doc: `What an orderly shutdown or reboot of a host does to its workloads. ${Object.entries(GRACEFUL_SHUTDOWNS).map(([name, means]) => `${name}: ${means}`).join('. ')}.`,
    right: `one of ${Object.keys(GRACEFUL_SHUTDOWNS).join(', ')}`,
  }),
  migrateWithinS: whole(0, LONGEST_LEAVE_MS / 1_000, DEFAULT_POLICY.migrateWithinMs / 1_000, 'seconds', 'Under policy migrate a host that goes down waits so long, at most, for its protected workloads to move away. 0: it does not wait.'),
  rebootReturnS: whole(60, DAY_S, DEFAULT_POLICY.rebootReturnMs / 1_000, 'seconds', 'A host that reboots in order is waited for so long (not under policy freeze); then its workloads start elsewhere.'),
});

const quarantine = z.strictObject({
  lost: whole(1, 100, DEFAULT_POLICY.quarantine.lost, 'times', 'A host that was lost so often within the window is quarantined.'),
  withinS: whole(60, DAY_S, DEFAULT_POLICY.quarantine.withinMs / 1_000, 'seconds', 'The window.'),
  firstS: whole(10, DAY_S, DEFAULT_POLICY.quarantine.firstMs / 1_000, 'seconds', 'Length of the first quarantine; doubles with each further one.'),
  maxS: whole(10, DAY_S * 7, DEFAULT_POLICY.quarantine.maxMs / 1_000, 'seconds', 'Longest quarantine.'),
});

const ON_TROUBLE = ['migrate', 'keep'] as const;
const onTrouble = z.strictObject({
  uplinkLost: said(z.enum(ON_TROUBLE).default(DEFAULT_POLICY.onTrouble.uplinkLost), { doc: 'What is done with protected workloads whose bridge has lost all its uplinks on their host: moved live to a host where it has one, or kept.', right: 'migrate or keep' }),
  hardwareFailing: said(z.enum(ON_TROUBLE).default(DEFAULT_POLICY.onTrouble.hardwareFailing), { doc: 'What is done with protected workloads on a host whose hardware reports to be failing: moved live to one that is well, or kept.', right: 'migrate or keep' }),
  afterS: whole(0, DAY_S, DEFAULT_POLICY.onTrouble.afterMs / 1_000, 'seconds', 'Trouble that is over within this moves nothing.'),
});

const rebalance = z.strictObject({
  mode: said(z.enum(['off', 'usage', 'capacity']).default('off'), { doc: 'Whether evenness among hosts is watched, and what counts: measured usage, or declared sizes.', right: 'off, usage or capacity' }),
  act: said(z.enum(['advise', 'automatic']).default('advise'), { doc: 'What is done about a lasting imbalance: people are told, or the moves are made, live.', right: 'advise or automatic' }),
  threshold: decimal(0.05, 1, 0.3, 'Imbalance above which something is done: the standard deviation of the share of memory used over the hosts, and that of vCPUs, added up.'),
  holdRounds: whole(1, 100, 3, 'looks', 'So many looks in a row, ten seconds apart, while the cluster is quiet.'),
  minImprovement: decimal(0.01, 1, 0.1, 'Share of the imbalance that the moves together must take off.'),
  handMadeS: whole(0, DAY_S * 30, DEFAULT_POLICY.handMadeMs / 1_000, 'seconds', 'What a person moved is not moved for evenness for so long.'),
  onStart: said(z.boolean().default(DEFAULT_POLICY.rebalanceOnStart), { doc: 'What was stopped and is wanted running starts on the host that placement likes best now, not where it was; only what can move live.', right: 'true or false' }),
});

const log = z.strictObject({
  level: said(z.enum(LOG_LEVELS).default('info'), { doc: 'Least level that is logged.', right: `one of ${LOG_LEVELS.join(', ')}` }),
  pretty: said(z.boolean().optional(), { doc: 'Lines for people instead of JSON.', right: 'true or false', otherwise: 'true on a terminal' }),
});

export const CLUSTER_NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;
export const CLUSTER_NAME_RIGHT = 'at most 40 lower-case letters, digits and hyphens';

/** The configuration file, one section an object; `clusters`, which may repeat some of it by name, is in config-clusters.ts. */
export const FileSchema = z.strictObject({
  clusterName: said(z.string().regex(CLUSTER_NAME).default('reeve'), {
    doc: 'Name of the cluster, as shown to people; of the first one, where there are several.',
    right: CLUSTER_NAME_RIGHT,
  }),
  stateDir: said(z.string().min(1).default('.reeve'), { doc: 'Folder for what must survive a restart: token, SSH key, embedded Postgres.', right: 'a path' }),
  roles: said(z.array(z.enum(ROLES)).min(1).default([...ROLES]), { doc: 'What this process does.', right: `a list out of ${ROLES.join(', ')}` }),
  replicaName: said(z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/).optional(), {
    doc: 'Name of this control-plane replica; each replica needs its own.',
    right: 'at most 63 letters, digits, dots and hyphens',
    otherwise: "the machine's hostname",
  }),
  api: api.prefault({}).meta({ doc: 'The HTTP API.' }),
  database: database.prefault({}).meta({ doc: 'Where everything is kept.' }),
  queue: queue.prefault({}).meta({ doc: 'How the ids of operations reach the workers.' }),
  witness: witness.prefault({}).meta({ doc: "The control plane's own ears: its vote about who is silent." }),
  timing: timing.prefault({}).meta({ doc: 'The three numbers from which detection, leases and watchdogs are derived: see docs/timing.md.' }),
  ssh: ssh.prefault({}).meta({ doc: 'How hosts are reached.' }),
  placement: placement.prefault({}).meta({ doc: 'How full a host may get.' }),
  migration: migration.prefault({}).meta({ doc: 'Live migration.' }),
  fencing: fencing.prefault({}).meta({ doc: 'Making sure that a silent host is off.' }),
  recovery: recovery.prefault({}).meta({ doc: 'Starting the workloads of a fenced host elsewhere.' }),
  shutdown: shutdown.prefault({}).meta({ doc: 'Hosts that go down in order.' }),
  quarantine: quarantine.prefault({}).meta({ doc: 'Hosts that are lost again and again.' }),
  onTrouble: onTrouble.prefault({}).meta({ doc: 'Hosts that say that something is wrong with them.' }),
  rebalance: rebalance.prefault({}).meta({ doc: 'Evenness among hosts over time.' }),
  admission: said(z.enum(['off', 'n+1', 'n+2', 'zone']).default(DEFAULT_POLICY.admission), { doc: 'What operators start or move is refused where, after the loss of any one host (`n+1`), any two (`n+2`) or any one zone (`zone`), something would stay down that would not without it; `--override` does it all the same. Whether there is such room is watched, too.', right: 'off, n+1, n+2 or zone' }),
  alerts: alertsSchema.prefault({}).meta({ doc: 'Whom to tell.' }),
  log: log.prefault({}).meta({ doc: 'The log, on standard output.' }),
});

export type FileConfig = z.output<typeof FileSchema>;
