// How instances of LXD and Incus came to their end: heard from their daemon's events by the host's agent, kept for whoever looks.
// The daemon itself keeps nothing of it: STOPPED is what it writes for a person's stop, for a poweroff inside and for a crash.

/** A file for each instance that has ended, in a folder for each daemon; gone with the boot. */
export const ENDINGS_DIR = '/run/reeve/endings';
/** Beside it, by the same names: Reeve itself is about to stop it. */
export const OUR_STOPS_DIR = '/run/reeve/our-stops';

export type InstanceDaemon = 'lxd' | 'incus';

/** Where a daemon's client and its state lie, and what shows its events. The snap's client comes first: what Ubuntu has as `lxc` in the PATH may install LXD when it is called. */
export const DAEMON_PLACES: { readonly [D in InstanceDaemon]: { readonly clients: readonly [string, ...string[]]; readonly stateDirs: readonly [string, ...string[]]; readonly monitor: readonly string[] } } = {
  lxd: { clients: ['/snap/bin/lxc', 'lxc'], stateDirs: ['/var/snap/lxd/common/lxd', '/var/lib/lxd'], monitor: ['monitor', '--type', 'lifecycle', '--format', 'json', '--all-projects'] },
  incus: { clients: ['/usr/bin/incus', 'incus'], stateDirs: ['/var/lib/incus'], monitor: ['monitor', '--type', 'lifecycle', '--format', 'json', '--all-projects'] },
};

/** A person asked the daemon to stop it; Reeve did; or nobody asked: it was powered off inside, or crashed. */
export type EndingCause = 'person-stopped' | 'person-killed' | 'reeve' | 'itself';
const CAUSES: readonly string[] = ['person-stopped', 'person-killed', 'reeve', 'itself'] satisfies readonly EndingCause[];

export interface InstanceEnding {
  readonly cause: EndingCause;
  /** By the host's clock, as the daemon's own times. */
  readonly atMs: number;
  /** In a cluster of daemons: on which member. Every member tells of all, and which of their ends was Reeve's own stop is known on that one alone. */
  readonly location?: string;
}

/** By what name the kernel, and these files, have it: of the default project by its own. */
export const instanceKey = (project: string, name: string): string => (project === 'default' ? name : `${project}_${name}`);

export type LifecycleNews =
  | { readonly kind: 'ended'; readonly key: string; readonly isAsked: boolean; readonly isForced: boolean; readonly atMs: number; readonly location: string }
  /** It was started, renamed or deleted: what is known of its last end is over. */
  | { readonly kind: 'begun'; readonly key: string };

const BEGUN: ReadonlySet<string> = new Set(['instance-started', 'instance-restarted', 'instance-created', 'instance-renamed', 'instance-deleted', 'instance-restored']);

/** One line of the daemon's events; null: it says nothing about an end. Seen with LXD 5.0.2: whoever asked is named, and nobody is where it ended by itself. */
export function readLifecycle(line: string): LifecycleNews | null {
  const event = parse(line);
  const name = /^\/1\.0\/(?:instances|containers)\/([^/?]+)/.exec(event?.metadata?.source ?? '')?.[1];
  if (!event || name === undefined) return null;
  const key = instanceKey(event.project ?? 'default', decodeURIComponent(name));
  const action = event.metadata?.action ?? '';
  if (BEGUN.has(action)) return { kind: 'begun', key };
  if (action !== 'instance-shutdown' && action !== 'instance-stopped') return null;
  const atMs = Date.parse(event.timestamp ?? '');
  return Number.isFinite(atMs) ? { kind: 'ended', key, isAsked: event.metadata?.requestor !== undefined && event.metadata.requestor !== null, isForced: action === 'instance-stopped', atMs, location: event.location ?? 'none' } : null;
}

interface LifecycleEvent {
  readonly location?: string;
  readonly project?: string;
  readonly timestamp?: string;
  readonly metadata?: { readonly action?: string; readonly source?: string; readonly requestor?: unknown };
}

function parse(line: string): LifecycleEvent | null {
  try {
    const json: unknown = JSON.parse(line);
    return typeof json === 'object' && json !== null ? (json as LifecycleEvent) : null;
  } catch {
    return null;
  }
}

export function causeOf({ isAsked, isForced }: Extract<LifecycleNews, { kind: 'ended' }>, isOurs: boolean): EndingCause {
  if (!isAsked) return 'itself';
  if (isOurs) return 'reeve';
  return isForced ? 'person-killed' : 'person-stopped';
}

export const writeEnding = ({ cause, atMs, location = 'none' }: InstanceEnding): string => `${cause} ${atMs}${location === 'none' ? '' : ` ${location}`}\n`;

/** Null: it can't be read. */
export function readEnding(text: string): InstanceEnding | null {
  const [cause = '', at = '', location] = text.trim().split(' ');
  return CAUSES.includes(cause) && /^\d{1,15}$/.test(at) ? { cause: cause as EndingCause, atMs: Number(at), ...(location === undefined ? {} : { location }) } : null;
}
