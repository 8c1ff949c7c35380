// A host as the control plane keeps it: what an operator wants of it, and what was last proven about it.
import type { HostId } from '../shared/ids.js';
import type { Labels } from '../shared/labels.js';
import type { StateTable } from '../shared/state-table.js';
import type { HostFacts } from './host-facts.js';
import type { HostTrouble } from './host-health.js';
import type { PoolRequest } from './hypervisor.js';

/** What is proven or believed about a host; kept in the store. */
export type HostCondition = 'enrolling' | 'online' | 'silent' | 'fencing' | 'fenced' | 'offline';

export type HostConditionEvent = 'admitted' | 'lost' | 'heard' | 'fence-started' | 'proven-off' | 'fence-failed' | 'rebooted' | 'stopped-orderly';

export const HOST_CONDITIONS: StateTable<HostCondition, HostConditionEvent> = {
  enrolling: { means: 'known, not yet checked or without an agent; nothing is placed there', on: { admitted: 'online' } },
  online: { means: 'heard by quorum, admitted at its current epoch', on: { lost: 'silent', rebooted: 'fenced', 'stopped-orderly': 'offline' } },
  silent: { means: 'no heartbeat by quorum; not proven off; may still run its workloads', on: { heard: 'online', 'fence-started': 'fencing', 'proven-off': 'fenced', rebooted: 'fenced' } },
  fencing: { means: 'a fence operation is under way', on: { 'proven-off': 'fenced', 'fence-failed': 'silent', rebooted: 'fenced', heard: 'online' } },
  fenced: { means: 'proven not to run what it ran; refuses everything until it is re-admitted with a new epoch', on: { admitted: 'online' } },
  offline: { means: 'went down in order, with its agent saying so', on: { admitted: 'online' } },
};

/** An orderly way down that the host's own agent has announced. */
export interface HostLeaving {
  readonly purpose: 'shutdown' | 'reboot';
  readonly sinceMs: number;
}

/** A host that is lost again and again is kept out of placement for a while. */
export interface HostFlapping {
  /** When it was lost without an order, within the window that counts; oldest first. */
  readonly lostAtMs: readonly number[];
  /** The latest quarantine; null: never, or long ago. `times` makes the next one longer. */
  readonly quarantine: { readonly sinceMs: number; readonly untilMs: number; readonly times: number; readonly isOver: boolean } | null;
}

export const NEVER_LOST: HostFlapping = { lostAtMs: [], quarantine: null };

/** Proven off, or stopped in order: nothing of it is in service. Of what workload that proves an end, see proofCovers. */
export const isOff = ({ condition }: Pick<Host, 'condition'>): boolean => condition === 'fenced' || condition === 'offline';

/** One that tells and cuts its power by itself: neither a person nor the host's own watchdog. */
export const hasPowerDevice = ({ fenceDevices }: Pick<Host, 'fenceDevices'>): boolean => fenceDevices.some(({ kind }) => kind !== 'manual' && kind !== 'watchdog');

export const isQuarantined = ({ flapping }: Pick<Host, 'flapping'>): boolean => flapping.quarantine !== null && !flapping.quarantine.isOver;

/** What an operator wants of the host. Maintenance is cordon + drain + no fencing. */
export type HostIntent = 'active' | 'maintenance';

/** What `reeve status` shows: condition, verdict of the detector and intent in one word. */
export type HostState = 'enrolling' | 'online' | 'suspect' | 'silent' | 'fencing' | 'fenced' | 'draining' | 'maintenance' | 'offline';

export interface SshTarget {
  readonly user: string;
  readonly port: number;
  /** Path of the private key on the control plane's machine; null: the control plane's own key. */
  readonly identityFile: string | null;
  /** The pinned host key, as in known_hosts: "ssh-ed25519 AAAA…". */
  readonly hostKey: string;
}

export type FenceDeviceKind = 'ipmi' | 'redfish' | 'fence-agent' | 'watchdog' | 'manual';

export interface FenceDeviceConfig {
  readonly kind: FenceDeviceKind;
  /** ipmi: address, port, user, password | passwordFile, cipher. fence-agent: agent (program), plus its own options as key=value. */
  readonly options: Readonly<Record<string, string>>;
}

/** The proof that a host cannot run what it ran. Recorded on operations and shown. */
export interface HostProof {
  readonly kind: 'power-off' | 'new-boot' | 'lease-expired' | 'stopped' | 'operator';
  /** A sentence: which device said what, which boot id replaced which, who vouched. */
  readonly evidence: string;
  readonly atMs: number;
  /** The boot and the epoch that are over by this proof. */
  readonly bootId: string | null;
  readonly hostEpoch: number;
  /** It was seen to be up again since, by this sentence: what ran before is gone all the same, but it may have its pools mounted. */
  readonly powerBack?: string;
}

/** A pool whose host has lost it to another one, or is about to. Its daemon looks for the file system by `uuid` when it boots. */
export interface TakenPool extends PoolRequest {
  readonly byHostId: HostId;
  /** The file system surely has its new name: it is not this host's any more, whatever becomes of the take-over. */
  readonly isClaimed: boolean;
  /** The other host has it. */
  readonly isDone: boolean;
  readonly atMs: number;
}

export interface Host {
  readonly id: HostId;
  readonly name: string;
  /** Address for SSH and migration (link 0 as a rule). */
  readonly address: string;
  /** Addresses for heartbeats, one per link, in order. */
  readonly links: readonly string[];
  readonly heartbeatPort: number;
  /** What fails together with it: a rack, a room. Null: it stands alone, as a zone of its own. */
  readonly zone: string | null;
  readonly labels: Labels;
  readonly ssh: SshTarget;
  readonly condition: HostCondition;
  readonly conditionSinceMs: number;
  readonly intent: HostIntent;
  readonly cordoned: boolean;
  /** Rises with each fence and each re-admission; commands with an older one are refused by the host's guard. */
  readonly hostEpoch: number;
  /** Boot id at which the host was last admitted; null before the first admission. */
  readonly bootId: string | null;
  /** Voters were asked to acknowledge its lease at this epoch no more; it must be admitted at a higher one. Null: never. */
  readonly excludedEpoch: number | null;
  /** The set of voters by which it judges its lease is this one or a newer one. */
  readonly voterEpoch: number;
  /** The latest proof; meaningful while the condition is `fenced` or `offline`. */
  readonly proof: HostProof | null;
  readonly fenceDevices: readonly FenceDeviceConfig[];
  readonly facts: HostFacts | null;
  /** What is wrong with it by its own word; null: nothing that it could see. */
  readonly trouble: HostTrouble | null;
  /** HMAC key for heartbeats, 64 hex digits. Never shown by the API. */
  readonly agentKey: string;
  /** Kept from the announcement until it is admitted again; null: it is not going down in order. */
  readonly leaving: HostLeaving | null;
  readonly flapping: HostFlapping;
  /** Pools of it that other hosts have taken over, or are about to, since it was lost. */
  readonly takenPools: readonly TakenPool[];
  /** A sentence for people: why it is in this condition. */
  readonly why: string | null;
}

/**
 * Do protected workloads run under a lease there? Then they end with it, and its end is a proof. It takes a watchdog: the agent
 * alone can't promise what happens when it is stuck.
 */
export function enforcesLease(host: Pick<Host, 'fenceDevices' | 'facts'>): boolean {
  return host.facts?.watchdogDevice === true && host.fenceDevices.some((device) => device.kind === 'watchdog');
}
