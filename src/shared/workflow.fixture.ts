// For tests of workflows: a clock that only moves when slept on, and a journal that can be killed at any write.
import type { Clock } from './clock.js';
import { JournalLost, runWorkflow, type Journal, type Step, type WorkflowOutcome } from './workflow.js';

export function fakeClock(): Clock & { passed: () => number } {
  let now = 0;
  return { nowMs: () => 1_000_000 + now, monotonicMs: () => now, sleep: async (ms) => void (now += ms), passed: () => now };
}

/** A journal in memory. At its `crashAt`-th write (1 is the first) it is lost before anything is written, as by kill -9. */
export function crashingJournal(crashAt: number | null = null): { journal: () => Journal; cancel: () => void; log: string[]; lines: string[] } {
  const log: string[] = [];
  const lines: string[] = [];
  const done: string[] = [];
  let memo: Readonly<Record<string, unknown>> = {};
  let writes = 0;
  let cancelled = false;
  const write = (line: string): void => {
    writes += 1;
    if (writes === crashAt) throw new JournalLost('killed');
    log.push(line);
  };
  const journal = (): Journal => ({
    doneSteps: [...done],
    memo,
    stepStarted: async (name) => write(`started ${name}`),
    stepDone: async (name, _note, newMemo) => {
      write(`done ${name}`);
      done.push(name);
      // What the store keeps is JSON: nothing else survives.
      memo = JSON.parse(JSON.stringify(newMemo)) as Record<string, unknown>;
    },
    stepFailed: async (name, why) => write(`failed ${name}: ${why}`),
    stepUndone: async (name) => {
      write(`undone ${name}`);
      if (done.includes(name)) done.splice(done.indexOf(name), 1);
    },
    progress: async ({ line }) => {
      write('progress');
      lines.push(line);
    },
    cancelRequested: async () => cancelled,
  });
  return { journal, cancel: () => void (cancelled = true), log, lines };
}

/** More than any workflow here writes. */
const MAX_WRITES = 40;

/** Runs a workflow once for each write at which it can be killed, resumes it after the kill, and hands each ending over. `wayBack`: as the workflow's own. */
export async function killedEverywhere<World, Context>(
  setUp: () => { readonly world: World; readonly context: Context },
  steps: readonly Step<Context>[],
  check: (end: { readonly outcome: WorkflowOutcome; readonly world: World; readonly log: readonly string[]; readonly killedAt: number }) => void,
  wayBack?: (context: Context) => Context,
  /** What the next try works with: its epochs are above those of the one that was killed. */
  nextTry: (context: Context) => Context = (same) => same,
): Promise<number> {
  for (let killedAt = 1; killedAt <= MAX_WRITES; killedAt += 1) {
    const { world, context } = setUp();
    const { journal, log } = crashingJournal(killedAt);
    let outcome: WorkflowOutcome;
    let killed = false;
    try {
      outcome = await runWorkflow(steps, context, journal(), wayBack);
    } catch (error) {
      if (!(error instanceof JournalLost)) throw error;
      killed = true;
      outcome = await runWorkflow(steps, nextTry(context), journal(), wayBack);
    }
    check({ outcome, world, log, killedAt });
    if (!killed) return killedAt;
  }
  throw new Error(`the workflow writes more than ${MAX_WRITES} times`);
}

/** Runs a workflow in which each step, and each undo, runs twice in a row. */
export async function everythingTwice<World, Context>(
  { world, context }: { readonly world: World; readonly context: Context },
  steps: readonly Step<Context>[],
): Promise<{ readonly outcome: WorkflowOutcome; readonly world: World }> {
  const twice = steps.map((step): Step<Context> => ({
    ...twiceUndone(step),
    run: async (...args) => {
      const first = await step.run(...args);
      return first.kind === 'enough' ? first : step.run(...args);
    },
  }));
  return { outcome: await runWorkflow(twice, context, crashingJournal().journal()), world };
}

/**
 * Runs a workflow once for each step at which it can fail, before that step did its work and after; what was done is undone, twice.
 * Hands each ending over.
 */
export async function failedAtEachStep<World, Context>(
  setUp: () => { readonly world: World; readonly context: Context },
  steps: readonly Step<Context>[],
  check: (end: { readonly outcome: WorkflowOutcome; readonly world: World; readonly failedAt: string; readonly when: 'before' | 'after' }) => void,
  wayBack?: (context: Context) => Context,
): Promise<void> {
  for (const { name: failedAt } of steps) {
    for (const when of ['before', 'after'] as const) {
      const { world, context } = setUp();
      const failing = steps.map((step) => (step.name === failedAt ? failingStep(step, when) : twiceUndone(step)));
      check({ outcome: await runWorkflow(failing, context, crashingJournal().journal(), wayBack), world, failedAt, when });
    }
  }
}

function failingStep<Context>(step: Step<Context>, when: 'before' | 'after'): Step<Context> {
  return {
    ...twiceUndone(step),
    run: async (...args) => {
      const outcome = when === 'after' ? await step.run(...args) : null;
      return outcome?.kind === 'unknown' ? outcome : { kind: 'failed', code: 'injected', why: `made to fail ${when} ${step.name}` };
    },
  };
}

function twiceUndone<Context>(step: Step<Context>): Step<Context> {
  const { undo } = step;
  if (!undo) return step;
  return { ...step, undo: async (...args) => (await undo.apply(step, args), undo.apply(step, args)) };
}
