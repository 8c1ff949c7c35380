// The ContainerTrust port: lets the daemons for containers (LXD, Incus) of the hosts reach each other. Real adapter: drivers/enrolment.
import type { ContainerDaemon } from './host-facts.js';

export type ContainerDriver = ContainerDaemon['driver'];

/** A host's daemon, as others are to reach it. */
export interface DaemonDoor {
  readonly driver: ContainerDriver;
  /** Null: it answers; else why not, and nothing else is known. */
  readonly error: string | null;
  /** core.https_address as it is set there; null: it does not listen. */
  readonly httpsAddress: string | null;
  /** SHA-256 of its certificate; members of one cluster of daemons have the same. */
  readonly fingerprint: string;
  readonly isClustered: boolean;
}

export interface DaemonPeer {
  readonly driver: ContainerDriver;
  readonly hostName: string;
  /** "10.0.0.1:8443". */
  readonly address: string;
  readonly fingerprint: string;
}

/** One host's side. Every call is bounded, may be made twice, and throws OperationalError. */
export interface ContainerTrust {
  /** The daemons that are here. */
  doors(): Promise<readonly DaemonDoor[]>;
  /** Null: the remote for this peer leads to it, and we are let in there; else why not. */
  whyNotIn(peer: DaemonPeer): Promise<string | null>;
  /** A token, good once, by which the host of that name makes itself known here. What it was known by before is forgotten. */
  invite(driver: ContainerDriver, hostName: string): Promise<string>;
  /** Makes the remote for this peer anew. */
  join(peer: DaemonPeer, token: string): Promise<void>;
  /** Removes the remotes for these hosts, and what they were known by here. */
  drop(hostNames: readonly string[]): Promise<void>;
  /** Removes all that Reeve put there for other hosts. */
  revoke(): Promise<void>;
}

const DEFAULT_PORT = '8443';

/** Where others reach a daemon that listens at `httpsAddress`, on a host that they reach at `hostAddress`; null: nowhere. */
export function reachedAt(httpsAddress: string | null, hostAddress: string): string | null {
  const [, bracketed, plain = '', port = DEFAULT_PORT] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(httpsAddress ?? '') ?? [];
  const address = bracketed ?? plain;
  if (httpsAddress === null || httpsAddress === '') return null;
  if (/^(127\.|::1$|localhost$)/.test(address)) return null;
  const shown = address === '' || address === '0.0.0.0' || address === '::' ? hostAddress : address;
  return `${shown.includes(':') ? `[${shown}]` : shown}:${port}`;
}
