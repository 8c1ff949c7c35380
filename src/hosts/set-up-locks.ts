// Sets virtlockd up on a new host and on the members that share a pool with it, when that is asked for: what can't be is said, and keeps no host out.
import { OperationalError } from '../shared/errors.js';
import { point, type CheckPoint } from './enrolment-check.js';
import { forEachHost, type EnrolmentSide } from './enrolment-side.js';
import type { HostSurvey, LocksSetUp } from './host-survey.js';
import { lockspaceIn, sharedPools, type SharedPool } from './judge-disk-locks.js';

export interface LockSide {
  readonly side: EnrolmentSide;
  /** Null: it does not answer. */
  readonly survey: HostSurvey | null;
}

/** Null: there is nothing to be set up. */
export async function setUpLocks(self: LockSide, peers: readonly LockSide[]): Promise<readonly CheckPoint[] | null> {
  if (!self.survey) return null;
  const shared = sharedPools(self.survey, peers.map(({ side, survey }) => ({ name: side.host.name, survey })));
  if (shared.length === 0) return [point('disk-locks', 'ok', 'nothing to set up: no pool is shared with another host yet; the next host that shares one can be added with the same option')];
  const sides = [self, ...peers.filter(({ side }) => shared.some((pool) => pool.hosts.includes(side.host.name)))];
  const { dir, pool } = lockspaceOf(sides, shared);
  const missing = sides.filter(({ survey }) => survey && !hasLocks(survey, dir));
  if (missing.length === 0) return null;
  const sees = ({ side }: LockSide): boolean => side === self.side || pool.hosts.includes(side.host.name);
  const outcomes = await forEachHost(missing, async (one) => ({ name: one.side.host.name, outcome: sees(one) ? await trySetUp(one.side, one.survey, dir) : notThere(pool) }));
  return pointsOf(dir, outcomes);
}

/** Where one of them has it already, if others see that; else in the pool that most of them share. */
function lockspaceOf(sides: readonly LockSide[], shared: readonly SharedPool[]): { readonly dir: string; readonly pool: SharedPool } {
  const around = (dir: string): SharedPool | undefined => shared.find((pool) => dir.startsWith(`${pool.path}/`));
  for (const { survey } of sides) {
    const dir = survey?.locks.lockspaceDir ?? null;
    const pool = dir === null ? undefined : around(dir);
    if (dir !== null && pool) return { dir, pool };
  }
  const pool = shared.reduce((most, one) => (one.hosts.length > most.hosts.length ? one : most));
  return { dir: lockspaceIn([pool]), pool };
}

/** A folder of that name on a disk of its own would hold locks that nobody else sees. */
const notThere = (pool: SharedPool): LocksSetUp => ({ kind: 'left', why: `it does not have the pool ${pool.name}, in which the locks of the others are` });

const hasLocks = ({ locks }: HostSurvey, dir: string): boolean => locks.manager === 'lockd' && locks.answers && locks.lockspaceDir === dir;

async function trySetUp(side: EnrolmentSide, survey: HostSurvey | null, dir: string): Promise<LocksSetUp> {
  const manager = survey?.locks.manager ?? null;
  if (manager !== null && manager !== 'lockd') return { kind: 'left', why: `its lock manager is ${manager}` };
  try {
    return await side.surveyor.setUpLocks(dir);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { kind: 'failed', why: error.message };
  }
}

function pointsOf(dir: string, outcomes: readonly { readonly name: string; readonly outcome: LocksSetUp }[]): readonly CheckPoint[] {
  const done = outcomes.filter(({ outcome }) => outcome.kind === 'done').map(({ name }) => name);
  const others = outcomes.flatMap(({ name, outcome }) => (outcome.kind === 'done' ? [] : [{ name, why: outcome.why }]));
  return [
    ...(done.length > 0 ? [point('disk-locks', 'ok', `set up on ${done.join(', ')}: virtlockd with its locks in ${dir}`)] : []),
    ...others.map(({ name, why }) => point('disk-locks', 'warn', `not set up on ${name}: ${why}`, `reeve host drain ${name}, then as in docs/storage-locks.md`)),
  ];
}
