// Relocation within a cluster of daemons: stopped, moved by the daemons with its data, started at the other member. Undone: it runs at the source again.
// There is one of it at every moment, so what matters is where: after each doubt both members are asked.
import { OperationalError } from '../shared/errors.js';
import { runWorkflow, type Journal, type Step, type WorkflowOutcome } from '../shared/workflow.js';
import { describeLook, isStopped, lastLook, onTheWayBack } from '../workloads/place.js';
import { defineAtTarget, startAtTarget } from '../workloads/start-steps.js';
import { CANCELLED, sendToMember, whereIs, type MemberPlace } from './move-member.js';
import { atTarget, current, precheck, refused, stopAtSource, whyNotProven, whyNotStopped, type RelocationContext } from './run-relocation.js';
import { confirmMoved, stopNotingGap } from './standstill.js';
import { startAtSource } from './start-at-source.js';

export interface MemberRelocationContext extends RelocationContext {
  readonly operationId: string;
  readonly source: MemberPlace;
  readonly target: MemberPlace;
}

/** Of this try: the end of an earlier one's command is not this one's. */
const moveId = ({ operationId, source }: MemberRelocationContext, way: 'there' | 'back'): string => `${operationId}-${source.token.workload?.epoch ?? 0}-${way}`;

const areMembers: Step<MemberRelocationContext> = {
  name: 'members',
  run: async ({ workload, source, target }) => {
    const away = [source, target].find(({ hypervisor }) => hypervisor.members === null);
    return away ? refused('no-daemon', `${away.name} has no daemon that is in a cluster of its own kind: ${workload.name} is not moved`) : { kind: 'done' };
  },
};

/** When the gap begins: nothing can be copied beforehand. */
const stop: Step<MemberRelocationContext> = {
  ...stopAtSource,
  run: stopNotingGap,
  undo: async (context, journal) => {
    const { source } = context;
    if (journal.memo['wasRunning'] !== true) return `it did not run on ${source.name} before`;
    const where = await whereIs(context, journal);
    if (where.on !== 'source') throw new OperationalError('failed', `${describeWhere(context, where)}; not started on ${source.name}`);
    return startAtSource(current(context, journal), journal);
  },
};

const describeWhere = ({ workload, source, target }: MemberRelocationContext, where: Awaited<ReturnType<typeof whereIs>>): string => (where.on === 'unknown' ? where.why : `${workload.name} is on ${where.on === 'source' ? source.name : target.name}${where.isLost ? ', which is proven off' : ''}`);

const move: Step<MemberRelocationContext> = {
  name: 'move',
  run: async (context, journal) => {
    const { workload, source, target } = context;
    const seen = await lastLook(source, workload.uuid);
    const unproven = whyNotStopped(context, seen);
    if (unproven) return unproven;
    if (seen.kind === 'seen' && !seen.isProvenOff) await showAgain(source, current(context, journal).workload.definition);
    const said = await sendToMember(context, journal, { id: moveId(context, 'there'), from: source, to: target, line: `its daemons move it to ${target.name}` });
    const where = await whereIs(context, journal);
    if (where.on === 'target') return { kind: 'done', note: `it is on ${target.name} now${said === null ? '' : `, though the command said: ${said}`}` };
    if (where.on === 'unknown') return { kind: 'unknown', code: 'place-unknown', why: `${where.why}${said === null ? '' : ` (the command said: ${said})`}; it is started nowhere until that is known` };
    if (said === CANCELLED) return { kind: 'cancelled', why: 'cancelled on request, while it was moved' };
    if (where.isLost) return refused('source-lost', `${source.name} was lost while ${workload.name} was moved, and has it`);
    return refused('move-failed', `${workload.name} was not moved to ${target.name}: ${said ?? 'the command ended well, and it is where it was'}`);
  },
  undo: async (context, journal) => {
    const { workload, source, target } = context;
    const where = await whereIs(context, journal);
    if (where.on === 'source') return `it is on ${source.name}`;
    if (where.on === 'unknown' || where.isLost) throw new OperationalError('failed', describeWhere(context, where));
    const seen = await lastLook(target, workload.uuid);
    if (!isStopped(seen)) throw new OperationalError('failed', `${workload.name} is ${describeLook(seen)} on ${target.name}; it was left there`);
    await showAgain(target, current(context, journal).workload.definition);
    const said = await sendToMember(context, journal, { id: moveId(context, 'back'), from: target, to: source, line: `its daemons move it back to ${source.name}` });
    const now = await whereIs(context, journal);
    if (now.on !== 'source') throw new OperationalError('failed', `${describeWhere(context, now)}${said === null ? '' : `: ${said}`}`);
    return `it is on ${source.name} again`;
  },
};

/**
 * A start there that failed may have left it hidden, and a move that was cut without its name: under that nothing is moved. Where it is not there at all, it is at the other
 * one: that is asked next.
 */
async function showAgain({ hypervisor, token }: MemberPlace, definition: string): Promise<void> {
  try {
    await hypervisor.define(token, definition);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
  }
}

/** From here on a start may be under way at the target. */
const promote: Step<MemberRelocationContext> = {
  name: 'promote',
  run: async (_context, journal) => ((await journal.cancelRequested()) ? { kind: 'cancelled', why: 'cancelled on request, before it was started' } : { kind: 'done', memo: { promoting: true } }),
  undo: async () => null,
};

/** There is nothing to take back: what is there is the only one. */
const { undo: _undo, ...define } = defineAtTarget;

/** For what is moved without being started. */
export const memberSteps = { areMembers, move };

export const MEMBER_RELOCATION_STEPS: readonly Step<MemberRelocationContext>[] = [
  areMembers, precheck, stop, move, promote, atTarget(define), atTarget(startAtTarget, whyNotProven), confirmMoved,
];

export const memberRelocationWayBack = (context: MemberRelocationContext): MemberRelocationContext => ({ ...context, source: onTheWayBack(context.source), target: onTheWayBack(context.target) });

export function runMemberRelocation(context: MemberRelocationContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(MEMBER_RELOCATION_STEPS, context, journal, memberRelocationWayBack);
}
