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
  const dir = lockspaceOf(sides, shared);
  const missing = sides.filter(({ survey }) => survey && !hasLocks(survey, dir));
  if (missing.length === 0) return null;
  const outcomes = await forEachHost(missing, async ({ side, survey }) => ({ name: side.host.name, outcome: await trySetUp(side, survey, dir) }));
  return pointsOf(dir, outcomes);
}

/** Where one of them has it already, if others see that; else in the first shared pool. */
function lockspaceOf(sides: readonly LockSide[], shared: readonly SharedPool[]): string {
  const there = sides.map(({ survey }) => survey?.locks.lockspaceDir ?? null).find((dir) => dir !== null && shared.some((pool) => dir.startsWith(`${pool.path}/`)));
  return there ?? lockspaceIn(shared);
}

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
