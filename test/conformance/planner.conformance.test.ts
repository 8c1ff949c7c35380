// Both planners pass the suite of their port; and what can go wrong with a thread is told as it is.
import { setTimeout as passed } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Planner } from '../../src/cluster/planner.js';
import { plannerHere } from '../../src/cluster/planner-here.js';
import { ThreadPlanner, type ThreadPlannerOptions } from '../../src/planner/thread-planner.js';
import { Defect, OperationalError } from '../../src/shared/errors.js';
import { generatedCluster } from '../fixtures/generated-cluster.js';
import { plannerProgram, type PlannerProgram } from '../fixtures/planner-program.js';
import { plannerConformance } from './planner.conformance.js';

let program: PlannerProgram;
beforeAll(async () => void (program = await plannerProgram()));
afterAll(() => program?.remove());

plannerConformance('in the asking thread', async () => plannerHere());
plannerConformance('in threads of its own', async () => new ThreadPlanner({ entry: program.entry }));

/** Does what the name of the workload says; answers with its own number, and how many were asked of it before. */
const OBEDIENT = `
  import { parentPort, threadId } from 'node:worker_threads';
  let asked = 0;
  parentPort.on('message', ({ kind, asked: what }) => {
    if (kind !== 'ask') return;
    const { workload, may } = what;
    if (workload === 'ends') process.exit(7);
    if (workload === 'throws') setImmediate(() => { throw new Error('it broke'); });
    else if (workload === 'is silent') return;
    else if (workload === 'loops') for (;;) Atomics.add(may, 0, 1);
    else if (workload === 'defect') parentPort.postMessage({ kind: 'refused', error: { kind: 'defect', message: 'our mistake', stack: 'there' } });
    else {
      if (workload === 'waits') Atomics.wait(may, 0, 0);
      parentPort.postMessage({ kind: 'answer', answer: { threadId, before: asked++ } });
    }
  });`;

/** In which a thread is surely started, also on a machine that has much to do. */
const BOUND_MS = 2_000;

describe('a planner in threads', () => {
  const view = generatedCluster({ hosts: 3, workloads: 6, fill: 0.5 });
  const opened: Planner[] = [];
  afterEach(async () => void (await Promise.all(opened.splice(0).map((one) => one.close()))));
  const open = (set: Partial<ThreadPlannerOptions> = {}) => {
    const planner = new ThreadPlanner({ entry: new URL(`data:text/javascript,${encodeURIComponent(OBEDIENT)}`), ...set });
    opened.push(planner);
    return async (workload: string, more: object = {}) => (await planner.compute('place', { view, workload, ...more })) as unknown as { threadId: number; before: number };
  };
  const refusal = (asked: Promise<unknown>): Promise<unknown> => asked.then(() => 'it was answered', (error: unknown) => error);

  it('leaves the thread that asks free while it computes', async () => {
    const ask = open();
    const may = new Int32Array(new SharedArrayBuffer(4));
    const state = { isAnswered: false };
    const answer = ask('waits', { may }).then(() => (state.isAnswered = true));
    // It would stand still for ever if this were its thread.
    await passed(20);
    expect(state.isAnswered).toBe(false);
    Atomics.store(may, 0, 1);
    Atomics.notify(may, 0);
    await answer;
    expect(state.isAnswered).toBe(true);
  });

  it('keeps a thread for what is asked next', async () => {
    const ask = open();
    const first = await ask('a');
    expect(await ask('b')).toEqual({ threadId: first.threadId, before: first.before + 1 });
  });

  it('runs two at a time; others wait in order', async () => {
    const ask = open();
    const order: string[] = [];
    const answers = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(async (name) => {
      const answer = await ask(name);
      order.push(name);
      return answer;
    }));
    expect(new Set(answers.map(({ threadId }) => threadId)).size).toBe(2);
    const alone = open({ atOnce: 1 });
    order.splice(0);
    const one = await Promise.all(['a', 'b', 'c'].map(async (name) => ({ ...(await alone(name)), told: order.push(name) })));
    expect(order).toEqual(['a', 'b', 'c']);
    expect(one.map(({ before }) => before)).toEqual([0, 1, 2]);
  });

  it.each([
    ['ends', 'it was not computed: its thread ended with 7'],
    ['throws', 'it was not computed: it broke'],
  ])('that %s: says so, and the next one has a new thread', async (fault, message) => {
    const ask = open({ atOnce: 1 });
    const before = await ask('a');
    const [failure, next] = await Promise.all([refusal(ask(fault)), ask('b')]);
    expect(failure).toBeInstanceOf(OperationalError);
    expect(failure).toMatchObject({ code: 'failed', message });
    expect(next.before).toBe(0);
    expect(next.threadId).not.toBe(before.threadId);
  });

  it.each(['is silent', 'loops'])('that %s: is given up after its bound, and the next one has a new thread', async (fault) => {
    const ask = open({ atOnce: 1, boundMs: BOUND_MS });
    const before = await ask('a');
    const [failure, next] = await Promise.all([refusal(ask(fault, { may: new Int32Array(new SharedArrayBuffer(4)) })), ask('b')]);
    expect(failure).toBeInstanceOf(OperationalError);
    expect(failure).toMatchObject({ code: 'timeout', message: 'the plan was given up after 2 s of computing' });
    expect(next.before).toBe(0);
    expect(next.threadId).not.toBe(before.threadId);
  });

  it('says what can not be started', async () => {
    const ask = open({ entry: new URL('file:///nowhere/planner.js') });
    expect(await refusal(ask('a'))).toMatchObject({ name: 'OperationalError', code: 'failed', message: expect.stringContaining('/nowhere/planner.js') as string });
  });

  it('tells our own mistakes as such, and goes on', async () => {
    const ask = open({ atOnce: 1 });
    const defect = await refusal(ask('defect'));
    expect(defect).toBeInstanceOf(Defect);
    expect(defect).toMatchObject({ message: 'our mistake', stack: 'there' });
    expect((await refusal(ask('a', { notData: () => undefined }))) as Error).toMatchObject({ name: 'DataCloneError' });
    expect((await ask('b')).before).toBe(0);
  });

  it('refuses more than can wait', async () => {
    const ask = open({ atOnce: 1 });
    const waiting = Array.from({ length: 33 }, () => refusal(ask('is silent')));
    expect(await refusal(ask('one more'))).toMatchObject({ name: 'OperationalError', code: 'busy' });
    await opened[0]?.close();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => expect.objectContaining({ code: 'unreachable' }) as unknown));
  });

  it('is closed with something under way: that is refused, and nothing is left running', async () => {
    const ask = open({ atOnce: 1 });
    const may = new Int32Array(new SharedArrayBuffer(4));
    const [loops, waits] = [refusal(ask('loops', { may })), refusal(ask('a'))];
    while (Atomics.load(may, 0) === 0) await passed(5);
    await opened[0]?.close();
    for (const one of [loops, waits]) expect(await one).toMatchObject({ name: 'OperationalError', code: 'unreachable' });
    const turns = Atomics.load(may, 0);
    await passed(20);
    expect(Atomics.load(may, 0)).toBe(turns);
  });
});
