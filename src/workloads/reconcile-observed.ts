// What do all hosts show of one workload, against what is wanted? People use virsh and lxc by hand: this notices, and says so.
import { isOff } from '../hosts/host.js';
import type { ObservedWorkload } from '../hosts/hypervisor.js';
import type { HostId } from '../shared/ids.js';
import { believable, CLOCKS_MS, isMute, isOffForIt, type ObservedHost } from './believable.js';
import { byHand } from './by-hand.js';
import { movesLive, type Workload } from './workload.js';

export interface ReconcileInput {
  readonly workload: Workload;
  /** All hosts of the cluster. */
  readonly hosts: readonly ObservedHost[];
  /** An operation on this workload is pending or running: what is seen now is in between. */
  readonly operationActive: boolean;
  /** When Reeve last changed this workload (end of its last operation, adoption). Older inventories are not interpreted. */
  readonly changedAtMs: number;
  readonly nowMs: number;
  readonly inventoryMaxAgeMs: number;
}

export type Finding =
  /** Nothing can be told now; `why` says what is waited for. */
  | { readonly kind: 'not-interpreted'; readonly why: string; /** A process of it is there all the same. */ readonly sighted?: boolean }
  | { readonly kind: 'running-as-wanted' }
  | { readonly kind: 'stopped-as-wanted' }
  /** Its process runs at another host than where Reeve placed it, and nowhere else: that place is adopted. */
  | { readonly kind: 'moved-by-hand'; readonly toHostId: HostId; readonly why: string; /** It is stopped there. */ readonly isStopped?: true }
  | { readonly kind: 'stopped-by-hand'; readonly reason: string; readonly why: string }
  /** It ended by itself: a restart is wanted. */
  | { readonly kind: 'failed'; readonly reason: string; readonly why: string }
  | { readonly kind: 'paused'; readonly cause: 'person' | 'io-error' | 'other'; readonly why: string }
  /** No host knows it any more. */
  | { readonly kind: 'missing'; readonly why: string }
  /** It should be stopped, and runs. */
  | { readonly kind: 'started-by-hand'; readonly why: string }
  /** Two hosts, looked at together, show a process. */
  | { readonly kind: 'duplicate'; readonly why: string }
  /** It runs on a host that is not admitted, with nobody's leave. */
  | { readonly kind: 'runs-unadmitted'; readonly hostId: HostId; readonly why: string }
  /** Its home does not know it any more, and a host that can't be asked now may have it: it was moved there by hand. */
  | { readonly kind: 'gone-somewhere'; readonly why: string }
  /** It runs without a definition at its host, and is gone there once it stops. */
  | { readonly kind: 'not-persistent'; readonly why: string }
  | { readonly kind: 'changed-size'; readonly vcpus: number; readonly memoryMiB: number; readonly why: string }
  /** A host would start it by itself when it boots: for a protected workload that means twice. */
  | { readonly kind: 'autostart-on'; readonly hostId: HostId; readonly why: string };

interface Sight {
  readonly host: ObservedHost;
  readonly observed: ObservedWorkload;
  readonly atMs: number;
}

/** The first finding says what it is; more may follow (size, autostart). */
export function reconcileObserved(input: ReconcileInput): readonly Finding[] {
  const inBetween = whyInBetween(input);
  if (inBetween !== null) return [{ kind: 'not-interpreted', why: inBetween }];
  const sights = sightsOf(input);
  return [mainFinding(input, sights), ...sideFindings(input, sights)];
}

function whyInBetween({ workload, operationActive }: ReconcileInput): string | null {
  if (operationActive) return 'an operation on it is under way';
  if (workload.state === 'awaiting-fence') return 'its host is lost and not proven off';
  return null;
}

/** Where it is seen, by inventories that are worth believing. Sorted by host name, so that sentences are stable. */
function sightsOf(input: ReconcileInput): readonly Sight[] {
  const sights = (shownBy(input.hosts).byUuid.get(input.workload.uuid) ?? []).flatMap(({ host, observed }) => {
    const inventory = believable(input, host);
    return inventory ? [{ host, observed, atMs: inventory.atMs }] : [];
  });
  return sights.sort((one, other) => (one.host.name < other.host.name ? -1 : 1));
}

interface Shown {
  readonly byUuid: ReadonlyMap<string, readonly Pick<Sight, 'host' | 'observed'>[]>;
  readonly byId: ReadonlyMap<string, ObservedHost>;
}

/** What all hosts show, sorted out once for all workloads of a view: a thousand hosts are not gone through for each of twenty thousand. */
const SHOWN = new WeakMap<readonly ObservedHost[], Shown>();

function shownBy(hosts: readonly ObservedHost[]): Shown {
  const known = SHOWN.get(hosts) ?? sortOut(hosts);
  SHOWN.set(hosts, known);
  return known;
}

function sortOut(hosts: readonly ObservedHost[]): Shown {
  const byUuid = new Map<string, Pick<Sight, 'host' | 'observed'>[]>();
  for (const host of hosts) {
    for (const observed of host.inventory?.workloads ?? []) {
      const sights = byUuid.get(observed.uuid);
      if (!sights) byUuid.set(observed.uuid, [{ host, observed }]);
      // A host shows each once; should it not, the first counts.
      else if (sights.at(-1)?.host !== host) sights.push({ host, observed });
    }
  }
  return { byUuid, byId: new Map(hosts.map((host) => [host.hostId, host])) };
}

const hasProcess = ({ observed }: Sight): boolean => observed.runState !== 'stopped';
/** The waiting half of a live migration is one of a pair, not a second copy. */
const isMigrating = ({ observed }: Sight): boolean => observed.runState === 'migrating-in' || observed.runState === 'migrating-out';

function mainFinding(input: ReconcileInput, sights: readonly Sight[]): Finding {
  const alive = sights.filter(hasProcess);
  if (alive.some(isMigrating)) return { kind: 'not-interpreted', why: 'it is being migrated by hand', sighted: true };
  if (alive.length > 1) return duplicate(input.workload, alive);
  const [only] = alive;
  return only ? aliveOnce(input, only) : aliveNowhere(input, sights);
}

/** Looked at one after the other, they may show one process that went from one to the other in between. */
function duplicate({ name, needs }: Workload, alive: readonly Sight[]): Finding {
  const times = alive.map(({ atMs }) => atMs);
  const returned = alive.find(({ host }) => host.inventory?.unadmitted)?.host;
  // What runs on a host that came back is looked at by its re-admission alone, and goes nowhere.
  if (!returned && Math.max(...times) - Math.min(...times) > TOGETHER_MS) {
    return { kind: 'not-interpreted', sighted: true, why: `it is seen on ${alive.map(({ host }) => host.name).join(' and ')}, at different times: they are looked at again` };
  }
  const places = alive.map(({ host, observed }) => `${host.name} (${observed.runState})`).join(' and ');
  return { kind: 'duplicate', why: `its process is seen on ${places}; nothing is done to either copy: find out which one is right, and stop the other there with \`${byHand('end', needs.driver, name)}\`${returned ? `; \`reeve host confirm-off ${returned.name}\` once that is off` : ''}` };
}

function aliveOnce(input: ReconcileInput, sight: Sight): Finding {
  const { workload } = input;
  const { host, observed } = sight;
  if (host.condition !== 'online' && host.condition !== 'silent') {
    const remedy = isOff(host) ? `: stop it there, or \`reeve host confirm-off ${host.name}\` once that is off` : '';
    return { kind: 'runs-unadmitted', hostId: host.hostId, why: `it runs on ${host.name}, which is ${host.condition} and not admitted${remedy}` };
  }
  if (host.hostId !== workload.hostId) return aliveElsewhere(input, sight);
  if (observed.runState === 'paused') return paused(workload, sight);
  if (observed.runState === 'stopping') return { kind: 'not-interpreted', why: `it is shutting down on ${host.name}` };
  if (workload.desired === 'stopped') return { kind: 'started-by-hand', why: `it should be stopped and runs on ${host.name} (${observed.reason})` };
  return { kind: 'running-as-wanted' };
}

/** Adopted only when its own host was seen without it, or is proven off: else both may run it. */
function aliveElsewhere(input: ReconcileInput, { host, observed }: Sight): Finding {
  const home = homeOf(input);
  if (home && !isOffForIt(input.workload, home) && !believable(input, home)) {
    return { kind: 'not-interpreted', sighted: true, why: `it is seen on ${host.name}; what its own host ${home.name} shows is not known now` };
  }
  const how = observed.reason === 'migrated' || observed.reason === 'unpaused' ? 'moved to' : 'started on';
  return { kind: 'moved-by-hand', toHostId: host.hostId, why: `it was ${how} ${host.name} by hand${home ? `; Reeve had it on ${home.name}` : ''}` };
}

const homeOf = ({ workload, hosts }: ReconcileInput): ObservedHost | null => (workload.hostId === null ? null : (shownBy(hosts).byId.get(workload.hostId) ?? null));
/** In the words of libvirt, and of LXD. */
const PAUSED_BY_PERSON: ReadonlySet<string> = new Set(['user', 'frozen']);

function paused({ name, needs }: Workload, { host, observed }: Sight): Finding {
  const cause = PAUSED_BY_PERSON.has(observed.reason) ? 'person' : observed.reason === 'ioerror' || observed.reason === 'I/O error' ? 'io-error' : 'other';
  const remedy = {
    person: `it was paused by hand; \`${byHand('resume', needs.driver, name)}\` there, or \`reeve workload start ${name}\``,
    'io-error': 'the hypervisor stopped it at a disk error; look at the storage, then start (resume) it',
    other: `the hypervisor says ${observed.reason}`,
  }[cause];
  return { kind: 'paused', cause, why: `paused on ${host.name}: ${remedy}` };
}

function aliveNowhere(input: ReconcileInput, sights: readonly Sight[]): Finding {
  const home = homeOf(input);
  if (!home) return input.workload.desired === 'running' ? { kind: 'not-interpreted', why: 'it is placed nowhere yet' } : { kind: 'stopped-as-wanted' };
  if (isOff(home)) return leftBefore(input, home) ?? { kind: 'not-interpreted', why: `its host ${home.name} is ${home.condition}` };
  if (!believable(input, home)) return { kind: 'not-interpreted', why: `what ${home.name} shows is older than the last change, or too old` };
  const atHome = sights.find(({ host }) => host === home);
  if (!atHome && !input.workload.isDefinedAtHome) return notThereYet(input.workload, home);
  if (!atHome || WENT_AWAY.has(atHome.observed.reason)) return goneFromHome(input, home, atHome ? [] : sights);
  if (input.workload.desired !== 'running') return { kind: 'stopped-as-wanted' };
  return whyStopped(input.workload, atHome);
}

/** It was given this home after another one was lost, and is defined there by its first start. */
function notThereYet({ desired }: Workload, home: ObservedHost): Finding {
  return desired === 'running' ? { kind: 'failed', reason: 'not started', why: `it was not started on ${home.name} yet` } : { kind: 'stopped-as-wanted' };
}

/** A source that kept its definition after a migration says so. */
const WENT_AWAY: ReadonlySet<string> = new Set(['migrated']);

/** Looks this close together count as one: no migration begins and ends within it. */
const TOGETHER_MS = 250;

/** What was called missing once stays so until it is seen, whichever host is looked at next. */
function seenAfter(input: ReconcileInput, other: ObservedHost, home: ObservedHost): boolean {
  const seen = believable(input, other);
  return seen !== null && (input.workload.state === 'missing' || seen.atMs >= (home.inventory?.atMs ?? 0) - TOGETHER_MS);
}

/**
 * One that is not started by a definition alone is where its data are. Kept stopped, it is at home there; wanted running, a person says whether these are its newest data:
 * what a move has left behind looks the same.
 */
function liesElsewhere({ workload }: ReconcileInput, sights: readonly Sight[], home: ObservedHost): Finding {
  const [only, another] = sights;
  const places = sights.map(({ host }) => host.name).join(' and ');
  if (only && !another && workload.desired !== 'running') return { kind: 'moved-by-hand', toHostId: only.host.hostId, isStopped: true, why: `${home.name} does not know it, and it is stopped on ${only.host.name}: it was moved by hand` };
  return { kind: 'missing', why: `${home.name} does not know it, and it is stopped on ${places}, moved there by hand or left there by a move: nothing is started from it by itself. If these are its newest data: \`reeve workload unmanage ${workload.name}\`, then \`reeve workload manage ${workload.name} --host ${only?.host.name ?? 'HOST'} --desired running\`` };
}

const notSeenSince = (input: ReconcileInput, home: ObservedHost): readonly ObservedHost[] =>
  input.hosts.filter((host) => host !== home && !isOffForIt(input.workload, host) && host.condition !== 'enrolling' && !seenAfter(input, host, home));
const namesOfAway = (unseen: readonly ObservedHost[]): readonly string[] => unseen.filter((host) => host.condition !== 'online').map((host) => host.name).sort();

/** It had left its home before that was lost: that its home is off says nothing of where it went. */
function leftBefore(input: ReconcileInput, home: ObservedHost): Finding | null {
  const { inventory: last, proof } = home;
  const { uuid, needs, isDefinedAtHome } = input.workload;
  if (!last || last.unadmitted || !proof || last.bootId !== proof.bootId || !isDefinedAtHome || isMute(last, needs.driver) || last.atMs <= input.changedAtMs + CLOCKS_MS) return null;
  const left = last.workloads.find((one) => one.uuid === uuid);
  if (left && !(left.runState === 'stopped' && WENT_AWAY.has(left.reason))) return null;
  const unseen = notSeenSince(input, home);
  const away = namesOfAway(unseen);
  if (unseen.length === 0) return null;
  if (away.length === 0) return { kind: 'not-interpreted', sighted: true, why: `it had left ${home.name} before that was lost; ${unseen.map((host) => host.name).sort().join(', ')} ${unseen.length === 1 ? 'has' : 'have'} not been looked at since` };
  return { kind: 'gone-somewhere', why: `${home.name} did not have it any more before it was lost: it was moved by hand, and may run on ${away.join(' or ')}, which can not be asked; once that is heard or proven off (\`reeve host confirm-off ${away[0] ?? ''}\`) it is clear` };
}

/** It may be on a host that was looked at before it got there, or that is not seen at all. */
function goneFromHome(input: ReconcileInput, home: ObservedHost, sights: readonly Sight[]): Finding {
  const unseen = notSeenSince(input, home);
  const away = namesOfAway(unseen);
  if (away.length > 0) {
    return { kind: 'gone-somewhere', why: `${home.name} does not know it any more: it was moved by hand, and may be on ${away.join(' or ')}, which can not be asked; once that is heard or proven off (\`reeve host confirm-off ${away[0] ?? ''}\`) it is clear` };
  }
  if (unseen.length > 0) {
    return { kind: 'not-interpreted', why: `it is gone from ${home.name}; ${unseen.map((host) => host.name).sort().join(', ')} ${unseen.length === 1 ? 'has' : 'have'} not been looked at since` };
  }
  if (!movesLive(input.workload)) return sights.length > 0 ? liesElsewhere(input, sights, home) : { kind: 'missing', why: `${home.name} does not know it and no other host does: it was deleted by hand; \`reeve workload delete ${input.workload.name} --forget\` drops it` };
  return { kind: 'missing', why: `${home.name} does not know it and no other host does: it was undefined by hand; \`reeve workload start ${input.workload.name}\` defines it again, \`reeve workload delete ${input.workload.name} --forget\` drops it` };
}

/** libvirt's words for how a domain came to be shut off; and of LXD, where its agent has heard who asked. */
const BY_HAND: { readonly [reason: string]: string } = {
  shutdown: 'it was shut down, by hand or from inside',
  destroyed: 'it was ended by force, by hand',
  stopped: 'it was stopped by hand',
  saved: 'it was saved to disk by hand',
  'from snapshot': 'it was set back to a snapshot by hand',
};

/** Null: it ended by itself, or nobody knows. */
export const endedByHand = (reason: string): string | null => BY_HAND[reason] ?? null;

/** One that is not protected is shown stopped after a crash, too. */
const isKnownByHand = ({ why }: Workload): boolean => Object.values(BY_HAND).some((sentence) => why?.startsWith(sentence) === true);

function whyStopped(workload: Workload, { host, observed }: Sight): Finding {
  const byHand = BY_HAND[observed.reason];
  if (byHand) return { kind: 'stopped-by-hand', reason: observed.reason, why: `${byHand} on ${host.name}; start it with \`reeve workload start ${workload.name}\`` };
  // A restarted libvirtd, and a host with LXD that booted, forget the reason: what was known to be stopped by hand stays so.
  if (workload.state === 'stopped' && (observed.reason === 'unknown' || (observed.reason === 'ended' && isKnownByHand(workload)))) {
    return { kind: 'stopped-by-hand', reason: observed.reason, why: workload.why ?? `it was stopped by hand on ${host.name}` };
  }
  const why = observed.reason === 'unknown' ? `it does not run on ${host.name}, which restarted` : `it ended on ${host.name}: ${observed.reason}`;
  return { kind: 'failed', reason: observed.reason, why };
}

function sideFindings(input: ReconcileInput, seen: readonly Sight[]): readonly Finding[] {
  const { workload } = input;
  // A copy on a host that is not admitted says nothing of how it is to be.
  const sights = seen.filter(({ host }) => !host.inventory?.unadmitted);
  const findings: Finding[] = [];
  const alive = sights.filter(hasProcess);
  const atHome = alive.length > 1 ? undefined : (alive[0] ?? sights.find(({ host }) => host.hostId === workload.hostId));
  if (atHome && (atHome.observed.vcpus !== workload.needs.vcpus || atHome.observed.memoryMiB !== workload.needs.memoryMiB)) {
    const { vcpus, memoryMiB } = atHome.observed;
    findings.push({ kind: 'changed-size', vcpus, memoryMiB, why: `it has ${vcpus} vCPUs and ${memoryMiB} MiB on ${atHome.host.name}; Reeve had ${workload.needs.vcpus} and ${workload.needs.memoryMiB}` });
  }
  if (atHome && hasProcess(atHome) && !atHome.observed.persistent) {
    const how = movesLive(workload) ? 'its definition was removed there by hand' : 'it is ephemeral there';
    findings.push({ kind: 'not-persistent', why: `it runs on ${atHome.host.name} and ${how}, it is gone once it stops; on ${atHome.host.name}: \`${byHand('keep', workload.needs.driver, workload.name)}\`` });
  }
  for (const { host, observed } of workload.isProtected ? sights : []) {
    if (!observed.autostart) continue;
    findings.push({ kind: 'autostart-on', hostId: host.hostId, why: `${host.name} would start it by itself at boot: \`${byHand('autostart-off', workload.needs.driver, workload.name)}\`` });
  }
  return findings;
}
