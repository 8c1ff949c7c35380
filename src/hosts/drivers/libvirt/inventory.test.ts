// What virsh lists and what is made of it, with recorded answers.
import { describe, expect, it } from 'vitest';
import { mayBeMigrating, parseInventory, withMigrationSide } from './inventory.js';
import { migrationSideOf, progressOf, statisticsOf } from './job.js';
import { EMPTY_INVENTORY, INCOMING, INVENTORY, JOB_AT_DESTINATION, JOB_COMPLETED, JOB_NONE, JOB_RUNNING, JOB_STARTING, JOB_UNKNOWN_DOMAIN } from './recorded.fixture.js';

describe('parseInventory', () => {
  it('reads states, reasons, sizes and flags of all domains', () => {
    expect(parseInventory(INVENTORY)).toEqual([
      { uuid: '11111111-2222-4333-8444-00000000009a', name: 'tr an', kind: 'vm', driver: 'libvirt', runState: 'running', reason: 'booted', vcpus: 1, memoryMiB: 16, autostart: false, persistent: false },
      { uuid: '11111111-2222-4333-8444-000000000001', name: 'g1', kind: 'vm', driver: 'libvirt', runState: 'running', reason: 'migrated', vcpus: 1, memoryMiB: 16, autostart: false, persistent: true },
      { uuid: '11111111-2222-4333-8444-000000000003', name: 'g3', kind: 'vm', driver: 'libvirt', runState: 'stopped', reason: 'destroyed', vcpus: 1, memoryMiB: 24, autostart: true, persistent: true },
      { uuid: '11111111-2222-4333-8444-000000000004', name: "it's @ home", kind: 'vm', driver: 'libvirt', runState: 'paused', reason: 'user', vcpus: 1, memoryMiB: 16, autostart: false, persistent: true },
    ]);
    expect(parseInventory(EMPTY_INVENTORY)).toEqual([]);
  });

  it('takes no answer that was cut short: what is missing in it would look gone', () => {
    for (let length = 0; length < INVENTORY.length; length += 7) expect(() => parseInventory(INVENTORY.slice(0, length))).toThrow('ended before its end');
  });

  it.each([
    [1, 6, 'running', 'migration-canceled'],
    [2, 0, 'running', 'blocked'],
    [3, 5, 'paused', 'ioerror'],
    [4, 1, 'stopping', 'user'],
    [5, 3, 'stopped', 'crashed'],
    [5, 4, 'stopped', 'migrated'],
    [6, 1, 'paused', 'panicked'],
    [7, 0, 'paused', 'suspended-by-guest'],
    [1, 99, 'running', 'unknown'],
  ])('names state %i with reason %i: %s, %s', (state, reason, runState, word) => {
    const text = INCOMING(2).replace('state.state=3', `state.state=${state}`).replace('state.reason=2', `state.reason=${reason}`);
    expect(parseInventory(text)).toMatchObject([{ runState, reason: word }]);
  });

  it('does not guess a state that it does not know', () => {
    expect(() => parseInventory(INCOMING(2).replace('state.state=3', 'state.state=8'))).toThrow('unknown here');
  });
});

describe('sides of a migration', () => {
  const [incoming] = parseInventory(INCOMING(2));
  const [starting] = parseInventory(INCOMING(11));
  if (!incoming || !starting) throw new Error('the recorded answer has no domain');

  it('is asked for where a domain is paused by a migration or is starting', () => {
    expect([incoming, starting].map(mayBeMigrating)).toEqual([true, true]);
    expect(parseInventory(INVENTORY).some(mayBeMigrating)).toBe(false);
  });

  it('tells the destination, the source and an ordinary start apart', () => {
    expect(withMigrationSide(incoming, migrationSideOf(JOB_AT_DESTINATION))).toMatchObject({ runState: 'migrating-in' });
    expect(withMigrationSide(starting, migrationSideOf(JOB_AT_DESTINATION))).toMatchObject({ runState: 'migrating-in', reason: 'migrating' });
    expect(withMigrationSide(incoming, migrationSideOf(JOB_RUNNING))).toMatchObject({ runState: 'migrating-out' });
    expect(withMigrationSide(starting, migrationSideOf(JOB_NONE))).toMatchObject({ runState: 'paused', reason: 'starting-up' });
  });

  it('never calls a half-migrated copy merely paused, also when the job is lost', () => {
    expect(withMigrationSide(incoming, migrationSideOf(JOB_NONE))).toMatchObject({ runState: 'migrating-in' });
    expect(withMigrationSide({ ...incoming, persistent: true }, migrationSideOf(JOB_UNKNOWN_DOMAIN))).toMatchObject({ runState: 'migrating-out' });
  });
});

describe('job', () => {
  it('has progress at the source only, also before the first numbers', () => {
    expect(progressOf(JOB_RUNNING)).toEqual({ elapsedMs: 928, totalBytes: 17_309_696, processedBytes: 133_575, remainingBytes: 16_261_120, iteration: 1, dirtyRatePagesPerSecond: 0 });
    expect(progressOf(JOB_STARTING)).toMatchObject({ elapsedMs: 302, totalBytes: 0 });
    for (const none of [JOB_NONE, JOB_AT_DESTINATION, JOB_UNKNOWN_DOMAIN, JOB_COMPLETED]) expect(progressOf(none)).toBeNull();
  });

  it('has statistics of an incoming migration after its end', () => {
    expect(statisticsOf(JOB_COMPLETED)).toEqual({ totalMs: 1244, downtimeMs: 24, transferredBytes: 676_572 });
    for (const none of [JOB_NONE, JOB_UNKNOWN_DOMAIN, JOB_RUNNING]) expect(statisticsOf(none)).toEqual({ totalMs: null, downtimeMs: null, transferredBytes: null });
  });
});
