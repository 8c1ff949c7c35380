// By what the daemons for containers of hosts know each other: what of it runs out, and what no longer fits together.
import type { Certificate, ContainerDaemon, DaemonTrust, HostFacts } from './host-facts.js';
import type { Host } from './host.js';

const DAY_MS = 24 * 3_600_000;
/** People are told from here on. */
export const TOLD_BEFORE_MS = 30 * DAY_MS;
/** Renewed from here on by the control plane: when people are told, that has failed for two weeks. */
export const RENEWED_BEFORE_MS = 45 * DAY_MS;

export type CertificateRole = 'client' | 'server';

export interface EndingCertificate extends Certificate {
  readonly driver: ContainerDaemon['driver'];
  readonly role: CertificateRole;
  readonly isOver: boolean;
}

/** As of when the facts were read: those that end within `withinMs`. */
export function endingCertificates(facts: Pick<HostFacts, 'containerDaemons' | 'refreshedAtMs'> | null, withinMs: number): readonly EndingCertificate[] {
  return (facts?.containerDaemons ?? []).flatMap(({ driver, trust }) => (['client', 'server'] as const).flatMap((role) => {
    const one = trust?.[role] ?? null;
    if (facts === null || one === null || one.expiresAtMs - facts.refreshedAtMs > withinMs) return [];
    return [{ ...one, driver, role, isOver: one.expiresAtMs <= facts.refreshedAtMs }];
  }));
}

/** `pinned`: the remote expects another certificate than the daemon has now. `not-let-in`: the daemon does not know the client's. */
export interface Misfit {
  readonly driver: ContainerDaemon['driver'];
  readonly from: string;
  readonly to: string;
  readonly kind: 'pinned' | 'not-let-in';
  readonly expected: string;
  readonly found: string;
}

type Known = Pick<Host, 'name' | 'facts'>;

/** Of remotes that Reeve has made, between hosts of which both were looked at. What has no remote was never made, and is another matter. */
export function misfitsOf(host: Known, hosts: readonly Known[]): readonly Misfit[] {
  return (host.facts?.containerDaemons ?? []).flatMap(({ driver, trust }) => (trust?.remotes ?? []).flatMap((remote): readonly Misfit[] => {
    const peer = trustOf(hosts.find((one) => one.name === remote.host), driver);
    if (!trust || !peer) return [];
    const of = { driver, from: host.name, to: remote.host };
    const pinned = peer.server !== null && peer.server.fingerprint !== remote.fingerprint ? [{ ...of, kind: 'pinned' as const, expected: remote.fingerprint, found: peer.server.fingerprint }] : [];
    const shown = trust.client;
    const unknown = shown !== null && !peer.letsIn.includes(shown.fingerprint) ? [{ ...of, kind: 'not-let-in' as const, expected: shown.fingerprint, found: '' }] : [];
    return [...pinned, ...unknown];
  }));
}

function trustOf(host: Known | undefined, driver: ContainerDaemon['driver']): DaemonTrust | undefined {
  return host?.facts?.containerDaemons.find((one) => one.driver === driver)?.trust;
}
