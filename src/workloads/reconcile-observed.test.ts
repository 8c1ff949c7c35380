// Every way in which hosts can show a workload, and what is made of it.
import { describe, expect, it } from 'vitest';
import type { HostCondition, HostProof } from '../hosts/host.js';
import type { ObservedWorkload, RunState } from '../hosts/hypervisor.js';
import { hostId, workloadId } from '../shared/ids.js';
import type { ObservedHost } from './believable.js';
import { reconcileObserved, type Finding, type ReconcileInput } from './reconcile-observed.js';
import { NO_FAILURES, WORKLOAD_DEFAULTS, type Workload } from './workload.js';
import { observed, UUID } from './hypervisor.fixture.js';

const workload: Workload = {
  id: workloadId('w1'), uuid: UUID, name: 'vm-1', kind: 'vm', desired: 'running', isProtected: true, priority: 0, hostId: hostId('a'), leasedOn: null, workloadEpoch: 1,
  state: 'running', why: null, definition: '<domain/>', failures: NO_FAILURES, ...WORKLOAD_DEFAULTS,
  needs: { vcpus: 1, memoryMiB: 64, disks: [], bridges: [], cpuModel: null, architecture: 'x86_64', accelerator: 'kvm', driver: 'libvirt', instance: null, pinnedBy: [] },
};
const NOW = 100_000;

type Shown = RunState | 'absent' | 'unseen';
interface HostCase {
  readonly shown: Shown;
  readonly reason?: string;
  readonly condition?: HostCondition;
  readonly conditionSinceMs?: number;
  readonly atMs?: number;
  readonly proof?: HostProof['kind'];
  /** Its proof is about the boot that was looked at. */
  readonly ofBoot?: boolean;
  /** Seen by its re-admission, when the proof of this time was the newest. */
  readonly unadmitted?: { readonly proofAtMs: number };
  readonly more?: Partial<ObservedWorkload>;
}

function host(name: string, { shown, reason, condition = 'online', conditionSinceMs = 0, atMs = NOW - 1_000, proof = condition === 'fenced' || condition === 'offline' ? 'power-off' : undefined, unadmitted, ofBoot = false, more = {} }: HostCase): ObservedHost {
  const workloads = shown === 'absent' || shown === 'unseen' ? [] : [observed(shown, { ...(reason === undefined ? {} : { reason }), ...more })];
  return { hostId: hostId(name), name, condition, conditionSinceMs, proof: proof === undefined ? null : { kind: proof, evidence: '', atMs: conditionSinceMs, bootId: ofBoot ? `boot-${name}` : null, hostEpoch: 1 }, inventory: shown === 'unseen' ? null : { atMs, bootId: `boot-${name}`, workloads, ...(unadmitted ? { unadmitted } : {}) } };
}

function findings(a: HostCase | Shown, b: HostCase | Shown = 'absent', more: Partial<Workload> = {}, input: Partial<ReconcileInput> = {}): readonly Finding[] {
  const asCase = (one: HostCase | Shown): HostCase => (typeof one === 'string' ? { shown: one } : one);
  return reconcileObserved({
    workload: { ...workload, ...more }, hosts: [host('a', asCase(a)), host('b', asCase(b))],
    operationActive: false, changedAtMs: NOW - 5_000, nowMs: NOW, inventoryMaxAgeMs: 15_000, ...input,
  });
}
const kind = (...args: Parameters<typeof findings>): string => findings(...args)[0]?.kind ?? 'none';

describe('one that is copied is where its data are', () => {
  const contained = { needs: { ...workload.needs, driver: 'lxd' as const, instance: { pool: 'default', profiles: [], networks: [] } } };
  it('moved by hand: at home there when it is kept stopped, for a person to say when it is wanted running', () => {
    expect(findings('absent', 'stopped', contained)[0]).toMatchObject({ kind: 'missing', why: expect.stringContaining('reeve workload manage vm-1 --host b') as string });
    expect(findings('absent', 'stopped', { ...contained, desired: 'stopped' })[0]).toMatchObject({ kind: 'moved-by-hand', toHostId: 'b', isStopped: true });
  });
  it('and not while its home has it, or where disks can be reached from everywhere', () => {
    expect(kind('stopped', 'stopped', contained)).not.toBe('moved-by-hand');
    expect(kind('absent', 'stopped')).toBe('missing');
    expect(kind('absent', 'absent', contained)).toBe('missing');
  });
});

it('names what a person would type, of the tool that runs it', () => {
  const contained = { needs: { ...workload.needs, driver: 'lxd' as const, instance: { pool: 'default', profiles: [], networks: [] } } };
  const said = [
    findings('running', 'running', contained)[0],
    findings({ shown: 'paused', reason: 'frozen' }, 'absent', contained)[0],
    findings({ shown: 'running', more: { persistent: false } }, 'absent', contained)[1],
    findings({ shown: 'running', more: { autostart: true } }, 'absent', contained)[1],
  ].map((one) => (one && 'why' in one ? one.why : ''));
  expect(said.join('\n')).not.toContain('virsh');
  for (const [index, command] of ['lxc stop --force vm-1', 'lxc start vm-1', 'lxc query -X PATCH /1.0/instances/vm-1', 'lxc config set vm-1 boot.autostart=false'].entries()) expect(said[index]).toContain(command);
  expect(findings({ shown: 'paused', reason: 'frozen' }, 'absent', contained)[0]).toMatchObject({ cause: 'person' });
});

describe('nothing is interpreted', () => {
  it('while an operation is active', () => expect(kind('stopped', 'absent', {}, { operationActive: true })).toBe('not-interpreted'));
  it('while its host is not proven off', () => expect(kind('absent', 'running', { state: 'awaiting-fence' })).toBe('not-interpreted'));
  it('from inventories older than the last change', () => expect(kind({ shown: 'stopped', reason: 'crashed', atMs: NOW - 5_000 })).toBe('not-interpreted'));
  it('from inventories that are too old', () => expect(kind({ shown: 'stopped', reason: 'crashed', atMs: NOW - 15_001 }, 'absent', {}, { changedAtMs: 0 })).toBe('not-interpreted'));
  it('while the hypervisor that runs it is mute, whatever others on its host say', () => {
    const deaf = (driver: 'libvirt' | 'lxd'): Partial<ReconcileInput> => ({ hosts: [host('a', { shown: 'absent' }), host('b', { shown: 'absent' })].map((one) => ({ ...one, inventory: one.inventory && { ...one.inventory, mute: [{ driver }] } })) });
    expect(kind('absent', 'absent', {}, deaf('libvirt'))).toBe('not-interpreted');
    expect(kind('absent', 'absent', {}, deaf('lxd'))).toBe('missing');
  });
  it('while its own host shows nothing', () => expect(kind('unseen')).toBe('not-interpreted'));
  it('while its host is fenced or offline', () => {
    expect(kind({ shown: 'running', condition: 'fenced', conditionSinceMs: NOW })).toBe('not-interpreted');
    expect(kind({ shown: 'absent', condition: 'offline', conditionSinceMs: NOW - 9_000 })).toBe('not-interpreted');
  });
  it('while a person migrates it', () => {
    expect(kind('running', 'migrating-in')).toBe('not-interpreted');
    expect(kind('migrating-out', 'running')).toBe('not-interpreted');
    expect(kind('migrating-out')).toBe('not-interpreted');
  });
  it('while it is shutting down', () => expect(kind('stopping')).toBe('not-interpreted'));
  it('when it is seen elsewhere and its own host is not seen', () => expect(kind('unseen', 'running')).toBe('not-interpreted'));
  it('when it is gone and another host was not looked at since', () => {
    expect(kind('absent', 'unseen')).toBe('not-interpreted');
    expect(kind('absent', { shown: 'absent', atMs: NOW - 6_000 })).toBe('not-interpreted');
    // It may have come there since: a person's migration takes less than the time between two looks.
    expect(kind('absent', { shown: 'absent', atMs: NOW - 2_500 })).toBe('not-interpreted');
    expect(kind('absent', { shown: 'absent', atMs: NOW - 2_500 }, { state: 'missing' })).toBe('missing');
    expect(kind({ shown: 'stopped', reason: 'migrated' }, 'unseen')).toBe('not-interpreted');
  });
  it('but said, when it is gone and may be on a host that can not be asked', () => {
    expect(kind('absent', { shown: 'absent', atMs: NOW - 60_000, condition: 'silent' })).toBe('gone-somewhere');
    expect(kind('absent', { shown: 'absent', atMs: NOW - 60_000, condition: 'fenced' })).toBe('missing');
    // The end of a lease says nothing of what was moved there by hand.
    expect(kind('absent', { shown: 'absent', atMs: NOW - 60_000, condition: 'fenced', conditionSinceMs: NOW - 30_000, proof: 'lease-expired' })).toBe('gone-somewhere');
  });
  it('but said, when it had left its home before that was lost, for a host that can not be asked', () => {
    // The home's last look is older than its proof, and of the boot that this is about.
    const home: HostCase = { shown: 'absent', condition: 'fenced', conditionSinceMs: NOW - 500, atMs: NOW - 4_000, ofBoot: true };
    const away: HostCase = { shown: 'absent', atMs: NOW - 60_000, condition: 'silent' };
    expect(findings(home, away)[0]).toMatchObject({ kind: 'gone-somewhere', why: expect.stringContaining('may run on b') as string });
    expect(kind({ ...home, shown: 'stopped', reason: 'migrated' }, away)).toBe('gone-somewhere');
    expect(findings(home, { ...away, condition: 'online' })[0]).toMatchObject({ kind: 'not-interpreted', sighted: true, why: expect.stringContaining('b has not been looked at since') as string });
    // It ended there, or ran there to the last; every other host was seen without it since, or is off; it was changed since; it never was defined there.
    for (const shown of ['stopped', 'running'] as const) expect(kind({ ...home, shown }, away)).toBe('not-interpreted');
    expect(kind(home, { shown: 'absent', atMs: NOW - 1_000 })).toBe('not-interpreted');
    expect(kind(home, { ...away, condition: 'fenced' })).toBe('not-interpreted');
    expect(kind(home, away, {}, { changedAtMs: NOW - 4_000 })).toBe('not-interpreted');
    expect(kind(home, away, { isDefinedAtHome: false })).toBe('not-interpreted');
    expect(kind({ ...home, ofBoot: false }, away)).toBe('not-interpreted');
  });
  it('when it is placed nowhere', () => expect(kind('absent', 'absent', { hostId: null })).toBe('not-interpreted'));
});

describe('at its own host', () => {
  const cases: readonly [string, HostCase | Shown, Partial<Workload>, Finding['kind']][] = [
    ['runs and should', 'running', {}, 'running-as-wanted'],
    ['runs and is left alone', 'running', { desired: 'disabled' }, 'running-as-wanted'],
    ['runs and should not', 'running', { desired: 'stopped', state: 'stopped' }, 'started-by-hand'],
    ['is stopped and should be', { shown: 'stopped', reason: 'shutdown' }, { desired: 'stopped' }, 'stopped-as-wanted'],
    ['crashed while it should be stopped', { shown: 'stopped', reason: 'crashed' }, { desired: 'stopped' }, 'stopped-as-wanted'],
    ['is stopped and left alone', 'stopped', { desired: 'disabled' }, 'stopped-as-wanted'],
    ['was shut down', { shown: 'stopped', reason: 'shutdown' }, {}, 'stopped-by-hand'],
    ['was destroyed', { shown: 'stopped', reason: 'destroyed' }, {}, 'stopped-by-hand'],
    ['was saved', { shown: 'stopped', reason: 'saved' }, {}, 'stopped-by-hand'],
    ['crashed', { shown: 'stopped', reason: 'crashed' }, {}, 'failed'],
    ['failed', { shown: 'stopped', reason: 'failed' }, {}, 'failed'],
    ['was lost by the daemon', { shown: 'stopped', reason: 'daemon' }, {}, 'failed'],
    ['is stopped after a reboot', { shown: 'stopped', reason: 'unknown' }, {}, 'failed'],
    ['was stopped by hand before libvirtd restarted', { shown: 'stopped', reason: 'unknown' }, { state: 'stopped' }, 'stopped-by-hand'],
    ['was stopped with LXD', { shown: 'stopped', reason: 'stopped' }, {}, 'stopped-by-hand'],
    ['ended, nobody knows how', { shown: 'stopped', reason: 'ended' }, {}, 'failed'],
    ['was stopped with LXD before its host booted', { shown: 'stopped', reason: 'ended' }, { state: 'stopped', why: 'it was stopped by hand on a; start it' }, 'stopped-by-hand'],
    ['had crashed before it was protected', { shown: 'stopped', reason: 'ended' }, { state: 'stopped', why: 'it ended on a: ended; it is not protected' }, 'failed'],
    ['was heard to end by itself', { shown: 'stopped', reason: 'ended by itself' }, { state: 'stopped', why: 'it was stopped by hand on a; start it' }, 'failed'],
    ['was undefined', 'absent', {}, 'missing'],
    ['was undefined while stopped', 'absent', { desired: 'stopped' }, 'missing'],
    ['left a definition behind and is nowhere', { shown: 'stopped', reason: 'migrated' }, {}, 'missing'],
    ['is paused', 'paused', {}, 'paused'],
  ];
  for (const [name, shown, more, expected] of cases) it(`${name}: ${expected}`, () => expect(kind(shown, 'absent', more)).toBe(expected));

  it('says who paused it', () => {
    const cause = (reason: string): unknown => findings({ shown: 'paused', reason })[0];
    expect(cause('user')).toMatchObject({ kind: 'paused', cause: 'person' });
    expect(cause('ioerror')).toMatchObject({ kind: 'paused', cause: 'io-error' });
    expect(cause('I/O error')).toMatchObject({ kind: 'paused', cause: 'io-error' });
    expect(cause('watchdog')).toMatchObject({ kind: 'paused', cause: 'other' });
  });
  it('is believed while the host is silent, if the look is fresh', () => expect(kind({ shown: 'running', condition: 'silent' })).toBe('running-as-wanted'));
});

describe('elsewhere', () => {
  it('moved by hand: the new place is adopted', () => {
    expect(findings('absent', { shown: 'running', reason: 'migrated' })[0]).toMatchObject({ kind: 'moved-by-hand', toHostId: 'b', why: 'it was moved to b by hand; Reeve had it on a' });
    expect(kind({ shown: 'stopped', reason: 'migrated' }, 'running')).toBe('moved-by-hand');
    expect(kind({ shown: 'stopped', reason: 'shutdown' }, 'running')).toBe('moved-by-hand');
  });
  it('started by hand after its host was proven off: adopted', () => expect(kind({ shown: 'unseen', condition: 'fenced' }, 'running')).toBe('moved-by-hand'));
  it('is not adopted while it may run on at home: it did not run under the lease that is over', () => {
    const home: HostCase = { shown: 'unseen', condition: 'fenced', proof: 'lease-expired' };
    expect(findings(home, 'running')[0]).toMatchObject({ kind: 'not-interpreted', sighted: true });
    expect(kind(home, 'running', { leasedOn: hostId('a') })).toBe('moved-by-hand');
  });
  it('an old inventory of a fenced host is no second copy', () => {
    expect(kind({ shown: 'running', condition: 'fenced', conditionSinceMs: NOW }, 'running')).toBe('moved-by-hand');
  });
  it('an unplaced one that runs is adopted', () => expect(kind('absent', 'running', { hostId: null })).toBe('moved-by-hand'));
  it('a copy on a host that came back and is not admitted is told apart', () => {
    expect(findings('absent', { shown: 'running', condition: 'fenced', conditionSinceMs: NOW - 9_000 })[0]).toMatchObject({ kind: 'runs-unadmitted', hostId: 'b' });
  });
  describe('seen by the re-admission of a host', () => {
    const FENCED_MS = NOW - 600_000;
    const copy: HostCase = { shown: 'running', condition: 'fenced', conditionSinceMs: FENCED_MS, atMs: NOW - 500_000, unadmitted: { proofAtMs: FENCED_MS } };
    it('is told however old that look is, and whatever was tried with it since', () => {
      expect(kind('absent', copy)).toBe('runs-unadmitted');
      expect(kind('absent', copy, {}, { changedAtMs: NOW - 1_000 })).toBe('runs-unadmitted');
      expect(kind('absent', { ...copy, condition: 'fencing' })).toBe('runs-unadmitted');
      expect(findings('running', copy)[0]).toMatchObject({ kind: 'duplicate', why: expect.stringContaining('reeve host confirm-off b') as string });
      expect(findings('absent', { ...copy, more: { vcpus: 8, autostart: true } })).toHaveLength(1);
    });
    it('is over by another proof that says so of it: not by the end of a lease, nor by a new boot since the one before', () => {
      const later: HostCase = { ...copy, conditionSinceMs: NOW - 400_000 };
      expect(kind('absent', { ...later, proof: 'power-off' })).toBe('missing');
      expect(kind('absent', { ...later, proof: 'operator' })).toBe('missing');
      expect(kind('absent', { ...later, proof: 'lease-expired' })).toBe('runs-unadmitted');
      expect(kind('absent', { ...later, proof: 'lease-expired' }, { leasedOn: hostId('b') })).toBe('missing');
      expect(kind('absent', { ...later, proof: 'new-boot' })).toBe('runs-unadmitted');
    });
    it('is over as soon as the host is in service: it is asked as all are', () => expect(kind('absent', { ...copy, condition: 'online' })).toBe('not-interpreted'));
  });
  it('a stopped definition elsewhere means nothing', () => {
    expect(kind('running', { shown: 'stopped', reason: 'shutdown' })).toBe('running-as-wanted');
    expect(kind('absent', 'stopped')).toBe('missing');
  });
});

describe('two copies', () => {
  it('are seen whatever is wanted, paused or not, admitted or not', () => {
    for (const desired of ['running', 'stopped', 'disabled'] as const) expect(kind('running', 'running', { desired })).toBe('duplicate');
    expect(kind('running', 'paused')).toBe('duplicate');
    expect(kind('running', { shown: 'running', condition: 'fenced', conditionSinceMs: NOW - 9_000 })).toBe('duplicate');
  });
  it('are called so only when both are seen together: a move between two looks is not one', () => {
    const at = (aMs: number, bMs: number): string => kind({ shown: 'running', atMs: aMs }, { shown: 'running', atMs: bMs });
    expect(at(NOW - 3_000, NOW - 1_000)).toBe('not-interpreted');
    expect(at(NOW - 1_000, NOW - 3_000)).toBe('not-interpreted');
    expect(at(NOW - 1_000, NOW - 900)).toBe('duplicate');
  });
});

describe('beside the main finding', () => {
  it('a changed size is told, where it runs', () => {
    expect(findings({ shown: 'running', more: { vcpus: 2 } })[1]).toMatchObject({ kind: 'changed-size', vcpus: 2, memoryMiB: 64 });
    expect(findings('absent', { shown: 'running', more: { memoryMiB: 128 } })[1]).toMatchObject({ kind: 'changed-size', memoryMiB: 128 });
    expect(findings({ shown: 'stopped', reason: 'shutdown', more: { memoryMiB: 128 } })[1]).toMatchObject({ kind: 'changed-size' });
  });
  it('a definition that was removed under a running workload is told', () => {
    expect(findings({ shown: 'running', more: { persistent: false } })[1]).toMatchObject({ kind: 'not-persistent', why: expect.stringContaining('virsh define') });
    expect(findings('running')[1]).toBeUndefined();
  });
  it('autostart of a protected workload is told, on any host', () => {
    expect(findings('running', { shown: 'stopped', more: { autostart: true } })[1]).toMatchObject({ kind: 'autostart-on', hostId: 'b' });
    expect(findings({ shown: 'running', more: { autostart: true } }, 'absent', { isProtected: false })).toHaveLength(1);
  });
});

it('never finds a failure, a stop or a loss while any other fresh host shows a process', () => {
  const shown: readonly Shown[] = ['running', 'paused', 'migrating-in', 'migrating-out', 'stopping', 'stopped', 'absent', 'unseen'];
  for (const a of shown) for (const b of shown) {
    const found = kind(a, b);
    const process = [a, b].some((one) => one !== 'stopped' && one !== 'absent' && one !== 'unseen');
    if (process) expect(['failed', 'stopped-by-hand', 'missing', 'stopped-as-wanted']).not.toContain(found);
  }
});
