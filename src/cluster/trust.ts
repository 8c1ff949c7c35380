// Certificates by which the daemons for containers of hosts know each other: who ends soon, who no longer fits, and how people are told.
import { endingCertificates, misfitsOf, TOLD_BEFORE_MS, type EndingCertificate, type Misfit } from '../hosts/daemon-trust.js';
import { HYPERVISOR_NAMES } from '../hosts/hypervisor.js';
import type { HostFacts } from '../hosts/host-facts.js';
import type { Host } from '../hosts/host.js';
import type { Change } from './change.js';
import { event } from './cluster-event.js';
import type { ClusterView } from './cluster-view.js';
import type { OperationKind } from './operation.js';

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const short = (fingerprint: string): string => fingerprint.slice(0, 12);

export function describeEnding({ driver, role, fingerprint, expiresAtMs, isOver }: EndingCertificate): string {
  const whose = role === 'client' ? `by which this host is known to ${HYPERVISOR_NAMES[driver]} on the others` : `of its ${HYPERVISOR_NAMES[driver]}`;
  const what = role === 'client' ? 'containers are neither copied nor moved from here' : 'containers are neither copied nor moved to here';
  return `the certificate ${short(fingerprint)} ${whose} ${isOver ? `ended on ${day(expiresAtMs)}: ${what}` : `ends on ${day(expiresAtMs)}; after that ${what}`}`;
}

export const renewCommand = (host: string): string => `reeve host renew-trust ${host}`;

/** The daemon makes itself a new one when it starts without; that is its owner's to do. */
const SERVER_FILES: { readonly [D in EndingCertificate['driver']]: string } = {
  lxd: 'cd /var/snap/lxd/common/lxd && mkdir -p old && mv server.crt server.key old/ && systemctl reload snap.lxd.daemon (of a cluster: lxc cluster update-certificate)',
  incus: 'cd /var/lib/incus && mkdir -p old && mv server.crt server.key old/ && systemctl restart incus (of a cluster: incus cluster update-certificate)',
};

export const endingRemedy = (host: string, { driver, role }: EndingCertificate): string => (role === 'client' ? renewCommand(host) : `on ${host}: ${SERVER_FILES[driver]}; then ${renewCommand(host)}`);

export function describeMisfit({ driver, from, to, kind, expected, found }: Misfit): string {
  const name = HYPERVISOR_NAMES[driver];
  if (kind === 'pinned') return `${from} expects the certificate ${short(expected)} of ${name} on ${to}, which has ${short(found)} now, as after it was set up anew: nothing is copied from ${from} to ${to}`;
  return `${name} on ${to} does not let in ${from}, which shows the certificate ${short(expected)}: nothing is copied from ${from} to ${to}`;
}

const CHANGE_TRUST: ReadonlySet<OperationKind> = new Set(['renew-trust', 'enrol', 'readmit', 'remove']);

/** Between hosts that were both looked at since anything was last changed in it: of what was read before, the one half is older than the other. */
export function trustProblems({ operations, recentOperations, hosts }: Pick<ClusterView, 'operations' | 'recentOperations' | 'hosts'>, host: Host): readonly Misfit[] {
  if (operations.some(({ kind }) => CHANGE_TRUST.has(kind))) return [];
  const changedAtMs = Math.max(0, ...recentOperations.flatMap(({ kind, endedAtMs }) => (CHANGE_TRUST.has(kind) && endedAtMs !== null ? [endedAtMs] : [])));
  const looked = hosts.filter(({ facts }) => facts !== null && facts.refreshedAtMs > changedAtMs);
  return looked.includes(host) ? misfitsOf(host, looked) : [];
}

const keyOf = ({ driver, role, isOver }: EndingCertificate): string => `${driver} ${role} ${String(isOver)}`;

/** Told of once when it is near, and once when it is over; and that it is well again. */
export function certificateNews(host: Pick<Host, 'name' | 'facts'>, now: HostFacts): readonly Change[] {
  const before = endingCertificates(host.facts, TOLD_BEFORE_MS);
  const after = endingCertificates(now, TOLD_BEFORE_MS);
  const known = new Set(before.map(keyOf));
  const about = (one: EndingCertificate): string => `${host.name}: ${describeEnding(one)}; \`${endingRemedy(host.name, one)}\``;
  const told = after.filter((one) => !known.has(keyOf(one))).map((one) => {
    const more = { host: host.name, data: { driver: one.driver, role: one.role, expiresAtMs: one.expiresAtMs } };
    if (one.isOver) return event('host.certificate-expired', about(one), { severity: 'alert', ...more });
    return event('host.certificate-expires', about(one), { severity: 'warning', ...more });
  });
  const well = before.filter(({ driver, role }) => now.containerDaemons.some((one) => one.driver === driver && one.trust) && !after.some((one) => one.driver === driver && one.role === role));
  const over = well.map(({ driver, role }) => event('host.certificate-renewed', `${host.name}: the certificate of its ${HYPERVISOR_NAMES[driver]} (${role}) is good for long again`, { severity: 'notice', host: host.name }));
  return [...told, ...over].map((one) => ({ change: 'event', event: one }));
}
