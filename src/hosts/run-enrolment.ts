// Enrolment: look at a host, refuse it or make it a member: trust for migration, pool markers, agent, peers, guard.
import type { Clock } from '../shared/clock.js';
import { messageOf, OperationalError, withRemedy } from '../shared/errors.js';
import { runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import { awayNote, exchangeTrust, foreignCluster, forEachHost, tellPeers, tryLogins, unlessAway, withoutMember, type EnrolmentSide } from './enrolment-side.js';
import { describeFailures, failedPoints, point, type CheckPoint } from './enrolment-check.js';
import { exchangeRemotes, remotesNote } from './exchange-remotes.js';
import { forgetHost, revokeTrust } from './forget-host.js';
import type { AgentConfig } from './host-agent.js';
import type { HostSurvey, PoolMark } from './host-survey.js';
import { setUpLocks } from './set-up-locks.js';
import type { CommandToken } from './hypervisor.js';
import { judgeTrials, sharedPools, type LockTrial, type SharedPool } from './judge-disk-locks.js';
import { judgeLogins, judgeSurvey, otherCluster, type FenceLook, type OtherHost, type SurveyExpectations } from './judge-survey.js';

export interface EnrolmentContext {
  readonly self: EnrolmentSide;
  /** The hosts that are members already. */
  readonly peers: readonly EnrolmentSide[];
  readonly world: EnrolmentWorld;
  readonly expectations: SurveyExpectations;
  /** Set virtlockd up where pools are shared; somebody has asked for it. */
  readonly setsUpLocks: boolean;
  /** Carries the host's epoch; the guard is admitted with it. */
  readonly token: CommandToken;
}

/** What is asked beside the hosts themselves. */
export interface EnrolmentWorld {
  readonly clock: Clock;
  /** The status query of the host's fence devices. Never throws. */
  readonly lookAtFence: () => Promise<FenceLook>;
  /** Does our witness hear the agent of this boot? */
  readonly isHeard: (bootId: string) => Promise<boolean>;
  /** What a member is to be configured with now, the new host included: others may have come or gone since this began, minutes ago. */
  readonly configOf: (peer: EnrolmentSide) => Promise<AgentConfig>;
  readonly newMarkerId: () => string;
  /** Keeps the points where people look; called again when there are more. */
  readonly report: (points: readonly CheckPoint[]) => Promise<void>;
}

/** From the agent's start to its first heartbeats here: a second; a loaded host takes some. */
const HEARD_WITHIN_MS = 30_000;
const HEARD_LOOK_MS = 250;

const markPools: Step<EnrolmentContext> = {
  name: 'mark-pools',
  run: async ({ self, world }) => {
    try {
      const marks = await self.surveyor.markPools(world.newMarkerId);
      return { kind: 'done', memo: { marks }, note: marks.length > 0 ? `marker written into ${marks.map((mark) => mark.pool).join(', ')}` : 'all pools have a marker' };
    } catch (error) {
      return notReached(world, error);
    }
  },
  // A member that shares the pool may have read the marker by now; it was without one before, so that takes nothing from it.
  undo: async ({ self }, journal) => {
    const marks = (journal.memo['marks'] ?? []) as readonly PoolMark[];
    const away = await unlessAway(self.host.name, () => self.surveyor.unmarkPools(marks));
    return away === null ? 'markers removed' : `markers left: ${away}`;
  },
};

/** The host's words about SSH or sudo are the first point of the report. */
async function notReached(world: EnrolmentWorld, error: unknown): Promise<StepOutcome> {
  if (!(error instanceof OperationalError)) throw error;
  await world.report([point('ssh', 'fail', error.message, error.remedy)]);
  return { kind: 'failed', code: 'check-failed', why: withRemedy(error) };
}

const survey: Step<EnrolmentContext> = {
  name: 'survey',
  run: async (context) => {
    const { self, world } = context;
    let seen: HostSurvey;
    try {
      seen = await self.surveyor.survey();
    } catch (error) {
      return notReached(world, error);
    }
    let others = await surveyOthers(context);
    const setUp = context.setsUpLocks ? await setUpLocksOf(context, seen, others) : null;
    if (setUp !== null) [seen, others] = [await self.surveyor.survey(), await surveyOthers(context)];
    const points = [...(setUp ?? []), ...judgeSurvey({ host: self.host.name, address: self.host.address, clusterId: self.config.clusterId, survey: seen, others, fence: await world.lookAtFence(), sshTrials: null, expectations: context.expectations })];
    await world.report(points);
    if (failedPoints(points).length > 0) return { kind: 'failed', code: 'check-failed', why: describeFailures(points) };
    const warnings = points.filter((one) => one.state === 'warn').length;
    return { kind: 'done', note: `${points.length} points, ${warnings} warnings`, memo: { bootId: seen.bootId, points, sharedPools: sharedPools(seen, others), withoutLibvirt: withoutLibvirt([{ name: self.host.name, survey: seen }, ...others]) } };
  },
};

/** Nobody migrates from or to them. One that was not seen counts as having it. */
const withoutLibvirt = (hosts: readonly OtherHost[]): readonly string[] => hosts.filter((one) => one.survey?.hasLibvirt === false).map((one) => one.name);

function setUpLocksOf({ self, peers }: EnrolmentContext, seen: HostSurvey, others: readonly OtherHost[]): Promise<readonly CheckPoint[] | null> {
  return setUpLocks({ side: self, survey: seen }, peers.map((side) => ({ side, survey: others.find((one) => one.name === side.host.name)?.survey ?? null })));
}

/** A member that is away is not compared with; it does not keep the new host out. */
function surveyOthers({ peers }: EnrolmentContext): Promise<readonly OtherHost[]> {
  return forEachHost(peers, async (peer): Promise<OtherHost> => {
    try {
      return { name: peer.host.name, survey: await peer.surveyor.survey() };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return { name: peer.host.name, survey: null };
    }
  });
}

const tryDiskLocks: Step<EnrolmentContext> = {
  name: 'disk-locks',
  run: async (context, journal) => {
    const shared = (journal.memo['sharedPools'] ?? []) as readonly SharedPool[];
    const trials: LockTrial[] = [];
    // One pool after the other: a host holds one disk of ours at a time.
    for (const pool of shared) trials.push(...(await tryPool(context, pool)));
    const points = [...((journal.memo['points'] ?? []) as readonly CheckPoint[]), ...judgeTrials(context.self.host.name, trials)];
    await context.world.report(points);
    return { kind: 'done', memo: { points }, note: shared.length === 0 ? 'no pool is shared yet' : `tried in ${shared.map((pool) => pool.name).join(', ')}` };
  },
};

/** What can't be tried is said; it keeps no host out. */
async function tryPool({ self, peers }: EnrolmentContext, pool: SharedPool): Promise<readonly LockTrial[]> {
  const place = { path: pool.path, hostId: self.host.hostId };
  try {
    const held = await self.surveyor.holdTrialLock(place);
    if (held.kind !== 'held') return [{ pool, host: null, outcome: held }];
    return await forEachHost(peers.filter((peer) => pool.hosts.includes(peer.host.name)), async (peer): Promise<LockTrial> => {
      try {
        return { pool, host: peer.host.name, outcome: await peer.surveyor.meetTrialLock(place) };
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        return { pool, host: peer.host.name, outcome: { kind: 'untried', why: error.message } };
      }
    });
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return [{ pool, host: null, outcome: { kind: 'untried', why: error.message } }];
  } finally {
    // It ends by itself too.
    await unlessAway(self.host.name, () => self.surveyor.dropTrialLock(place));
  }
}

const trust: Step<EnrolmentContext> = {
  name: 'trust',
  run: async ({ self, peers }) => {
    const away = await exchangeTrust(self, peers);
    const remotes = await exchangeRemotes(self, peers);
    return { kind: 'done', note: `migration keys exchanged with ${peers.length - away.length} hosts${awayNote(away)}${remotesNote(remotes)}` };
  },
  undo: async ({ self, peers }) => {
    await forEachHost(peers, (peer) => forgetHost(peer, self));
    await unlessAway(self.host.name, async () => void (await revokeTrust(self)));
    return 'migration keys removed';
  },
};

const tryMigrationSsh: Step<EnrolmentContext> = {
  name: 'migration-ssh',
  run: async ({ self, peers, world }, journal) => {
    const without = (journal.memo['withoutLibvirt'] ?? []) as readonly string[];
    const migrating = without.includes(self.host.name) ? [] : peers.filter((peer) => !without.includes(peer.host.name));
    const trials = await tryLogins(self, migrating);
    const before = (journal.memo['points'] ?? []) as readonly CheckPoint[];
    const points = [...before, ...judgeLogins(migrating.map((peer) => peer.host.name), trials)];
    await world.report(points);
    if (failedPoints(points).length > 0) return { kind: 'failed', code: 'check-failed', why: describeFailures(points) };
    return { kind: 'done', memo: { points }, note: `${trials.length} logins tried` };
  },
};

const installAgent: Step<EnrolmentContext> = {
  name: 'agent',
  run: async ({ self }) => {
    // Once more: another cluster may have enrolled it since it was looked at.
    const foreign = await foreignCluster(self);
    if (foreign !== null) return { kind: 'failed', code: 'check-failed', why: otherCluster(foreign) };
    await self.agent.install(self.config);
    return { kind: 'done', note: 'agent and guard installed' };
  },
  undo: async ({ self }) => {
    const away = await unlessAway(self.host.name, async () => {
      if ((await foreignCluster(self)) === null) await self.agent.uninstall();
    });
    return away === null ? 'agent and guard removed' : `agent left there: ${away}`;
  },
};

const tellMembers: Step<EnrolmentContext> = {
  name: 'members',
  run: async ({ peers, world }) => {
    const away = await tellPeers(peers, world.configOf);
    return { kind: 'done', note: `${peers.length - away.length} members told${awayNote(away)}` };
  },
  undo: async ({ self, peers, world }) => {
    const away = await tellPeers(peers, async (peer) => withoutMember(await world.configOf(peer), self.host.hostId));
    return `members told that it is gone${awayNote(away)}`;
  },
};

const waitForHeartbeat: Step<EnrolmentContext> = {
  name: 'heard',
  run: async (context, journal) => {
    const { self, world } = context;
    const { bootId } = await self.agent.probe(10_000);
    const endsAt = world.clock.monotonicMs() + HEARD_WITHIN_MS;
    while (!(await world.isHeard(bootId))) {
      if (world.clock.monotonicMs() >= endsAt) return notHeard(context);
      if (await journal.cancelRequested()) return { kind: 'cancelled', why: 'cancelled on request' };
      await world.clock.sleep(HEARD_LOOK_MS);
    }
    return { kind: 'done', memo: { bootId }, note: 'its heartbeats arrive' };
  },
};

function notHeard({ self }: EnrolmentContext): StepOutcome {
  const ports = [...new Set(self.config.listen.map((one) => one.port))].join(', ');
  return { kind: 'failed', code: 'not-heard', why: `the agent on ${self.host.name} runs, and no heartbeat of it arrives within ${HEARD_WITHIN_MS / 1000} s: is UDP port ${ports} open both ways? (ufw allow ${ports}/udp)` };
}

const admit: Step<EnrolmentContext> = {
  name: 'admit',
  run: async ({ self, token }, journal) => {
    const bootId = String(journal.memo['bootId']);
    try {
      await self.agent.admit(token, bootId);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return { kind: 'failed', code: 'not-admitted', why: `${self.host.name} did not admit boot ${bootId.slice(0, 8)}: ${messageOf(error)}` };
    }
    return { kind: 'done', note: `admitted at epoch ${token.hostEpoch}` };
  },
};

export const ENROLMENT_STEPS: readonly Step<EnrolmentContext>[] = [markPools, survey, tryDiskLocks, trust, tryMigrationSsh, installAgent, tellMembers, waitForHeartbeat, admit];

/** On success the memo holds `bootId` (admitted) and `points` (CheckPoint[]). */
export function runEnrolment(context: EnrolmentContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(ENROLMENT_STEPS, context, journal);
}
