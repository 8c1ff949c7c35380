// What follows from each outcome: who is running where, what waits for a person, what is tried again.
import { describe, expect, it } from 'vitest';
import { aHost, anOperation, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import type { WorkflowOutcome } from '../shared/workflow.js';
import type { Change } from './change.js';
import { createEnding, deleteEnding, fenceEnding, moveEnding, startEnding, stopEnding } from './endings.js';
import type { Ending } from './run-operation.js';

const one = aHost('host-1');
const two = aHost('host-2');
const workload = aWorkload('vm-1', one);
const succeeded: WorkflowOutcome = { kind: 'succeeded', note: null, memo: { downtimeMs: 80 } };
const failed = (code: string): WorkflowOutcome => ({ kind: 'failed', code, why: 'because', memo: {} });
const unknown = (code: string): WorkflowOutcome => ({ kind: 'unknown', code, why: 'because', memo: {} });
const cancelled: WorkflowOutcome = { kind: 'cancelled', code: 'cancelled', why: 'asked', memo: {} };
const workloadSet = (ending: Ending): unknown => ending.changes.find((change): change is Extract<Change, { change: 'workload' }> => change.change === 'workload')?.set;
const hostSet = (ending: Ending): unknown => ending.changes.find((change): change is Extract<Change, { change: 'host' }> => change.change === 'host')?.set;

describe('recovery', () => {
  const recover = (outcome: WorkflowOutcome, set = {}): Ending => startEnding({ operation: anOperation('recover'), workload: { ...workload, ...set }, outcome, target: two, from: one, nowMs: NOW_MS });

  it('succeeded: it runs at the target', () => {
    expect(workloadSet(recover(succeeded))).toMatchObject({ state: 'running', hostId: two.id });
  });

  it('failed at the target: that is its home from now on, and the next try counts from there', () => {
    expect(workloadSet(recover(failed('start-failed')))).toMatchObject({ state: 'waiting', hostId: two.id, isDefinedAtHome: false, failures: { restarts: 0, relocations: 0, failedHostIds: [two.id], lastAtMs: NOW_MS } });
  });

  it('never tried at the target: it stays where it was, and nothing is counted', () => {
    const set = workloadSet(recover(failed('target-unreachable')));
    expect(set).toMatchObject({ state: 'waiting', failures: { failedHostIds: [two.id], lastAtMs: null } });
    expect(set).not.toHaveProperty('hostId');
  });

  it('called off: it waits, or is stopped when that is what its owner wants by now', () => {
    expect(workloadSet(recover(cancelled))).toMatchObject({ state: 'waiting' });
    expect(workloadSet(recover(cancelled, { desired: 'stopped' }))).toMatchObject({ state: 'stopped' });
  });

  it('a locked disk is an error at once: something still uses it', () => {
    expect(workloadSet(recover(failed('storage-locked')))).toMatchObject({ state: 'error' });
  });

  it('a target that stopped answering in the middle is its home until it answers or is proven off', () => {
    expect(workloadSet(recover(unknown('target-unknown')))).toMatchObject({ state: 'awaiting-fence', hostId: two.id });
  });
});

describe('moves of what does not run', () => {
  const move = (outcome: WorkflowOutcome): Ending => moveEnding({ operation: anOperation('relocate', { params: { isCold: true, wasDesired: 'running' } }), workload: { ...workload, state: 'stopped' }, outcome, source: one, target: two, nowMs: NOW_MS });

  it.each([
    ['arrived: stopped there', succeeded, { state: 'stopped', hostId: two.id }],
    ['failed: stopped where it was', failed('target-unreachable'), { state: 'stopped' }],
    ['cancelled', cancelled, { state: 'stopped' }],
    ['nobody knows where it is', unknown('place-unknown'), { state: 'error' }],
  ])('%s', (_name, outcome, set) => {
    expect(workloadSet(move(outcome))).toMatchObject(set);
    if (outcome !== succeeded) expect(workloadSet(move(outcome))).not.toHaveProperty('hostId');
  });
});

describe('moves', () => {
  const move = (outcome: WorkflowOutcome, source = one): Ending => moveEnding({ operation: anOperation('migrate'), workload, outcome, source, target: two, nowMs: NOW_MS });

  it.each([
    ['arrived', succeeded, { state: 'running', hostId: two.id }],
    ['did not move: it runs on', failed('did-not-move'), { state: 'running', why: null }],
    ['cancelled: it runs on', cancelled, { state: 'running', why: null }],
    ['its source was lost: recovery follows', failed('source-lost'), { state: 'awaiting-fence' }],
    ['nobody knows: a person', unknown('both-execute'), { state: 'error' }],
  ])('%s', (_name, outcome, expected) => {
    expect(workloadSet(move(outcome))).toMatchObject(expected);
  });

  it('a source that was fenced meanwhile does not count as running', () => {
    expect(workloadSet(move(failed('did-not-move'), { ...one, condition: 'fenced' }))).toMatchObject({ state: 'awaiting-fence' });
  });
});

describe('a relocation of what a person has stopped meanwhile', () => {
  it('leaves it stopped at its source, and says who did it', () => {
    const outcome: WorkflowOutcome = { kind: 'cancelled', code: 'stopped-by-hand', why: 'it was stopped by hand on host-1', memo: {} };
    const ended = moveEnding({ operation: anOperation('relocate'), workload, outcome, source: one, target: two, nowMs: NOW_MS });
    expect([ended.state, workloadSet(ended)]).toEqual(['cancelled', { state: 'stopped', why: 'it was stopped by hand on host-1' }]);
  });
});

describe('a relocation whose source stopped answering as it was ended there', () => {
  it('waits: it was started nowhere else, and what is true is seen once that host answers', () => {
    const ended = moveEnding({ operation: anOperation('relocate'), workload: { ...workload, failures: { restarts: 1, relocations: 0, failedHostIds: [], lastAtMs: 5 } }, outcome: unknown('host-unknown'), source: one, target: two, nowMs: NOW_MS });
    expect([ended.state, workloadSet(ended)]).toMatchObject(['unknown', { state: 'waiting', failures: { restarts: 1, lastAtMs: null } }]);
    expect(workloadSet(ended)).not.toHaveProperty('hostId');
  });
});

describe('a restart elsewhere', () => {
  const operation = anOperation('relocate', { params: { isRestart: true } });
  const restart = (outcome: WorkflowOutcome): Ending => moveEnding({ operation, workload, outcome, source: one, target: two, nowMs: NOW_MS });

  it('did not run before, so it does not run on: the target is its home when it was tried there', () => {
    expect(workloadSet(restart(failed('ended-at-once')))).toMatchObject({ state: 'waiting', hostId: two.id, isDefinedAtHome: false, failures: { failedHostIds: [two.id], lastAtMs: NOW_MS } });
    expect(workloadSet(restart(failed('target-unreachable')))).not.toHaveProperty('hostId');
    expect(workloadSet(restart(failed('storage-locked')))).toMatchObject({ state: 'error' });
  });

  it('tells why it moved', () => {
    const told = moveEnding({ operation: anOperation('migrate', { params: { cause: 'failback' } }), workload, outcome: succeeded, source: one, target: two, nowMs: NOW_MS }).changes;
    expect(told).toContainEqual(expect.objectContaining({ change: 'event', event: expect.objectContaining({ type: 'workload.moved', data: expect.objectContaining({ cause: 'failback', how: 'live' }) as unknown }) as unknown }));
  });
});

describe('the rest', () => {
  const base = { operation: anOperation('stop'), workload, nowMs: NOW_MS };

  it('a stop that failed leaves it running, with the reason', () => {
    expect(workloadSet(stopEnding({ ...base, outcome: failed('did-not-shut-down') }))).toMatchObject({ state: 'running', why: 'stop failed: because' });
  });

  it('a deletion forgets it; a creation that failed leaves nothing', () => {
    expect(deleteEnding({ ...base, outcome: succeeded }).changes).toContainEqual({ change: 'remove-workload', id: workload.id });
    expect(createEnding({ ...base, outcome: failed('disk'), target: one, definition: null }).changes).toContainEqual({ change: 'remove-workload', id: workload.id });
  });

  it('a fence proves the host off and raises its epoch; a failed one leaves it silent; what was proven faster stays', () => {
    const fencing = { ...one, condition: 'fencing' as const };
    const fence = (outcome: WorkflowOutcome, host = fencing): Ending => fenceEnding({ operation: anOperation('fence'), host, outcome, nowMs: NOW_MS }, { kind: 'power-off', evidence: 'ipmi: off' });
    expect(hostSet(fence(succeeded))).toMatchObject({ condition: 'fenced', hostEpoch: 2, proof: { kind: 'power-off', evidence: 'ipmi: off', hostEpoch: 1 } });
    expect(hostSet(fence(failed('fence-failed')))).toMatchObject({ condition: 'silent', why: 'fencing failed: because' });
    expect(fence(failed('fence-failed'), { ...one, condition: 'fenced' } as never).changes).toEqual([]);
  });
});
