// An instance as its daemon shows it, and what it is to us.
import { z } from 'zod';
import { OperationalError } from '../../../shared/errors.js';
import type { ObservedWorkload, Replica, ReplicaKind, RunState } from '../../hypervisor.js';
import { instanceKey, type InstanceEnding } from '../../instance-endings.js';
import type { InstanceDriver } from './dialect.js';
import { MARKS, REPLICA, SET_ASIDE, SPARE } from './marks.js';
import { sizesOf, type HostSizes } from './sizes.js';

const words = z.record(z.string(), z.string());

/** Of GET /1.0/instances?recursion=1, what is read of it. */
export const instanceSchema = z.object({
  name: z.string(),
  project: z.string().default('default'),
  type: z.enum(['container', 'virtual-machine']).default('container'),
  status: z.string(),
  architecture: z.string(),
  description: z.string().default(''),
  ephemeral: z.boolean(),
  location: z.string().default('none'),
  profiles: z.array(z.string()).nullable().transform((names) => names ?? []),
  config: words,
  devices: z.record(z.string(), words),
  expanded_config: words,
  expanded_devices: z.record(z.string(), words),
  created_at: z.string(),
  last_used_at: z.string(),
});

export type Instance = Readonly<z.infer<typeof instanceSchema>>;

/**
 * The daemon sets it when it makes an instance, and `copy --refresh` keeps it. One that was made by a release before that has none until its next start:
 * until then nothing tells it apart from another of its name, so it is not ours to show or to touch.
 */
export const uuidOf = ({ config }: Instance): string | null => config['volatile.uuid'] || null;

const KINDS: Readonly<Record<string, ReplicaKind>> = { [REPLICA]: 'replica', [SPARE]: 'spare', [SET_ASIDE]: 'set-aside' };

/** Of its own settings only: a profile makes nothing a replica. Null: it is none. */
export const replicaKindOf = ({ config }: Instance): ReplicaKind | null => KINDS[config[MARKS.role] ?? ''] ?? null;
export const isReplica = (instance: Instance): boolean => replicaKindOf(instance) !== null;
export const isStopped = ({ status }: Instance): boolean => status === 'Stopped';
/** A replica that runs is shown: whatever it is called, it writes. */
export const isShown = (instance: Instance): boolean => !isReplica(instance) || !isStopped(instance);
export const kindOf = ({ type }: Pick<Instance, 'type'>): 'vm' | 'container' => (type === 'container' ? 'container' : 'vm');

/** By what name the kernel has its processes: those of the default project have none before them. */
export const kernelNameOf = ({ project, name }: Pick<Instance, 'project' | 'name'>): string => instanceKey(project, name);

/** Where its root disk lies. */
export const rootPoolOf = ({ expanded_devices }: Instance): string => Object.values(expanded_devices).find((device) => device['type'] === 'disk' && device['path'] === '/')?.['pool'] ?? '';

/** As the API's path has it. */
export const pathOf = ({ project, name }: Pick<Instance, 'project' | 'name'>): string => `/1.0/instances/${encodeURIComponent(name)}?project=${encodeURIComponent(project)}`;

interface StateWords {
  readonly runState: RunState;
  readonly reason: string;
}

/** The words of the API. What may have a process counts as having one. */
const STATES: Readonly<Record<string, StateWords>> = {
  Running: { runState: 'running', reason: 'booted' },
  Ready: { runState: 'running', reason: 'booted' },
  Started: { runState: 'running', reason: 'booted' },
  Thawed: { runState: 'running', reason: 'unpaused' },
  Starting: { runState: 'running', reason: 'starting' },
  Freezing: { runState: 'paused', reason: 'frozen' },
  Frozen: { runState: 'paused', reason: 'frozen' },
  Stopping: { runState: 'stopping', reason: 'user' },
  Aborting: { runState: 'stopping', reason: 'failed' },
  // The daemon can't tell: its monitor does not answer. A process may well be there.
  Error: { runState: 'paused', reason: 'error' },
};

/** What is known beside the instance itself. */
export interface InstanceContext {
  readonly host: HostSizes;
  readonly endings: ReadonlyMap<string, InstanceEnding>;
  readonly stopping: ReadonlySet<string>;
}

const CAUSES: { readonly [C in InstanceEnding['cause']]: string } = { 'person-stopped': 'stopped', 'person-killed': 'destroyed', reeve: 'ended', itself: 'ended by itself' };

/**
 * How it ended, the daemon does not keep: it writes STOPPED for `stop`, for a poweroff inside and for a crash alike. The host's agent hears it. What it
 * heard before the last start says nothing about this end; and where it heard nothing, a crash is never taken for a wish: it is just `ended`.
 * RUNNING in a stopped one: the host or the daemon went down under it.
 */
function stoppedWords(instance: Instance, { endings, stopping }: InstanceContext): StateWords {
  const key = kernelNameOf(instance);
  if (stopping.has(key)) return { runState: 'stopping', reason: 'user' };
  const ending = endings.get(key);
  if (ending && ending.atMs >= lastStartMs(instance) && (ending.location ?? 'none') === instance.location) return { runState: 'stopped', reason: CAUSES[ending.cause] };
  return { runState: 'stopped', reason: instance.config['volatile.last_state.power'] === 'RUNNING' ? 'unknown' : 'ended' };
}

export function observedOf(instance: Instance, uuid: string, driver: InstanceDriver, context: InstanceContext): ObservedWorkload {
  const state = isStopped(instance) ? stoppedWords(instance, context) : (STATES[instance.status] ?? { runState: 'paused', reason: `unknown state ${instance.status}` });
  const kind = kindOf(instance);
  return {
    uuid,
    name: instance.name,
    kind,
    driver,
    ...state,
    ...sizesOf(instance.expanded_config, context.host),
    // Unset, the daemon starts at boot what ran when the host went down: that is autostart.
    autostart: !isFalse(instance.expanded_config['boot.autostart']),
    persistent: !instance.ephemeral,
    ...(instance.location === '' || instance.location === 'none' ? {} : { isOnlyOne: true as const }),
  };
}

/** What the API takes for false. */
const isFalse = (word: string | undefined): boolean => word !== undefined && ['false', '0', 'no', 'off'].includes(word.toLowerCase());

export function replicaOf(instance: Instance, uuid: string): Replica {
  const copied = instance.config[MARKS.copied] ?? '';
  return { uuid, name: instance.name, kind: replicaKindOf(instance) ?? 'replica', asOfMs: /^\d{1,15}$/.test(copied) ? Number(copied) : null };
}

/** At least what was written before its last start is in it; of how long it ran then, nothing is kept. */
export function lastStartMs({ last_used_at, created_at }: Instance): number {
  const [used, created] = [Date.parse(last_used_at), Date.parse(created_at)].map((ms) => (Number.isFinite(ms) && ms > 0 ? ms : 0));
  return used || created || 0;
}

/** A spare stands beside the replica, with the same uuid; where it runs it counts as what it is. */
const isQuietSpare = (instance: Instance): boolean => replicaKindOf(instance) === 'spare' && isStopped(instance);
const countsOf = (instances: readonly Instance[], uuid: string): readonly Instance[] => instances.filter((one) => uuidOf(one) === uuid && !isQuietSpare(one));

/**
 * A person can make a second instance with the same uuid (`copy --refresh` within a host). The one that runs is the one that counts;
 * nothing is done to either.
 */
export function theOne(instances: readonly Instance[], uuid: string): Instance | null {
  return countsOf(instances, uuid).toSorted(byWeight)[0] ?? null;
}

export function refuseTwins(instances: readonly Instance[], uuid: string, hostName: string): void {
  const twins = countsOf(instances, uuid).map(kernelNameOf).sort();
  if (twins.length > 1) throw new OperationalError('failed', `${twins.join(' and ')} on ${hostName} have the same uuid ${uuid}: nothing is done to either`, `remove the copy that is not wanted, or unset its volatile.uuid`);
}

function byWeight(one: Instance, other: Instance): number {
  const weight = (instance: Instance): number => (isStopped(instance) ? 2 : 0) + (isReplica(instance) ? 1 : 0);
  return weight(one) - weight(other) || (kernelNameOf(one) < kernelNameOf(other) ? -1 : 1);
}
