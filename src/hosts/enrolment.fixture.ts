// For tests of enrolment, re-admission and removal: hosts in memory whose calls fail on order.
import { OperationalError, type OperationalCode } from '../shared/errors.js';
import type { ClientCertificates, ContainerTrust, ShownCertificate } from './container-trust.js';
import type { AgentConfig, HostAgent } from './host-agent.js';
import type { EnrolmentSide } from './enrolment-side.js';
import type { HostSurvey, HostSurveyor, LocksSetUp, PoolMark, TrialMeeting } from './host-survey.js';
import type { MigrationTrust } from './migration-trust.js';

export const SURVEY: HostSurvey = {
  hostname: 'host-1', hostnameAddresses: ['10.0.0.1'], architecture: 'x86_64', virtualization: 'vmx', kvm: 'usable', hasLibvirt: true, libvirtVersion: '10.0.0', libvirtError: null,
  qemuVersion: '8.2.2', libvirtUuid: 'u-1', locks: { manager: 'lockd', isInstalled: true, answers: true, lockspaceDir: '/srv/shared/lockspace' }, memoryMiB: 64_000, freeMemoryMiB: 32_000, bridges: ['br0'], clockOffsetMs: 3, clockRoundTripMs: 10,
  pools: [{ name: 'shared', path: '/srv/shared', active: true, writable: true, markerId: 'm-shared' }], watchdogDevice: true, machineId: 'id-1', bootId: 'boot-1', agentClusterId: null, autostart: [],
  daemons: [{ driver: 'lxd', error: null, version: '5.21.1', httpsAddress: '10.0.0.1:8443', isClustered: false, healingThresholdS: 0, criu: false, pools: [{ name: 'default', driver: 'zfs' }], networks: [], profiles: ['default'] }],
};

export interface FakeHost {
  readonly calls: string[];
  survey: HostSurvey;
  config: AgentConfig | null;
  admitted: { readonly epoch: number; readonly bootId: string } | null;
  hasKey: boolean;
  /** Host ids that may come here and are known here. */
  readonly trusted: Set<string>;
  /** Names of hosts whose daemon this one's reaches, each at "address fingerprint"; and who may come here. */
  readonly remotes: Map<string, string>;
  readonly guests: Set<string>;
  fingerprint: string;
  /** Its client's certificate, its successor, and those kept beside. Others let it in by what stands in their `known`, as "name fingerprint". */
  shows: ShownCertificate;
  prepared: ShownCertificate | null;
  kept: ShownCertificate[];
  readonly known: Set<string>;
  olderUsed: boolean;
  running: string[];
  away: boolean;
  /** What a writer meets here while another host holds the trial disk. */
  meeting: TrialMeeting;
  holdsTrial: boolean;
  /** What becomes of a set-up of locks here. */
  settingUp: LocksSetUp;
  fault: { readonly method: string; readonly nth: number; readonly code: OperationalCode } | null;
  /** reach() answers this instead of looking at `trusted`. */
  unreachableFrom: string | null;
}

type Call = <T>(method: string, act: () => T) => Promise<T>;

function trialOf(host: FakeHost, call: Call): Pick<HostSurveyor, 'setUpLocks' | 'holdTrialLock' | 'meetTrialLock' | 'dropTrialLock'> {
  return {
    setUpLocks: (lockspaceDir) => call('setUpLocks', () => {
      if (host.settingUp.kind === 'done') host.survey = { ...host.survey, locks: { manager: 'lockd', isInstalled: true, answers: true, lockspaceDir } };
      return host.settingUp;
    }),
    holdTrialLock: () => call('holdTrialLock', () => {
      host.holdsTrial = true;
      return { kind: 'held' } as const;
    }),
    meetTrialLock: () => call('meetTrialLock', () => host.meeting),
    dropTrialLock: () => call('dropTrialLock', () => void (host.holdsTrial = false)),
  };
}

const trustOf = (name: string, host: FakeHost, network: Map<string, FakeHost>, call: Call): MigrationTrust => ({
  publicKey: () => call('publicKey', () => {
    host.hasKey = true;
    return `ssh-ed25519 key-of-${name}`;
  }),
  admitPeers: (peers) => call('admitPeers', () => peers.forEach((peer) => host.trusted.add(peer.hostId))),
  dropPeers: (ids) => call('dropPeers', () => ids.forEach((id) => host.trusted.delete(id))),
  revoke: () => call('revoke', () => {
    host.hasKey = false;
    host.trusted.clear();
  }),
  reach: (peer) => call('reach', () => {
    const other = network.get(peer.name);
    if (!other || other.unreachableFrom === name) return 'Permission denied (publickey)';
    return other.trusted.has(`id-${name}`) && host.trusted.has(peer.hostId) && host.hasKey ? null : 'Host key verification failed';
  }),
});

const containersOf = (name: string, host: FakeHost, network: Map<string, FakeHost>, call: Call): ContainerTrust => ({
  doors: () => call('doors', () => host.survey.daemons.map(({ driver, error, httpsAddress, isClustered }) => ({ driver, error, httpsAddress, isClustered, fingerprint: host.fingerprint }))),
  whyNotIn: (peer) => call('whyNotIn', () => {
    if (host.remotes.get(peer.hostName) !== `${peer.address} ${peer.fingerprint}`) return 'there is no such remote';
    const other = network.get(peer.hostName);
    return other?.guests.has(name) && other.known.has(`${name} ${host.shows.fingerprint}`) ? null : 'it is not let in';
  }),
  invite: (driver, hostName) => call('invite', () => {
    host.guests.delete(hostName);
    for (const one of host.known) if (one.startsWith(`${hostName} `)) host.known.delete(one);
    return `token of ${name} for ${hostName} (${driver})`;
  }),
  join: (peer, token) => call('join', () => {
    if (token !== `token of ${peer.hostName} for ${name} (${peer.driver})`) throw new OperationalError('failed', 'not authorized');
    host.remotes.set(peer.hostName, `${peer.address} ${peer.fingerprint}`);
    network.get(peer.hostName)?.guests.add(name);
    network.get(peer.hostName)?.known.add(`${name} ${host.shows.fingerprint}`);
  }),
  drop: (names) => call('drop', () => names.forEach((one) => {
    host.remotes.delete(one);
    host.guests.delete(one);
  })),
  revoke: () => call('revokeRemotes', () => {
    host.remotes.clear();
    host.guests.clear();
  }),
  certificates: certificatesOf(name, host, network, call),
});

const YEAR_MS = 365 * 24 * 3_600_000;
export const aCertificate = (fingerprint: string, expiresAtMs = 10 * YEAR_MS): ShownCertificate => ({ fingerprint, expiresAtMs, pem: `pem of ${fingerprint}` });

const certificatesOf = (name: string, host: FakeHost, network: Map<string, FakeHost>, call: Call): ClientCertificates => ({
  own: () => call('own', () => host.shows),
  prepare: () => call('prepare', () => (host.prepared ??= aCertificate(`${host.shows.fingerprint}+`))),
  whyPreparedNotIn: (peer) => call('whyPreparedNotIn', () => {
    const { fingerprint } = host.prepared ?? { fingerprint: 'none' };
    return network.get(peer.hostName)?.known.has(`${name} ${fingerprint}`) ? null : 'it is not let in';
  }),
  use: (_driver, fingerprint) => call('use', () => {
    if (host.shows.fingerprint === fingerprint) return;
    const wanted = [host.prepared, ...host.kept].find((one) => one?.fingerprint === fingerprint);
    if (!wanted) throw new OperationalError('not-found', `there is no certificate ${fingerprint} any more`);
    host.kept.push(host.shows);
    if (wanted === host.prepared) host.prepared = null;
    host.shows = wanted;
  }),
  isOlderUsed: () => call('isOlderUsed', () => host.olderUsed),
  clear: () => call('clear', () => {
    host.prepared = null;
    host.kept = [];
  }),
  letIn: (_driver, hostName, { fingerprint }) => call('letIn', () => void host.known.add(`${hostName} ${fingerprint}`)),
  forget: (_driver, hostName, { fingerprint, others }) => call('forget', () => {
    for (const one of host.known) if (one.startsWith(`${hostName} `) && (one === `${hostName} ${fingerprint}`) !== others) host.known.delete(one);
  }),
});

export function fakeSide(name: string, network: Map<string, FakeHost>): { side: EnrolmentSide; host: FakeHost } {
  const number = Number(name.split('-')[1]);
  const host: FakeHost = {
    calls: [], survey: { ...SURVEY, hostname: name, libvirtUuid: `u-${number}`, machineId: `id-${number}`, bootId: `boot-${number}`, daemons: SURVEY.daemons.map((one) => ({ ...one, httpsAddress: `10.0.0.${number}:8443` })) },
    config: null, admitted: null, hasKey: false, trusted: new Set(), remotes: new Map(), guests: new Set(), fingerprint: `f-${number}`, shows: aCertificate(`c-${number}`), prepared: null, kept: [], known: new Set(), olderUsed: false, running: [], away: false, meeting: { kind: 'refused' }, holdsTrial: false, settingUp: { kind: 'done' }, fault: null, unreachableFrom: null,
  };
  network.set(name, host);
  const counts = new Map<string, number>();
  const call = async <T>(method: string, act: () => T): Promise<T> => {
    host.calls.push(method);
    const nth = (counts.get(method) ?? 0) + 1;
    counts.set(method, nth);
    if (host.away) throw new OperationalError('unreachable', `${name} does not answer`);
    if (host.fault?.method === method && host.fault.nth === nth) throw new OperationalError(host.fault.code, `injected at ${method} #${nth}`);
    return act();
  };
  const setMarker = (pool: string, markerId: string | null): void => {
    host.survey = { ...host.survey, pools: host.survey.pools.map((one) => (one.name === pool ? { ...one, markerId } : one)) };
  };
  const surveyor: HostSurveyor = {
    survey: () => call('survey', () => host.survey),
    markPools: (newId) => call('markPools', () =>
      host.survey.pools.filter((pool) => pool.markerId === null).map((pool): PoolMark => {
        const markerId = newId();
        setMarker(pool.name, markerId);
        return { pool: pool.name, path: pool.path, markerId };
      })),
    ...trialOf(host, call),
    unmarkPools: (marks) => call('unmarkPools', () => {
      for (const mark of marks) if (host.survey.pools.some((pool) => pool.markerId === mark.markerId)) setMarker(mark.pool, null);
    }),
  };
  const trust = trustOf(name, host, network, call);
  const agent: HostAgent = {
    probe: () => call('probe', () => ({ bootId: host.survey.bootId, runningUuids: host.running, agentAlive: host.config !== null })),
    health: () => call('health', () => ({ deadBridges: [], failing: [] })),
    guardState: () => call('guardState', () => ({ admittedBootId: host.admitted?.bootId ?? null, hostEpoch: host.admitted?.epoch ?? 0, leaderEpoch: 0 })),
    admit: (token, bootId) => call('admit', () => {
      if (bootId !== host.survey.bootId) throw new OperationalError('guard-refused', `asked to admit boot ${bootId}`);
      host.admitted = { epoch: token.hostEpoch, bootId };
    }),
    installedFor: () => call('installedFor', () => host.config?.clusterId ?? null),
    install: (config) => call('install', () => void (host.config = config)),
    configure: (config) => call('configure', () => void (host.config = config)),
    uninstall: () => call('uninstall', () => {
      host.config = null;
      host.admitted = null;
    }),
  };
  const config: AgentConfig = {
    clusterId: 'c', hostId: `id-${name}`, name, keyHex: '00', heartbeatMs: 250, watchdogMs: 3_000, enforcesLease: false, leaveWithinMs: 0, voters: null, silentMs: 1_500, listen: [{ address: `10.0.0.${number}`, port: 7946 }],
    members: [1, 2, 3].map((n) => ({ id: `id-host-${n}`, name: `host-${n}`, role: 'host' as const, keyHex: '00', links: [] })),
  };
  return { side: { host: { hostId: `id-${name}`, name, address: `10.0.0.${number}`, user: 'root', port: 22, hostKey: 'ssh-ed25519 AAAA' }, surveyor, trust, containers: containersOf(name, host, network, call), agent, config }, host };
}
