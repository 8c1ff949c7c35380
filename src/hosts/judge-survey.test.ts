// What is made of a survey: one table row per thing that can be wrong, each with a remedy.
import { describe, expect, it } from 'vitest';
import { CHECK_CODES, describeFailures, failedPoints, type CheckCode, type CheckState } from './enrolment-check.js';
import { SURVEY } from './enrolment.fixture.js';
import type { HostSurvey } from './host-survey.js';
import { DEFAULT_EXPECTATIONS, judgeLogins, judgeSurvey, type FenceLook, type OtherHost } from './judge-survey.js';

const ON: FenceLook = { kind: 'answered', device: 'ipmi 10.0.2.1', power: 'on' };
const other = (name: string, change: Partial<HostSurvey> = {}): OtherHost => ({ name, survey: { ...SURVEY, libvirtUuid: `u-${name}`, machineId: `id-${name}`, ...change } });
const judge = (change: Partial<HostSurvey>, others: readonly OtherHost[] = [other('host-2')], fence: FenceLook = ON) =>
  judgeSurvey({ host: 'host-1', address: '10.0.0.1', clusterId: 'c', survey: { ...SURVEY, ...change }, others, fence, sshTrials: null, expectations: DEFAULT_EXPECTATIONS });

const daemon = (change: object) => [{ ...SURVEY.daemons[0]!, ...change }];
const pool = (change: object) => [{ ...SURVEY.pools[0]!, ...change }];

describe('a host as it should be', () => {
  it('has nothing but ok, in the order of the list', () => {
    const points = judge({});
    expect(points.filter((one) => one.state !== 'ok')).toEqual([]);
    expect(points.map((one) => CHECK_CODES.indexOf(one.code))).toEqual([...points.map((one) => CHECK_CODES.indexOf(one.code))].sort((a, b) => a - b));
  });
  it('has every point of the list, the logins once they were tried', () => {
    const codes = new Set([...judge({}), ...judgeLogins(['host-2'], [])].map((one) => one.code));
    expect([...codes].sort()).toEqual([...CHECK_CODES].sort());
  });
});

const rows: readonly [string, Partial<HostSurvey>, readonly OtherHost[], FenceLook, CheckCode, CheckState, RegExp][] = [
  ['an agent of another cluster', { agentClusterId: 'd' }, [], ON, 'cluster', 'fail', /another cluster \(d\)/],
  ['an agent of ours', { agentClusterId: 'c' }, [], ON, 'cluster', 'ok', /this one already/],
  ['no vmx', { virtualization: null }, [], ON, 'cpu-virtualization', 'warn', /firmware/],
  ['no kvm', { kvm: 'absent' }, [], ON, 'kvm', 'warn', /emulated/],
  ['no kvm beside hosts that have it', { kvm: 'absent' }, [other('host-2')], ON, 'kvm', 'warn', /VMs of host-2 use KVM/],
  ['kvm refused', { kvm: 'refused' }, [], ON, 'kvm', 'warn', /cannot be opened/],
  ['no libvirt', { libvirtVersion: null, libvirtError: 'virsh: not found' }, [], ON, 'libvirt', 'fail', /not found/],
  ['an older libvirt', { libvirtVersion: '9.0.0' }, [other('host-2')], ON, 'libvirt', 'warn', /older than on host-2/],
  ['no QEMU', { qemuVersion: null }, [], ON, 'qemu', 'fail', /no QEMU/],
  ['QEMU 7 emulated', { qemuVersion: '7.2.22', kvm: 'absent' }, [], ON, 'qemu', 'warn', /corrupts/],
  ['an older QEMU', { qemuVersion: '7.2.22' }, [other('host-2')], ON, 'qemu', 'warn', /machine types/],
  ['an LXD that hangs', { daemons: daemon({ error: 'no answer within 10 s' }) }, [], ON, 'containers', 'warn', /no answer within 10 s/],
  ['an LXD that does not listen', { daemons: daemon({ httpsAddress: null }) }, [], ON, 'containers', 'warn', /does not listen/],
  ['an LXD that listens to itself', { daemons: daemon({ httpsAddress: '127.0.0.1:8443' }) }, [], ON, 'containers', 'warn', /does not listen/],
  ['an LXD without a pool', { daemons: daemon({ pools: [] }) }, [], ON, 'containers', 'warn', /no storage pool/],
  ['an LXD whose cluster heals itself', { daemons: daemon({ isClustered: true, healingThresholdS: 30 }) }, [], ON, 'containers', 'fail', /silent for 30 s/],
  ['an LXD in a cluster that does not', { daemons: daemon({ isClustered: true }) }, [], ON, 'containers', 'ok', /LXD 5\.21\.1, in a cluster of its own kind, at 10\.0\.0\.1:8443; pools: default \(zfs\); CRIU: none/],
  ['127.0.1.1', { hostnameAddresses: ['127.0.1.1'] }, [], ON, 'hostname', 'warn', /127\.0\.1\.1/],
  ['little memory', { freeMemoryMiB: 100 }, [], ON, 'memory', 'warn', /100 MiB free of 64,000/],
  ['no pool', { pools: [] }, [], ON, 'pool', 'warn', /none/],
  ['a stopped pool', { pools: pool({ active: false }) }, [], ON, 'pool', 'warn', /not started/],
  ['a read-only pool', { pools: pool({ writable: false }) }, [], ON, 'pool', 'warn', /cannot be written/],
  ['a pool without a marker', { pools: pool({ markerId: null }) }, [], ON, 'pool', 'warn', /no marker/],
  ['a pool of the same name that is another', { pools: pool({ markerId: 'm-other' }) }, [other('host-2'), other('host-3')], ON, 'pool', 'warn', /not the same storage as on host-2, host-3/],
  ['shared storage under another path', { pools: pool({ path: '/mnt/x', name: 'x' }) }, [other('host-2')], ON, 'pool', 'warn', /same storage as shared \(\/srv\/shared\) on host-2/],
  ['a missing bridge', { bridges: ['br0'] }, [other('host-2', { bridges: ['br0', 'br1'] })], ON, 'bridges', 'warn', /br1/],
  ['no bridge', { bridges: [] }, [], ON, 'bridges', 'warn', /no network/],
  ['a clock that is off', { clockOffsetMs: -700 }, [], ON, 'clock', 'warn', /700 ms behind/],
  ['a clock that is far off', { clockOffsetMs: 6_000 }, [], ON, 'clock', 'fail', /ahead/],
  ['no watchdog', { watchdogDevice: false }, [], ON, 'watchdog', 'warn', /cannot reset itself/],
  ['no fence device', {}, [], { kind: 'none' }, 'fence-device', 'warn', /waits for a person/],
  ['confirmation by hand', {}, [], { kind: 'manual' }, 'fence-device', 'warn', /by hand/],
  ['a dead fence device', {}, [], { kind: 'failed', device: 'ipmi 10.0.2.1', why: 'no answer', remedy: 'ping 10.0.2.1' }, 'fence-device', 'fail', /no answer/],
  ['the fence device of another machine', {}, [], { kind: 'answered', device: 'ipmi 10.0.2.1', power: 'off' }, 'fence-device', 'fail', /another machine/],
  ['a cloned machine id', {}, [other('host-2', { machineId: 'id-1' })], ON, 'machine-id', 'warn', /host-2/],
  ['a cloned libvirt uuid', {}, [other('host-2', { libvirtUuid: 'u-1' })], ON, 'libvirt-uuid', 'fail', /refuses every migration/],
];

describe('a host with', () => {
  for (const [name, change, others, fence, code, state, words] of rows) {
    it(name, () => {
      const wrong = judge(change, others, fence).filter((one) => one.code === code && one.state === state);
      expect(wrong).toHaveLength(1);
      expect(wrong[0]?.detail).toMatch(words);
    });
  }
  it('anything that refuses it has a remedy', () => {
    for (const [, change, others, fence] of rows) for (const failed of failedPoints(judge(change, others, fence))) expect(failed.remedy).not.toBeNull();
  });
});

describe('the finer points', () => {
  it('a host without a daemon for containers is as it was', () => {
    expect(judge({ daemons: [] }).filter((one) => one.code === 'containers')).toEqual([]);
  });
  it('Incus is judged beside LXD, each with its own commands', () => {
    const points = judge({ daemons: [...daemon({}), ...daemon({ driver: 'incus', httpsAddress: null })] }).filter((one) => one.code === 'containers');
    expect(points.map(({ state, remedy }) => [state, remedy])).toEqual([['ok', null], ['warn', 'incus config set core.https_address 10.0.0.1:8444']]);
  });
  it('a host for containers alone needs no libvirt: nothing is said about what only VMs need', () => {
    const alone: Partial<HostSurvey> = { hasLibvirt: false, libvirtVersion: null, qemuVersion: null, kvm: 'absent', virtualization: null, libvirtUuid: null, pools: [], hostnameAddresses: ['127.0.1.1'], locks: { manager: 'lockd', isInstalled: false, answers: false, lockspaceDir: null } };
    const points = judge(alone);
    expect(points.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(points.map(({ code }) => code)).toEqual(['ssh', 'rights', 'cluster', 'libvirt', 'containers', 'memory', 'bridges', 'clock', 'watchdog', 'fence-device', 'machine-id']);
    expect(points.find(({ code }) => code === 'libvirt')?.detail).toBe('none: instances of LXD run here, and no VM of libvirt comes here');
    // Beside it, a host with libvirt is not told that VMs of that one can't come to it.
    expect(judge({ kvm: 'absent' }, [other('host-2', { hasLibvirt: false })]).find(({ code }) => code === 'kvm')?.detail).toMatch(/emulated/);
  });
  it('a host on which nothing could run is refused', () => {
    const nothing = { hasLibvirt: false, libvirtVersion: null, qemuVersion: null };
    expect(failedPoints(judge({ ...nothing, daemons: [] }))).toMatchObject([{ code: 'libvirt', detail: 'none, and neither LXD nor Incus: nothing could run here', remedy: expect.stringContaining('apt-get install') as string }]);
    expect(failedPoints(judge({ ...nothing, daemons: daemon({ error: 'no answer within 10 s' }) }))).toMatchObject([{ code: 'libvirt', detail: 'none, and LXD does not answer: nothing could run here' }]);
  });
  it('a slow round trip is no clock offset', () => {
    const state = (clockOffsetMs: number, clockRoundTripMs: number) => judge({ clockOffsetMs, clockRoundTripMs }).find((one) => one.code === 'clock')?.state;
    expect([state(900, 1_000), state(1_100, 1_000), state(500, 0), state(501, 0), state(5_000, 0), state(-5_001, 0)]).toEqual(['ok', 'warn', 'ok', 'warn', 'warn', 'fail']);
  });
  it('emulation everywhere with a good QEMU is only a warning', () => {
    expect(failedPoints(judge({ kvm: 'absent', virtualization: null, qemuVersion: '10.0.2' }, []))).toEqual([]);
  });
  it('a host that could not be looked at is not compared with', () => {
    expect(judge({}, [{ name: 'host-2', survey: null }]).every((one) => one.state === 'ok')).toBe(true);
  });
  it('a pool of its own is fine, and says what it cannot do', () => {
    const own = judge({ pools: [...SURVEY.pools, { name: 'local', path: '/srv/local', active: true, writable: true, markerId: 'm-1' }] }).filter((one) => one.code === 'pool');
    expect(own.map((one) => one.detail)).toEqual(['shared (/srv/shared) is shared with host-2', 'local (/srv/local) is on this host only: VMs with disks in it cannot be recovered elsewhere']);
  });
  it('a login that fails refuses; one that could not be tried warns', () => {
    const trials = [
      { from: 'host-1', to: 'host-2', toAddress: '10.0.0.2', why: null },
      { from: 'host-2', to: 'host-1', toAddress: '10.0.0.1', why: 'Permission denied (publickey)' },
    ];
    expect(judgeLogins(['host-2', 'host-3'], trials).map((one) => [one.state, one.remedy])).toEqual([['fail', 'ssh -v 10.0.0.1 true (as root on host-2)'], ['warn', null]]);
    expect(describeFailures(judgeLogins(['host-2'], trials))).toBe('SSH between hosts: host-2 cannot log in to host-1: Permission denied (publickey) (ssh -v 10.0.0.1 true (as root on host-2))');
  });
});
