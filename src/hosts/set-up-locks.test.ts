// Where virtlockd is set up, and what is said of those where it is not.
import { describe, expect, it } from 'vitest';
import { fakeSide, type FakeHost } from './enrolment.fixture.js';
import type { SurveyedLocks } from './host-survey.js';
import { setUpLocks, type LockSide } from './set-up-locks.js';

const NONE: SurveyedLocks = { manager: null, isInstalled: true, answers: false, lockspaceDir: null };

function sides(...locks: readonly SurveyedLocks[]): { readonly hosts: readonly FakeHost[]; readonly run: () => ReturnType<typeof setUpLocks> } {
  const network = new Map<string, FakeHost>();
  const all = locks.map((one, at) => {
    const { side, host } = fakeSide(`host-${at + 1}`, network);
    host.survey = { ...host.survey, locks: one };
    return { side, host };
  });
  const lockSide = ({ side, host }: (typeof all)[number]): LockSide => ({ side, survey: host.survey });
  const [self, ...peers] = all;
  return { hosts: all.map(({ host }) => host), run: () => setUpLocks(lockSide(self!), peers.map(lockSide)) };
}

describe('the set-up of disk locks', () => {
  it('makes the same lockspace on the new host and on those that share a pool with it', async () => {
    const { hosts, run } = sides(NONE, NONE, NONE);
    expect(await run()).toMatchObject([{ code: 'disk-locks', state: 'ok', detail: 'set up on host-1, host-2, host-3: virtlockd with its locks in /srv/shared/lockspace', remedy: null }]);
    expect(hosts.map((host) => host.survey.locks.lockspaceDir)).toEqual(Array(3).fill('/srv/shared/lockspace'));
    expect(await run()).toBeNull();
  });

  it('takes the lockspace that is there, unless others do not see it', async () => {
    const there: SurveyedLocks = { manager: 'lockd', isInstalled: true, answers: true, lockspaceDir: '/srv/shared/locks' };
    const { hosts, run } = sides(NONE, there);
    await run();
    expect(hosts.map((host) => [host.calls.includes('setUpLocks'), host.survey.locks.lockspaceDir])).toEqual([[true, '/srv/shared/locks'], [false, '/srv/shared/locks']]);
    const local = sides(NONE, { ...there, lockspaceDir: '/var/lib/libvirt/lockd' });
    await local.run();
    expect(local.hosts.map((host) => host.survey.locks.lockspaceDir)).toEqual(Array(2).fill('/srv/shared/lockspace'));
  });

  it('says where it was not, and why: VMs run, another lock manager, no answer', async () => {
    const { hosts, run } = sides(NONE, NONE, { ...NONE, manager: 'sanlock' });
    hosts[0]!.settingUp = { kind: 'left', why: '2 of its VMs run, and would go on without these locks' };
    hosts[1]!.fault = { method: 'setUpLocks', nth: 1, code: 'unreachable' };
    expect((await run())?.map((one) => [one.state, one.detail])).toEqual([
      ['warn', 'not set up on host-1: 2 of its VMs run, and would go on without these locks'],
      ['warn', 'not set up on host-2: injected at setUpLocks #1'],
      ['warn', 'not set up on host-3: its lock manager is sanlock'],
    ]);
  });

  it('puts the locks where most see them, and sets nothing up on one that would not', async () => {
    const { hosts, run } = sides(NONE, NONE, NONE, NONE);
    const pool = (name: string) => ({ name, path: `/srv/${name}`, active: true, writable: true, markerId: `m-${name}` });
    const pools = [['few', 'many'], ['few'], ['many'], ['many']];
    hosts.forEach((host, at) => (host.survey = { ...host.survey, pools: (pools[at] ?? []).map(pool) }));
    expect((await run())?.map((one) => one.detail)).toEqual([
      'set up on host-1, host-3, host-4: virtlockd with its locks in /srv/many/lockspace',
      'not set up on host-2: it does not have the pool many, in which the locks of the others are',
    ]);
    expect(hosts[1]?.calls).not.toContain('setUpLocks');
  });

  it('waits for the host that shares a pool', async () => {
    expect((await sides(NONE).run())?.map((one) => one.detail)).toEqual([expect.stringContaining('no pool is shared with another host yet')]);
  });
});
