// Certificates that end, and daemons that no longer know each other: shown with the command, told once, and renewed before anybody has to be told.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aFacts, aHost, anOperation, aVerdict, aView, NOW_MS, silentVerdict } from '../../test/fixtures/cluster.js';
import { RENEWED_BEFORE_MS, TOLD_BEFORE_MS } from '../hosts/daemon-trust.js';
import type { Certificate, ContainerDaemon, DaemonTrust } from '../hosts/host-facts.js';
import type { Host } from '../hosts/host.js';
import type { ClusterView } from './cluster-view.js';
import { renewTrustOf } from './commands/trust-commands.js';
import { decision } from './decide.fixture.js';
import { diagnose } from './diagnose.js';
import { certificateNews } from './trust.js';

const LONG_MS = NOW_MS + 10 * RENEWED_BEFORE_MS;
const certificate = (of: string, expiresAtMs = LONG_MS): Certificate => ({ fingerprint: `${of}-certificate`, expiresAtMs });

/** Of two hosts that know each other. */
function trustOf(name: string, set: Partial<DaemonTrust> = {}): DaemonTrust {
  const other = name === 'host-1' ? 'host-2' : 'host-1';
  return { client: certificate(`client-${name}`), server: certificate(`server-${name}`), remotes: [{ host: other, fingerprint: `server-${other}-certificate` }], letsIn: [`client-${other}-certificate`], ...set };
}

const daemon = (trust?: DaemonTrust): ContainerDaemon => ({ driver: 'lxd', version: '5', address: 'x:8443', isClustered: false, criu: false, pools: [], filesystems: [], networks: [], profiles: [], ...(trust ? { trust } : {}) });
const factsWith = (trust?: DaemonTrust) => aFacts({ containerDaemons: [daemon(trust)], refreshedAtMs: NOW_MS });
const host = (name: string, set: Partial<DaemonTrust> = {}): Host => aHost(name, { facts: factsWith(trustOf(name, set)) });

function problemsOf(hosts: readonly Host[], more: Partial<ClusterView> = {}) {
  const found = diagnose(aView({ hosts, ...more }), aClusterVerdict(hosts.map((one) => aVerdict(one))));
  return found.filter(({ code }) => code.startsWith('certificate-') || code === 'trust-broken');
}

describe('what is wrong with the trust between daemons', () => {
  it('is nothing while certificates are good and fit together, or were not looked at', () => {
    expect(problemsOf([host('host-1'), host('host-2')])).toEqual([]);
    expect(problemsOf([aHost('host-1', { facts: factsWith() }), host('host-2')])).toEqual([]);
  });

  it('is a certificate that ends within 30 days, and more so one that is over, each with what renews it', () => {
    const [soon, over] = [NOW_MS + TOLD_BEFORE_MS, NOW_MS];
    const found = problemsOf([host('host-1', { client: certificate('client-host-1', soon) }), host('host-2', { server: certificate('server-host-2', over) })]);
    expect(found.map(({ code, severity, about, remedy }) => [code, severity, about, remedy])).toEqual([
      ['certificate-expires', 'warning', 'host-1', 'reeve host renew-trust host-1'],
      ['certificate-expired', 'alert', 'host-2', expect.stringMatching(/^on host-2: .*server\.crt.*; then reeve host renew-trust host-2$/)],
    ]);
    expect(found.map(({ evidence }) => evidence)).toEqual([expect.stringMatching(/ends on \d{4}-\d\d-\d\d; after that containers are neither copied nor moved from here$/), expect.stringMatching(/ended on .*: containers are neither copied nor moved to here$/)]);
    expect(problemsOf([host('host-1', { client: certificate('client-host-1', soon + 1) }), host('host-2')])).toEqual([]);
  });

  it('is told apart: a daemon with another certificate than is expected of it, and one that does not let in', () => {
    const anew = problemsOf([host('host-1'), host('host-2', { server: certificate('anew') })]);
    expect(anew).toMatchObject([{ code: 'trust-broken', about: 'host-1', evidence: 'host-1 expects the certificate server-host- of LXD on host-2, which has anew-certifi now, as after it was set up anew: nothing is copied from host-1 to host-2', remedy: 'reeve host renew-trust host-1' }]);
    expect(problemsOf([host('host-1'), host('host-2', { letsIn: [] })])).toMatchObject([{ code: 'trust-broken', about: 'host-1', evidence: expect.stringContaining('LXD on host-2 does not let in host-1') as string }]);
    // A host that is no member any more, or has no remote: nothing to compare with.
    expect(problemsOf([host('host-1'), aHost('host-2')])).toEqual([]);
  });

  it('is not judged by what was read before it was changed last, as when a host has just been enrolled', () => {
    const hosts = [host('host-1'), host('host-2', { letsIn: [] })];
    const enrolled = (endedAtMs: number) => ({ recentOperations: [anOperation('enrol', { hostId: hosts[1]!.id, state: 'succeeded', endedAtMs })] });
    expect(problemsOf(hosts, enrolled(NOW_MS))).toEqual([]);
    expect(problemsOf(hosts, enrolled(NOW_MS - 1))).toHaveLength(1);
  });

  it('is not judged while it is being changed', () => {
    const hosts = [host('host-1'), host('host-2', { letsIn: [] })];
    expect(problemsOf(hosts, { operations: [anOperation('renew-trust', { hostId: hosts[0]!.id })] })).toEqual([]);
  });
});

describe('news of certificates', () => {
  const told = (before: number | null, now: number): readonly string[] => {
    const facts = (at: number) => factsWith(trustOf('host-1', { client: certificate('client-host-1', at) }));
    return certificateNews({ name: 'host-1', facts: before === null ? null : facts(before) }, facts(now)).flatMap((one) => (one.change === 'event' ? [`${one.event.severity} ${one.event.type}`] : []));
  };

  it('come once when the end is near, once when it is there, and when it is put off', () => {
    const [near, over] = [NOW_MS + TOLD_BEFORE_MS, NOW_MS - 1];
    expect([told(LONG_MS, near), told(null, near), told(near, near), told(near, over), told(over, over), told(over, LONG_MS), told(LONG_MS, LONG_MS)]).toEqual([
      ['warning host.certificate-expires'], ['warning host.certificate-expires'], [], ['alert host.certificate-expired'], [], ['notice host.certificate-renewed'], [],
    ]);
  });

  it('are none of a daemon that does not answer', () => {
    const facts = factsWith(trustOf('host-1', { client: certificate('client-host-1', NOW_MS) }));
    expect(certificateNews({ name: 'host-1', facts }, aFacts())).toEqual([]);
  });
});

describe('renewTrust', () => {
  const due = { client: certificate('client-host-1', NOW_MS + RENEWED_BEFORE_MS) };
  const decided = (view: Partial<ClusterView>, verdict?: Parameters<typeof decision>[1]) => {
    const { actions, holds } = decision({ workloads: [], ...view }, verdict);
    return { begun: actions.filter(({ rule }) => rule === 'renewTrust').map(({ about }) => about), holds: holds.filter(({ about }) => about.startsWith('host-')).map(({ code, why }) => `${code}: ${why}`) };
  };
  const hosts = [host('host-1', due), host('host-2')];

  it('begins when 45 days are left, for one host at a time, and never for the certificate of a daemon', () => {
    expect(decided({ hosts })).toEqual({ begun: ['host-1'], holds: [] });
    expect(decided({ hosts: [host('host-1', due), host('host-2', due)] }).begun).toEqual(['host-1']);
    expect(decided({ hosts: [host('host-1', { server: due.client }), host('host-2')] }).begun).toEqual([]);
    expect(decided({ hosts, operations: [anOperation('renew-trust', { hostId: hosts[0]!.id })] })).toEqual({ begun: [], holds: [] });
  });

  it('waits for copies and changes of members to end', () => {
    const waits = (operation: Parameters<typeof anOperation>[0]) => decided({ hosts, operations: [anOperation(operation, { hostId: hosts[1]!.id, targetHostId: hosts[0]!.id })] });
    for (const kind of ['relocate', 'replicate', 'enrol'] as const) expect(waits(kind)).toEqual({ begun: [], holds: [expect.stringMatching(/^operation-active: .*reeve operation show/)] });
    expect(waits('stop').begun).toEqual(['host-1']);
  });

  it('waits for a host that can not be told, unless it is too late for that', () => {
    const away = { ...hosts[1]!, condition: 'fenced' as const, proof: null };
    const view = { hosts: [hosts[0]!, away] };
    const verdict = { verdict: aClusterVerdict([aVerdict(hosts[0]!), silentVerdict(away)]) };
    expect(decided(view, verdict).holds).toContainEqual(expect.stringMatching(/^cooldown: .* once host-2 can be told too, which is fenced; `reeve host show host-2`/));
    expect(decided({ hosts: [host('host-1', { client: certificate('client-host-1', NOW_MS) }), away] }, verdict).begun).toEqual(['host-1']);
  });

  it('does not try again at once what failed, and says why it failed', () => {
    const failed = (endedAtMs: number) => decided({ hosts, recentOperations: [anOperation('renew-trust', { hostId: hosts[0]!.id, state: 'failed', endedAtMs, why: 'host-2 did not answer' })] });
    expect(failed(NOW_MS - 1)).toEqual({ begun: [], holds: [expect.stringMatching(/^cooldown: .*could not be renewed: host-2 did not answer.*reeve host renew-trust host-1/)] });
    expect(failed(NOW_MS - 31 * 60_000).begun).toEqual(['host-1']);
  });

  it('does nothing while the cluster is disarmed', () => {
    expect(decided({ hosts, disarm: { mode: 'freeze', by: 'anna', reason: 'x', sinceMs: 0, untilMs: null } }).begun).toEqual([]);
  });
});

describe('reeve host renew-trust', () => {
  const view = aView({ hosts: [host('host-1'), aHost('host-2'), { ...host('host-3'), condition: 'fenced' }], operations: [] });
  const asked = { by: 'anna', nowMs: NOW_MS, force: true };

  it('begins an operation', () => {
    expect(renewTrustOf(view, 'host-1', asked)).toMatchObject([{ change: 'operation', operation: { kind: 'renew-trust', requestedBy: 'anna', params: { force: true } } }]);
  });

  it('is refused where there is nothing to renew, on a host that is away, and twice at a time', () => {
    expect(() => renewTrustOf(view, 'host-2', asked)).toThrow('host-2 has neither LXD nor Incus');
    expect(() => renewTrustOf(view, 'host-3', asked)).toThrow('host-3 is fenced');
    expect(() => renewTrustOf({ ...view, operations: [anOperation('renew-trust', { hostId: view.hosts[0]!.id })] }, 'host-1', asked)).toThrow('under way already');
  });
});
