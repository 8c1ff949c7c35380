// Clusters beside the first: each is the main file's settings with some of its own over them.
import type { LinkAddress } from './config.js';
import { CLUSTER_NAME, CLUSTER_NAME_RIGHT } from './config-schema.js';
import type { Raw } from './config-sources.js';
import { shownValue } from './config-trouble.js';
import { fail, ok, type Result } from '../shared/result.js';

/** What a cluster may have otherwise than the main file says. The rest belongs to the process. */
export const OF_A_CLUSTER = ['witness', 'timing', 'placement', 'migration', 'fencing', 'recovery', 'shutdown', 'quarantine', 'onTrouble', 'rebalance', 'admission', 'alerts'] as const;

/** Each costs the process its loops, and Postgres its connections. */
export const MOST_CLUSTERS = 16;

export interface FurtherCluster {
  readonly name: string;
  /** As the main file would be that said all of this. */
  readonly raw: Raw;
}

/** `clusters` as it was given, over the main file. A failure is one line without the file's name. */
export function furtherClusters(given: unknown, main: Raw, first: string): Result<readonly FurtherCluster[], string> {
  if (given === undefined || given === null) return ok([]);
  if (!isSection(given)) return fail(`clusters is ${shownValue(given)}; it must be a mapping of names to settings, as in docs/configuration.md`);
  const found: FurtherCluster[] = [];
  for (const [name, own] of Object.entries(given)) {
    const wrong = wrongName(name, first) ?? wrongSettings(name, own);
    if (wrong) return fail(wrong);
    found.push({ name, raw: { ...over(main, isSection(own) ? own : {}), clusterName: name } });
  }
  if (found.length >= MOST_CLUSTERS) return fail(`clusters has ${found.length} names; with ${first} there may be ${MOST_CLUSTERS} clusters in one control plane`);
  return ok(found);
}

function wrongName(name: string, first: string): string | null {
  if (!CLUSTER_NAME.test(name)) return `clusters has the name ${shownValue(name)}; it must be ${CLUSTER_NAME_RIGHT}`;
  return name === first ? `clusters.${name} is the name of the first cluster too (clusterName); give each its own` : null;
}

function wrongSettings(name: string, own: unknown): string | null {
  if (own === null) return null;
  if (!isSection(own)) return `clusters.${name} is ${shownValue(own)}; it must be a section with ${OF_A_CLUSTER.join(', ')}`;
  const stranger = Object.keys(own).find((key) => !(OF_A_CLUSTER as readonly string[]).includes(key));
  return stranger === undefined ? null : `clusters.${name}.${stranger} can't be set for one cluster; it may have ${OF_A_CLUSTER.join(', ')}`;
}

function over(main: Raw, own: Raw): Raw {
  const merged: Raw = { ...main };
  for (const [key, value] of Object.entries(own)) {
    const base = main[key];
    merged[key] = isSection(value) && isSection(base) ? { ...(key === 'witness' ? withoutAddresses(base, value) : base), ...value } : value;
  }
  return merged;
}

/** What stands for the addresses of the first cluster does not stand for other ones. */
function withoutAddresses(base: Raw, own: Raw): Raw {
  const { advertise, ...rest } = base;
  return 'listen' in own || advertise === undefined ? rest : base;
}

const isSection = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A cluster's ears, with how its settings are called. */
export interface Ears {
  /** `witness`, or `clusters.NAME.witness`. */
  readonly path: string;
  readonly listen: readonly LinkAddress[];
  readonly advertise: readonly LinkAddress[];
}

export const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** Two clusters on one port would hear each other's hosts, or not start at all. Null, or one line that names both fields. */
export function sharedEars(all: readonly Ears[]): string | null {
  for (const [nth, own] of all.entries()) {
    for (const other of all.slice(0, nth)) {
      for (const field of ['listen', 'advertise'] as const) {
        const same = own[field].find((one) => other[field].some((its) => overlap(one, its)));
        if (same) return `${own.path}.${field} has ${same.address}:${same.port}, and so has ${other.path}.${field}; give each cluster a port of its own, such as ${nextPort(all)}`;
      }
    }
  }
  return null;
}

function overlap(one: LinkAddress, other: LinkAddress): boolean {
  return one.port === other.port && (one.address === other.address || EVERYWHERE.has(one.address) || EVERYWHERE.has(other.address));
}

const nextPort = (all: readonly Ears[]): number => Math.min(65_535, Math.max(...all.flatMap(({ listen, advertise }) => [...listen, ...advertise]).map((one) => one.port)) + 1);
