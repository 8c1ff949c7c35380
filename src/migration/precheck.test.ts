// What stands against a migration is said before anything moves, with its remedy.
import { describe, expect, it } from 'vitest';
import { crashingJournal } from '../shared/workflow.fixture.js';
import type { Look } from '../workloads/place.js';
import { DESTINATION, moveWorld, SOURCE, UUID, type MoveWorld } from './migration.fixture.js';
import { whyNotCopy, whyNotMigrate } from './precheck.js';
import { runMigration } from './run-migration.js';

const RUNNING: Look = { kind: 'seen', observed: { uuid: UUID, name: 'vm-1', kind: 'vm', driver: 'libvirt', runState: 'running', reason: 'booted', vcpus: 1, memoryMiB: 1, autostart: false, persistent: true } };
const ABSENT: Look = { kind: 'seen', observed: null };
const BLIND: Look = { kind: 'blind', why: 'no route' };
const PAUSED: Look = { ...RUNNING, observed: { ...RUNNING.observed!, runState: 'paused', reason: 'ioerror' } };

const { workload } = moveWorld().migration;

describe('whyNotMigrate', () => {
  it.each<[string, Look, Look, boolean, string | null]>([
    ['fit', RUNNING, ABSENT, false, null],
    ['source blind', BLIND, ABSENT, false, 'source-unreachable'],
    ['not there', ABSENT, ABSENT, false, 'not-running'],
    ['paused', PAUSED, ABSENT, false, 'not-running'],
    ['another transfer', RUNNING, ABSENT, true, 'busy'],
    ['destination blind', RUNNING, BLIND, false, 'destination-unreachable'],
    ['runs there too', RUNNING, RUNNING, false, 'already-there'],
  ])('%s', (_name, source, destination, otherJob, code) => {
    expect(whyNotMigrate({ workload, source: { name: SOURCE, look: source }, destination: { name: DESTINATION, look: destination }, otherJob })?.code ?? null).toBe(code);
  });

  it('pinned, or nowhere else to go', () => {
    const pinned = { ...workload, needs: { ...workload.needs, pinnedBy: ['hostdev 0000:01:00.0'] } };
    const sides = { source: { name: SOURCE, look: RUNNING }, destination: { name: DESTINATION, look: ABSENT }, otherJob: false };
    expect(whyNotMigrate({ workload: pinned, ...sides })).toMatchObject({ code: 'pinned', why: expect.stringContaining('hostdev 0000:01:00.0') });
    expect(whyNotMigrate({ workload, ...sides, destination: { name: SOURCE, look: RUNNING } })?.code).toBe('same-host');
  });
});

describe('whyNotCopy', () => {
  const pool = (markerId: string | null, path = '/srv/shared'): Parameters<typeof whyNotCopy>[1] => [{ name: 'shared', path, markerId, freeMiB: 1, totalMiB: 1 }];
  it('never lets a disk be copied onto itself', () => {
    expect(whyNotCopy(workload.needs, pool('a'), pool('a'))?.code).toBe('storage-shared');
    expect(whyNotCopy(workload.needs, pool(null), pool(null))?.code).toBe('storage-shared');
    expect(whyNotCopy(workload.needs, pool('a'), pool('b'))).toBeNull();
    expect(whyNotCopy(workload.needs, pool('a'), pool('b', '/elsewhere'))?.code).toBe('pool-missing');
  });
});

async function refusalOf(one: MoveWorld): Promise<unknown> {
  const outcome = await runMigration(one.migration, crashingJournal().journal());
  expect(one.world.executingOn(UUID)).toEqual([SOURCE]);
  expect(one.world.host(SOURCE).migrations.size).toBe(0);
  return outcome;
}

describe('precheck at the hosts', () => {
  it('names another workload of the same name', async () => {
    const one = moveWorld();
    const definition = one.migration.workload.definition;
    one.world.host(DESTINATION).domains.set('other', { uuid: 'other', name: 'vm-1', kind: 'vm', definition, running: null, reason: 'shutdown', autostart: false, statistics: null });
    expect(await refusalOf(one)).toMatchObject({ kind: 'failed', code: 'name-taken', why: expect.stringContaining('virsh domrename other') });
  });

  it('names a disk that the destination does not see', async () => {
    expect(await refusalOf(moveWorld({ disk: '/srv/local/vm-1.raw' }))).toMatchObject({ kind: 'failed', code: 'file-missing', why: expect.stringContaining('/srv/local/vm-1.raw') });
  });

  it('copies a local disk where that is allowed, and refuses to copy a shared one', async () => {
    const local = moveWorld({ disk: '/srv/local/vm-1.raw', copyStorage: true });
    expect(await runMigration(local.migration, crashingJournal().journal())).toMatchObject({ kind: 'succeeded' });
    expect(await refusalOf(moveWorld({ copyStorage: true }))).toMatchObject({ kind: 'failed', code: 'storage-shared' });
  });

  it('begins nothing when it is cancelled already', async () => {
    const one = moveWorld();
    const { journal, cancel } = crashingJournal();
    cancel();
    expect(await runMigration(one.migration, journal())).toMatchObject({ kind: 'cancelled' });
    expect(one.world.host(SOURCE).migrations.size).toBe(0);
  });
});
