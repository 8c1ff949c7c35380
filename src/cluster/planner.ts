// The port to what is computed of a whole cluster because somebody asks: plans, room for failure, places. In a large cluster that takes seconds.
import type { Explanation } from '../scheduler/explain-placement.js';
import type { FailureRoom } from '../scheduler/failure-room.js';
import type { RoomMode } from '../scheduler/losses-to-try.js';
import type { PlacementView } from '../scheduler/placement.js';
import type { Plan } from '../scheduler/plan.js';
import { OperationalError } from '../shared/errors.js';
import type { HostId } from '../shared/ids.js';
import type { DrainPlan } from './commands/drain-plan.js';
import type { PlanDocument, PlanKind, Planning, PlanRequest } from './commands/plan-commands.js';
import type { FitDocument, FitRequest } from './fit.js';
import type { Operation } from './operation.js';

/** By question: what it is asked of, and what is answered. Both are plain data. */
interface Questions {
  /** As it is told to people. */
  readonly plan: { readonly asked: Planning & { readonly request: PlanRequest }; readonly answer: PlanDocument };
  /** As it is carried out. */
  readonly moves: { readonly asked: Planning & { readonly kind: PlanKind; readonly hosts: readonly HostId[] }; readonly answer: Plan };
  readonly drain: { readonly asked: DrainQuestion; readonly answer: DrainPlan };
  readonly room: { readonly asked: RoomQuestion; readonly answer: FailureRoom };
  readonly fit: { readonly asked: { readonly view: PlacementView; readonly request: FitRequest }; readonly answer: FitDocument };
  readonly place: { readonly asked: { readonly view: PlacementView; readonly workload: string }; readonly answer: Explanation };
}

export interface DrainQuestion {
  readonly view: PlacementView;
  readonly host: string;
  /** Relocations by which the gap of each is known. */
  readonly moves: readonly Operation[];
  readonly recentOperations: readonly Operation[];
}

export interface RoomQuestion {
  /** Its name: the answer is remembered for it until something changed that it hangs on. */
  readonly cluster: string;
  readonly view: PlacementView;
  readonly mode: RoomMode;
}

export type Question = keyof Questions;
export type Asked<Q extends Question = Question> = Questions[Q]['asked'];
export type Answer<Q extends Question = Question> = Questions[Q]['answer'];

export interface Planner {
  /** Throws UserError where what is asked can't be; OperationalError where it was not computed: it took too long, too many are asked for, the planner is closed. */
  compute<Q extends Question>(question: Q, asked: Asked<Q>): Promise<Answer<Q>>;
  /** What is under way is given up. */
  close(): Promise<void>;
}

export const plannerClosed = (): OperationalError => new OperationalError('unreachable', 'it is not computed any more: the control plane ends', 'ask again when one is there');
