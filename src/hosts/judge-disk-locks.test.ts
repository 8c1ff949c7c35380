// Disk locks at enrolment: one row per thing that can be wrong with a lock manager, and what real trials between hosts say.
import { describe, expect, it } from 'vitest';
import type { CheckState } from './enrolment-check.js';
import { SURVEY } from './enrolment.fixture.js';
import type { HostSurvey, SurveyedLocks } from './host-survey.js';
import { judgeDiskLocks, judgeTrials, sharedPools, type LockTrial } from './judge-disk-locks.js';

const GOOD = SURVEY.locks;
const NONE: SurveyedLocks = { manager: null, isInstalled: true, answers: false, lockspaceDir: null };
const survey = (locks: Partial<SurveyedLocks> = {}, more: Partial<HostSurvey> = {}): HostSurvey => ({ ...SURVEY, locks: { ...GOOD, ...locks }, ...more });
const neighbour = (locks: Partial<SurveyedLocks> = {}, more: Partial<HostSurvey> = {}): { name: string; survey: HostSurvey } => ({ name: 'host-2', survey: survey(locks, more) });
const alone = { pools: [{ name: 'local', path: '/srv/local', active: true, writable: true, markerId: 'm-local' }] };

type Row = readonly [what: string, own: HostSurvey, others: readonly { name: string; survey: HostSurvey | null }[], state: CheckState, detail: RegExp, remedy: RegExp | null];

const rows: readonly Row[] = [
  ['virtlockd, its locks in the shared pool', survey(), [neighbour()], 'ok', /virtlockd with its locks in \/srv\/shared\/lockspace/, null],
  ['virtlockd on the images themselves', survey({ lockspaceDir: null }), [neighbour({ lockspaceDir: null })], 'ok', /on the images themselves/, null],
  ['no lock manager, and nothing shared', survey(NONE, alone), [neighbour()], 'ok', /no lock manager; no pool is shared/, null],
  ['no lock manager beside a shared pool', survey(NONE), [neighbour(NONE)], 'warn', /image locks alone guard shared/, /^mkdir -p \/srv\/shared\/lockspace .*lock_manager = "lockd"/],
  ['no lock manager and nothing installed', survey({ ...NONE, isInstalled: false }), [neighbour(NONE)], 'warn', /alone guard shared/, /^apt-get install -y libvirt-daemon-lock/],
  ['a daemon that does not answer', survey({ answers: false }), [neighbour()], 'fail', /does not answer: no VM starts here/, /^systemctl enable --now virtlockd\.socket/],
  ['a daemon that does not answer, on a host that shares nothing', survey({ answers: false }, alone), [], 'fail', /does not answer/, /systemctl/],
  ['locks in a folder of its own', survey({ lockspaceDir: '/var/lib/libvirt/lockd' }), [neighbour()], 'warn', /in no pool that another host shares/, /file_lockspace_dir = "\/srv\/shared\/lockspace"/],
  ['locks in a folder that only begins like the pool', survey({ lockspaceDir: '/srv/shared-not/lockspace' }), [neighbour()], 'warn', /in no pool/, /sed -i/],
  ['neighbours with another manager', survey(), [neighbour(NONE)], 'warn', /on host-2: QEMU's image locks, no lock manager/, /same lock_manager/],
  ['neighbours that could not be looked at', survey(), [neighbour(), { name: 'host-3', survey: null }], 'ok', /virtlockd/, null],
  ['sanlock, which is not looked at', survey({ manager: 'sanlock', answers: false, lockspaceDir: null }), [neighbour({ manager: 'sanlock', lockspaceDir: null })], 'ok', /sanlock \(not looked at\)/, null],
];

describe('the lock manager of a host', () => {
  it.each(rows)('%s', (...row) => {
    const [, own, others, state, detail, remedy] = row;
    const [one, ...more] = judgeDiskLocks(own, others);
    expect(more).toEqual([]);
    expect(one).toMatchObject({ code: 'disk-locks', state, detail: expect.stringMatching(detail) as string });
    if (remedy === null) expect(one?.remedy).toBeNull();
    else expect(one?.remedy).toMatch(remedy);
  });
});

describe('pools that are shared', () => {
  it('have the same marker at the same path, and are started on both', () => {
    const stopped = { pools: SURVEY.pools.map((pool) => ({ ...pool, active: false })) };
    const elsewhere = { pools: SURVEY.pools.map((pool) => ({ ...pool, path: '/mnt/other' })) };
    expect(sharedPools(survey(), [neighbour(), { ...neighbour({}, stopped), name: 'host-3' }, { ...neighbour({}, elsewhere), name: 'host-4' }])).toEqual([{ name: 'shared', path: '/srv/shared', hosts: ['host-2'] }]);
    expect(sharedPools(survey({}, stopped), [neighbour()])).toEqual([]);
  });
});

describe('a trial of disk locks', () => {
  const pool = { name: 'shared', path: '/srv/shared', hosts: ['host-2', 'host-3'] };
  const met = (...outcomes: readonly LockTrial['outcome'][]): readonly LockTrial[] => outcomes.map((outcome, at) => ({ pool, host: `host-${at + 2}`, outcome }));

  it('is good when every other host is refused', () => {
    expect(judgeTrials('host-1', met({ kind: 'refused' }, { kind: 'refused' }))).toMatchObject([{ state: 'ok', detail: expect.stringContaining('refused on host-2, host-3') as string }]);
  });

  it('warns of the hosts that were let through, with where to look', () => {
    expect(judgeTrials('host-1', met({ kind: 'refused' }, { kind: 'let-through' }))).toMatchObject([{ state: 'warn', detail: expect.stringContaining('opened for writing on host-3 too') as string, remedy: expect.stringContaining('findmnt -T /srv/shared') as string }]);
  });

  it('says what could not be tried, and that a host locks nothing even for itself', () => {
    expect(judgeTrials('host-1', met({ kind: 'refused' }, { kind: 'untried', why: 'host-3 does not answer' }))).toMatchObject([{ state: 'warn', detail: expect.stringContaining('not tried in shared with host-3: host-3 does not answer') as string }]);
    expect(judgeTrials('host-1', [{ pool, host: null, outcome: { kind: 'not-held', why: 'a second writer was let through here' } }])).toMatchObject([{ state: 'warn', detail: expect.stringContaining('is not locked') as string }]);
    expect(judgeTrials('host-1', [])).toEqual([]);
  });
});
