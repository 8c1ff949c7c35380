// The configuration: gathered, checked, and completed into one frozen value; or one line that says what is wrong.
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { deriveTiming, type Timing } from '../cluster/timing.js';
import { fail, ok, type Result } from '../shared/result.js';
import { completeAlerts, type AlertsConfig } from './config-alerts.js';
import { EVERYWHERE, furtherClusters, sharedEars } from './config-clusters.js';
import { FileSchema, parseListen, type FileConfig, type ListenOn, type ROLES } from './config-schema.js';
import { secretUrl } from './config-secrets.js';
import { gather, type Environment, type Raw, type ReadFile, type Sources } from './config-sources.js';
import { describeIssue } from './config-trouble.js';

export type Role = (typeof ROLES)[number];

export interface LinkAddress {
  readonly address: string;
  readonly port: number;
}

/** What is told of one cluster. All paths are absolute. */
export interface ClusterConfig {
  readonly clusterName: string;
  /** For what this replica must remember of the cluster. */
  readonly stateDir: string;
  readonly witness: { readonly listen: readonly LinkAddress[]; readonly advertise: readonly LinkAddress[] };
  readonly timing: Timing;
  readonly placement: FileConfig['placement'];
  readonly migration: Omit<FileConfig['migration'], 'bandwidthMiBps'> & { readonly bandwidthMiBps: number | null };
  readonly fencing: FileConfig['fencing'];
  readonly recovery: FileConfig['recovery'];
  readonly shutdown: FileConfig['shutdown'];
  readonly quarantine: FileConfig['quarantine'];
  readonly onTrouble: FileConfig['onTrouble'];
  readonly rebalance: FileConfig['rebalance'];
  readonly admission: FileConfig['admission'];
  readonly alerts: AlertsConfig;
}

/** The process, and the first cluster. All paths are absolute. */
export interface Config extends ClusterConfig {
  readonly roles: readonly Role[];
  readonly replicaName: string;
  readonly api: { readonly listen: ListenOn; readonly tokenFile: string };
  readonly database: { readonly kind: 'url'; readonly url: string } | { readonly kind: 'embedded'; readonly dataDir: string };
  readonly queue: { readonly kind: 'redis'; readonly url: string } | { readonly kind: 'postgres' };
  readonly ssh: {
    readonly identityFile: string;
    /** False: the file was named by the operator and is not ours to make. */
    readonly makeIdentity: boolean;
  };
  /** Clusters beside the first. */
  readonly furtherClusters: readonly ClusterConfig[];
  /** pretty null: lines for people when standard output is a terminal. */
  readonly log: { readonly level: FileConfig['log']['level']; readonly pretty: boolean | null };
}

export interface ConfigInput {
  /** Without node and the script. */
  readonly argv: readonly string[];
  readonly env: Environment;
  /** Throws like fs.readFileSync when there is no such file. */
  readonly readFile: ReadFile;
  readonly cwd?: string;
  readonly hostname?: string;
}

/** A wrong configuration is no crash: one line on stderr, this exit code. */
export const BAD_CONFIG_EXIT = 2;

export function loadConfig(input: ConfigInput): Result<Config, string> {
  const sources = gather(input.argv, input.env, input.readFile);
  if (!sources.ok) return sources;
  const { raw, origins, file } = sources.value;
  const { clusters, ...main } = raw;
  const checked = check(main, { origins, file });
  if (!checked.ok) return checked;
  const config = complete(checked.value, sources.value, input);
  if (!config.ok) return config;
  const further = completeFurther({ given: clusters, main, readFile: input.readFile }, config.value, file);
  return further.ok ? ok({ ...config.value, furtherClusters: further.value }) : further;
}

function check(raw: Raw, place: Parameters<typeof describeIssue>[2]): Result<FileConfig, string> {
  const checked = FileSchema.safeParse(raw);
  if (checked.success) return ok(checked.data);
  // An unknown key first: it is often the reason for what else is wrong.
  const issue = checked.error.issues.find((one) => one.code === 'unrecognized_keys') ?? checked.error.issues[0];
  return fail(issue ? describeIssue(issue, raw, place) : `${place.file}: not a configuration`);
}

/** Says where the value of a setting came from, then its path. */
type From = (path: string) => string;

function complete(data: FileConfig, sources: Sources, input: ConfigInput): Result<Omit<Config, 'furtherClusters'>, string> {
  const from: From = (path) => `${sources.origins.get(path) ?? sources.file}: ${path}`;
  const absolute = (path: string): string => resolve(input.cwd ?? process.cwd(), path);
  const stateDir = absolute(data.stateDir);
  const inState: InState = (given, name) => (given === undefined ? join(stateDir, name) : absolute(given));
  const listen = parseListen(data.api.listen);
  if (!listen) return fail(`${from('api.listen')} is not an address`);
  const cluster = completeCluster(data, stateDir, from, input.readFile);
  if (!cluster.ok) return cluster;
  const database = completeDatabase(data.database, from, inState, input.readFile);
  if (!database.ok) return database;
  const queue = completeQueue(data.queue, from, input.readFile);
  if (!queue.ok) return queue;
  return ok({
    ...cluster.value,
    roles: [...new Set(data.roles)],
    replicaName: data.replicaName ?? (input.hostname ?? hostname()).replace(/[^A-Za-z0-9.-]/g, '-'),
    api: { listen, tokenFile: inState(data.api.tokenFile, 'api-token') },
    database: database.value,
    queue: queue.value,
    ssh: completeSsh(data.ssh, inState),
    log: { level: data.log.level, pretty: data.log.pretty ?? null },
  });
}

function completeCluster(data: FileConfig, stateDir: string, from: From, readFile: ReadFile): Result<ClusterConfig, string> {
  const { clusterName, placement, fencing, recovery, shutdown, quarantine, onTrouble, rebalance, admission } = data;
  const timing = deriveTiming(data.timing);
  if (!timing.ok) return fail(`${from('timing')}: ${timing.error[0] ?? 'refused'}`);
  if (fencing.retryMs > fencing.retryMaxMs) return fail(`${from('fencing.retryMs')} is ${fencing.retryMs}; it must be at most fencing.retryMaxMs, which is ${fencing.retryMaxMs}`);
  const witness = completeWitness(data.witness, from);
  if (!witness.ok) return witness;
  const alerts = completeAlerts(data.alerts, from('alerts.targets'), readFile);
  if (!alerts.ok) return alerts;
  const migration = { ...data.migration, bandwidthMiBps: data.migration.bandwidthMiBps ?? null };
  return ok({ clusterName, stateDir, witness: witness.value, timing: timing.value, placement, migration, fencing, recovery, shutdown, quarantine, onTrouble, rebalance, admission, alerts: alerts.value });
}

/** What is wrong here stands in the file: what came from elsewhere was checked with the first cluster. */
function completeFurther({ given, main, readFile }: { readonly given: unknown; readonly main: Raw; readonly readFile: ReadFile }, first: ClusterConfig, file: string): Result<readonly ClusterConfig[], string> {
  const found = furtherClusters(given, main, first.clusterName);
  if (!found.ok) return fail(`${file}: ${found.error}`);
  const further: ClusterConfig[] = [];
  for (const { name, raw } of found.value) {
    const under = `clusters.${name}.`;
    const checked = check(raw, { origins: new Map(), file, under });
    if (!checked.ok) return checked;
    const cluster = completeCluster(checked.value, join(first.stateDir, 'clusters', name), (path) => `${file}: ${under}${path}`, readFile);
    if (!cluster.ok) return cluster;
    further.push(cluster.value);
  }
  const shared = sharedEars([{ path: 'witness', ...first.witness }, ...further.map((one) => ({ path: `clusters.${one.clusterName}.witness`, ...one.witness }))]);
  return shared === null ? ok(further) : fail(`${file}: ${shared}`);
}

/** A given path made absolute, or a name in the state folder. */
type InState = (given: string | undefined, name: string) => string;

function completeSsh({ identityFile }: FileConfig['ssh'], inState: InState): Config['ssh'] {
  return { identityFile: inState(identityFile, join('ssh', 'id_ed25519')), makeIdentity: identityFile === undefined };
}

function completeDatabase({ url, urlFile, passwordFile, dataDir }: FileConfig['database'], from: From, inState: InState, readFile: ReadFile): Result<Config['database'], string> {
  const found = secretUrl({
    url: { name: from('database.url'), value: url },
    urlFile: { name: from('database.urlFile'), value: urlFile },
    passwordFile: { name: from('database.passwordFile'), value: passwordFile },
    protocols: ['postgres', 'postgresql'],
  }, readFile);
  if (!found.ok) return found;
  if (found.value === null) return ok({ kind: 'embedded', dataDir: inState(dataDir, 'postgres') });
  if (dataDir !== undefined) return fail(`${from('database.dataDir')} is for the embedded Postgres, and a URL names another one; give one of them`);
  return ok({ kind: 'url', url: found.value });
}

function completeQueue({ redisUrl, redisUrlFile, redisPasswordFile }: FileConfig['queue'], from: From, readFile: ReadFile): Result<Config['queue'], string> {
  const found = secretUrl({
    url: { name: from('queue.redisUrl'), value: redisUrl },
    urlFile: { name: from('queue.redisUrlFile'), value: redisUrlFile },
    passwordFile: { name: from('queue.redisPasswordFile'), value: redisPasswordFile },
    protocols: ['redis', 'rediss'],
  }, readFile);
  if (!found.ok) return found;
  return ok(found.value === null ? { kind: 'postgres' } : { kind: 'redis', url: found.value });
}

function completeWitness({ listen, advertise }: FileConfig['witness'], from: From): Result<Config['witness'], string> {
  const open = (advertise ?? listen).find((one) => EVERYWHERE.has(one.address));
  if (!open) return ok({ listen, advertise: advertise ?? listen });
  if (advertise) return fail(`${from('witness.advertise')} has ${open.address}, which no host can send to; give the addresses that hosts reach`);
  return fail(`${from('witness.listen')} has ${open.address}; then witness.advertise must give the addresses, one per link, that hosts reach`);
}
