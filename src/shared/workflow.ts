// Runs a fixed recipe of do/undo steps. Every step may run twice; the journal remembers what was done across crashes.
import { messageOf } from './errors.js';

/** What a workflow needs to remember and to ask, kept in the operation's row. */
export interface Journal {
  /** Names of the steps that ended well before (a resumed workflow skips them). */
  readonly doneSteps: readonly string[];
  /** Facts that later steps need and that must survive a crash. JSON values only. */
  readonly memo: Readonly<Record<string, unknown>>;
  stepStarted(name: string): Promise<void>;
  stepDone(name: string, note: string | null, memo: Readonly<Record<string, unknown>>): Promise<void>;
  stepFailed(name: string, why: string): Promise<void>;
  stepUndone(name: string, note: string | null): Promise<void>;
  /** Live progress for people: a percentage where known, a line, and raw numbers. */
  progress(update: ProgressUpdate): Promise<void>;
  /** True once a person or the controller asked for a cancel. */
  cancelRequested(): Promise<boolean>;
}

export interface ProgressUpdate {
  readonly percent?: number;
  readonly line: string;
  readonly numbers?: Readonly<Record<string, number>>;
}

/**
 * The journal can't be written: the store is away, or another worker took the operation over.
 * It ends the run at once, with nothing undone: whoever resumes it looks at the world first.
 */
export class JournalLost extends Error {
  override readonly name = 'JournalLost';
}

export type StepOutcome =
  | { readonly kind: 'done'; readonly note?: string; readonly memo?: Readonly<Record<string, unknown>> }
  /** Stop here; what was done is undone. `code` is a reason code, `why` a sentence for people. */
  | { readonly kind: 'failed'; readonly code: string; readonly why: string }
  /** `code`: what called it off, where that was no request. */
  | { readonly kind: 'cancelled'; readonly code?: string; readonly why: string }
  /** The rest is not needed: it is already as wanted. */
  | { readonly kind: 'enough'; readonly note: string; readonly memo?: Readonly<Record<string, unknown>> }
  /** Neither done nor safely undone: a person must look. Nothing is undone. */
  | { readonly kind: 'unknown'; readonly code: string; readonly why: string };

/** What became of undoing, with facts for whoever treats the outcome. */
export interface Undone {
  readonly note: string;
  readonly memo: Readonly<Record<string, unknown>>;
}

export interface Step<Context> {
  readonly name: string;
  run(context: Context, journal: Journal): Promise<StepOutcome>;
  /** Brings back what `run` changed. Must be safe to run twice, and after a half-done `run`. Gets the context of the way back. */
  undo?(context: Context, journal: Journal): Promise<string | Undone | null>;
}

export type WorkflowOutcome =
  | { readonly kind: 'succeeded'; readonly note: string | null; readonly memo: Readonly<Record<string, unknown>> }
  | { readonly kind: 'failed' | 'cancelled' | 'unknown'; readonly code: string; readonly why: string; readonly memo: Readonly<Record<string, unknown>> };

export async function runWorkflow<Context>(
  steps: readonly Step<Context>[],
  context: Context,
  journal: Journal,
  /** The context that undoing works with: whatever of the way there is still under way must not overtake it. */
  wayBack: (context: Context) => Context = (same) => same,
): Promise<WorkflowOutcome> {
  let memo = journal.memo;
  const withMemo = (): Journal => Object.assign(Object.create(journal) as Journal, { memo });
  const attempted: Step<Context>[] = steps.filter((step) => journal.doneSteps.includes(step.name));
  for (const step of steps) {
    if (journal.doneSteps.includes(step.name)) continue;
    attempted.push(step);
    await journal.stepStarted(step.name);
    const outcome = await attempt(step, context, withMemo());
    if (outcome.kind === 'done' || outcome.kind === 'enough') {
      memo = { ...memo, ...outcome.memo };
      await journal.stepDone(step.name, outcome.note ?? null, memo);
      if (outcome.kind === 'enough') return { kind: 'succeeded', note: outcome.note, memo };
      continue;
    }
    await journal.stepFailed(step.name, outcome.why);
    const code = outcome.kind === 'cancelled' ? (outcome.code ?? 'cancelled') : outcome.code;
    if (outcome.kind === 'unknown') return { kind: 'unknown', code, why: outcome.why, memo };
    const undone = await undoAll([...attempted].reverse(), wayBack(context), withMemo());
    memo = { ...memo, ...undone.memo };
    if (undone.trouble !== null) return { kind: 'unknown', code: 'undo-failed', why: `${outcome.why}; and undoing failed: ${undone.trouble}`, memo };
    return { kind: outcome.kind, code, why: outcome.why, memo };
  }
  return { kind: 'succeeded', note: null, memo };
}

async function attempt<Context>(step: Step<Context>, context: Context, journal: Journal): Promise<StepOutcome> {
  try {
    return await step.run(context, journal);
  } catch (error) {
    if (error instanceof JournalLost) throw error;
    return { kind: 'failed', code: 'step-threw', why: `${step.name}: ${messageOf(error)}` };
  }
}

async function undoAll<Context>(steps: readonly Step<Context>[], context: Context, journal: Journal): Promise<{ readonly trouble: string | null; readonly memo: Undone['memo'] }> {
  let memo: Undone['memo'] = {};
  for (const step of steps) {
    if (!step.undo) continue;
    try {
      const undone = await step.undo(context, journal);
      const note = undone !== null && typeof undone === 'object' ? undone.note : undone;
      if (undone !== null && typeof undone === 'object') memo = { ...memo, ...undone.memo };
      await journal.stepUndone(step.name, note);
    } catch (error) {
      if (error instanceof JournalLost) throw error;
      return { trouble: `${step.name}: ${messageOf(error)}`, memo };
    }
  }
  return { trouble: null, memo };
}
