// How each question of the planner is answered: pure functions of what is asked, wherever they run.
import { explainPlacement } from '../scheduler/explain-placement.js';
import { failureRoom, type FailureRoom } from '../scheduler/failure-room.js';
import { drainPlan } from './commands/drain-plan.js';
import { findWorkload } from './commands/find.js';
import { planned, planOf } from './commands/plan-commands.js';
import { fitDocument } from './fit.js';
import type { Answer, Asked, Question, RoomQuestion } from './planner.js';
import { roomSignature } from './room-watch.js';

export type Computations = { readonly [Q in Question]: (asked: Asked<Q>) => Answer<Q> };

export function computations(): Computations {
  return {
    plan: ({ request, ...planning }) => planned(planning, request),
    moves: ({ kind, hosts, ...planning }) => planOf(planning, kind, hosts),
    drain: ({ view, host, moves, recentOperations }) => drainPlan({ hosts: view.hosts, workloads: view.workloads, recentOperations }, view, host, moves),
    room: rememberedRoom(),
    fit: ({ view, request }) => fitDocument(view, request),
    place: ({ view, workload }) => explainPlacement(view, findWorkload(view, workload)),
  };
}

/** Every scrape of the metrics asks: tried anew only when something changed that it hangs on. */
function rememberedRoom(): (asked: RoomQuestion) => FailureRoom {
  const known = new Map<string, { readonly of: string; readonly room: FailureRoom }>();
  return ({ cluster, view, mode }) => {
    const [key, of] = [`${cluster} ${mode}`, roomSignature(view)];
    const last = known.get(key);
    const room = last?.of === of ? last.room : failureRoom(view, mode);
    known.set(key, { of, room });
    return room;
  };
}
