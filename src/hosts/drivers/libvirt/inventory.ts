// What exists on a host, in one virsh call, and how its answer is read.
import { OperationalError } from '../../../shared/errors.js';
import type { ObservedWorkload, RunState } from '../../hypervisor.js';

const MARK = 'reeve-section:';
/** virsh's echo ends no line, so the point ends the word. */
const SECTION = new RegExp(`${MARK}([a-z]+)\\.`);

/**
 * One virsh process, whatever the number of domains. `--nowait`: one guest that hangs does not hold up the others.
 * `balloon` and `vcpu` give the sizes, also of domains that do not run.
 */
export const INVENTORY_SCRIPT = `exec virsh -q 'list --all --uuid --name; echo ${MARK}persistent.; list --all --persistent --uuid; echo ${MARK}autostart.; list --all --autostart --uuid; echo ${MARK}stats.; domstats --nowait --state --balloon --vcpu; echo ${MARK}end.'`;

export function parseInventory(output: string): readonly ObservedWorkload[] {
  const sections = new Map<string, string>([['list', '']]);
  let current = 'list';
  for (const part of output.split(SECTION)) {
    if (/^(persistent|autostart|stats|end)$/.test(part) && !sections.has(part)) sections.set((current = part), '');
    else sections.set(current, `${sections.get(current) ?? ''}${part}`);
  }
  // Without the last mark the answer is cut short, and a workload that is missing in it would look gone.
  if (!sections.has('end')) throw new OperationalError('failed', 'the inventory ended before its end');
  const persistent = new Set(words(sections.get('persistent')));
  const autostart = new Set(words(sections.get('autostart')));
  const uuids = namesToUuids(sections.get('list') ?? '');
  return parseDomstats(sections.get('stats') ?? '').flatMap(({ name, stats }) => {
    const uuid = uuids.get(name); // absent: it appeared between the two lists; the next look has it
    return uuid === undefined ? [] : [observed(uuid, name, stats, { persistent: persistent.has(uuid), autostart: autostart.has(uuid) })];
  });
}

const words = (text: string | undefined): readonly string[] => (text ?? '').split(/\s+/).filter(Boolean);

function namesToUuids(list: string): ReadonlyMap<string, string> {
  const uuids = new Map<string, string>();
  for (const line of list.split('\n')) {
    const [, uuid, name] = /^\s*([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\s(.*?)\s*$/.exec(line) ?? [];
    if (uuid !== undefined && name !== undefined) uuids.set(name, uuid);
  }
  return uuids;
}

export interface DomainStats {
  readonly name: string;
  readonly stats: ReadonlyMap<string, string>;
}

export function parseDomstats(output: string): readonly DomainStats[] {
  const found: { name: string; stats: Map<string, string> }[] = [];
  for (const line of output.split('\n')) {
    const name = /^Domain: '(.*)'$/.exec(line)?.[1];
    const [, key, value] = /^ {2}([^=]+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) found.push({ name, stats: new Map() });
    else if (key !== undefined && value !== undefined) found.at(-1)?.stats.set(key, value);
  }
  return found;
}

interface StateWords {
  readonly runState: RunState;
  readonly reasons: readonly string[];
}

/** libvirt's virDomainState and its reasons, by number (include/libvirt/libvirt-domain.h). */
const STATES: Readonly<Record<number, StateWords>> = {
  0: { runState: 'stopped', reasons: ['no state'] },
  1: { runState: 'running', reasons: ['unknown', 'booted', 'migrated', 'restored', 'from-snapshot', 'unpaused', 'migration-canceled', 'save-canceled', 'wakeup', 'crashed', 'post-copy', 'post-copy-failed'] },
  2: { runState: 'running', reasons: ['blocked'] },
  3: { runState: 'paused', reasons: ['unknown', 'user', 'migrating', 'saving', 'dumping', 'ioerror', 'watchdog', 'from-snapshot', 'shutting-down', 'creating-snapshot', 'crashed', 'starting-up', 'post-copy', 'post-copy-failed', 'api-error'] },
  4: { runState: 'stopping', reasons: ['unknown', 'user'] },
  5: { runState: 'stopped', reasons: ['unknown', 'shutdown', 'destroyed', 'crashed', 'migrated', 'saved', 'failed', 'from-snapshot', 'daemon'] },
  // on_crash=preserve: the process is still there and does not execute.
  6: { runState: 'paused', reasons: ['crashed', 'panicked'] },
  7: { runState: 'paused', reasons: ['suspended-by-guest'] },
};

function observed(uuid: string, name: string, stats: ReadonlyMap<string, string>, flags: { persistent: boolean; autostart: boolean }): ObservedWorkload {
  const number = (key: string): number => Number(stats.get(key) ?? NaN);
  const state = STATES[number('state.state')];
  if (!state) throw new OperationalError('failed', `libvirt reports state ${stats.get('state.state') ?? '?'} of ${name}, which is unknown here`);
  return {
    uuid,
    name,
    kind: 'vm',
    driver: 'libvirt',
    runState: state.runState,
    reason: state.reasons[number('state.reason')] ?? 'unknown',
    vcpus: number('vcpu.current') || number('vcpu.maximum') || 1,
    memoryMiB: Math.ceil((number('balloon.maximum') || 0) / 1024),
    ...flags,
  };
}

/** Paused in a way that may be one side of a live migration: which side, the job of the domain tells. */
export function mayBeMigrating(workload: ObservedWorkload): boolean {
  return workload.runState === 'paused' && (workload.reason === 'migrating' || workload.reason === 'starting-up');
}

export type MigrationSide = 'in' | 'out' | 'none';

export function withMigrationSide(workload: ObservedWorkload, side: MigrationSide): ObservedWorkload {
  if (side === 'in') return { ...workload, runState: 'migrating-in', reason: 'migrating' };
  if (side === 'out') return { ...workload, runState: 'migrating-out', reason: 'migrating' };
  if (workload.reason !== 'migrating') return workload;
  // The job is over or was lost with the daemon. A copy that came in is transient until it runs.
  return { ...workload, runState: workload.persistent ? 'migrating-out' : 'migrating-in' };
}
