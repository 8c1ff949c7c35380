// Room for one that has no place: others are moved live out of its way. For nothing less than a workload that would stay down, or stay on a host that is drained.
import type { Host } from '../../hosts/host.js';
import { roomFor } from '../../scheduler/room-for.js';
import type { HostRefusal, PlacementRequest } from '../../scheduler/placement.js';
import type { Workload } from '../../workloads/workload.js';
import { hold } from '../decision.js';
import type { RuleContext, RuleOutput } from '../decide.js';
import { beginMove, failedTargets } from './begin-move.js';
import { isOurs } from './workload-brakes.js';

export interface RoomWanted {
  readonly rule: string;
  readonly workload: Workload;
  readonly exclude: PlacementRequest['exclude'];
  /** Why no host takes it now. */
  readonly refusals: readonly HostRefusal[];
  /** A sentence without its end: "host-1 is off". */
  readonly why: string;
}

/** What may be full; anything else is not mended by moving others. */
const IN_THE_WAY: ReadonlySet<HostRefusal['code']> = new Set(['memory', 'cpus', 'hugepages', 'keep-apart']);
/** A look at a large cluster takes many milliseconds: where more wait, each has its turn. */
const LOOKS_A_ROUND = 2;
/** Turns change so often. */
const TURN_MS = 250;

/** Null: no few moves would help. Else their beginning, or what they wait for; the place is asked for again when they have ended. */
export function makeRoom(context: RuleContext, { rule, workload, exclude, why, refusals }: RoomWanted): RuleOutput | null {
  if (!refusals.some(({ code }) => IN_THE_WAY.has(code))) return null;
  // One at a time: what is on its way for another one changes what is free.
  const busy = context.view.operations.find((operation) => operation.params['cause'] === 'room');
  if (busy) return { actions: [], holds: [hold('making-room', workload.name, `it waits until ${nameOf(context, busy.workloadId)} has moved to make room; \`reeve operation show ${busy.id}\``)] };
  // Room is kept for it: for one that is on its way nothing is moved.
  if (!hasTurn(context) || context.ledger.view().promised.some(({ workloadId }) => workloadId === workload.id)) return null;
  const leavesAlone = (one: Workload): boolean => !isOurs(context, one) || context.operationOn(one.id) !== null || context.isActedOn(one.name) || failedTargets(context, one, context.nowMs - context.policy.moveRetryMs).length > 0;
  const room = roomFor(context.ledger.view(), { workload, exclude, leavesAlone });
  if (room === null) return null;
  const { moves, at } = room;
  // Nobody else gets it meanwhile, or when the first of two has gone.
  context.ledger.reserve(workload.id, at.id);
  context.ledger.roomLooks.isBegun = true;
  const outputs = moves.map(({ workload: moved, from, to }) => beginMove(context, { rule, cause: 'room', workload: moved, from, target: targetOf(to), kind: 'migrate', why: `makes room for ${workload.name} (${why})`, params: { room: workload.id, roomAt: at.id } }));
  const waits = hold('making-room', workload.name, `no host has room for it; it waits until ${moves.map(({ workload: moved, to }) => `${moved.name} has moved to ${to.name}`).join(' and ')}; \`reeve workload explain ${workload.name}\``);
  return { actions: outputs.flatMap(({ actions }) => actions), holds: [waits, ...outputs.flatMap(({ holds }) => holds)] };
}

/** Not after one that was begun in this round: what that changes is not there yet. */
function hasTurn(context: RuleContext): boolean {
  const { ledger, nowMs } = context;
  const nth = ledger.roomLooks.asked;
  ledger.roomLooks.asked += 1;
  const among = (ledger.roomLooks.among ??= countWaiting(context));
  if (ledger.roomLooks.isBegun || ledger.roomLooks.taken >= LOOKS_A_ROUND) return false;
  // Scattered, so that no rhythm of the loop leaves one out.
  const turn = (Math.imul(Math.floor(nowMs / TURN_MS), 2_654_435_761) >>> 0) % Math.max(1, among);
  if (among > LOOKS_A_ROUND && nth !== turn) return false;
  ledger.roomLooks.taken += 1;
  return true;
}

/** Who may ask: those without a place, and those that are to leave their hosts. */
function countWaiting({ view }: RuleContext): number {
  const left = new Set(view.hosts.filter(({ intent }) => intent === 'maintenance').map(({ id }) => id));
  return view.workloads.filter(({ state, hostId }) => state === 'waiting' || (state === 'running' && hostId !== null && left.has(hostId))).length;
}

const targetOf = ({ id, name }: Host): { readonly hostId: Host['id']; readonly host: string } => ({ hostId: id, host: name });
const nameOf = ({ view }: RuleContext, id: string | null): string => view.workloads.find((one) => one.id === id)?.name ?? 'another one';
