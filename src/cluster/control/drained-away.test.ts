// What the latest drain of a host took away, read from its operations page by page.
import { describe, expect, it } from 'vitest';
import { aHost, anOperation, aWorkload, NOW_MS } from '../../../test/fixtures/cluster.js';
import { operationId } from '../../shared/ids.js';
import type { Operation } from '../operation.js';
import { drainedAway } from './drained-away.js';

const [one, two, three] = [aHost('host-1'), aHost('host-2'), aHost('host-3')];
const drain = (id: string, createdAtMs: number): Operation => anOperation('drain', { id: operationId(id), hostId: one.id, state: 'succeeded', createdAtMs });
const moved = (name: string, by: string, set: Partial<Operation> = {}): Operation =>
  anOperation('migrate', { id: operationId(`${by}-${name}`), workloadId: aWorkload(name, null).id, hostId: one.id, targetHostId: two.id, state: 'succeeded', params: { drain: by }, createdAtMs: NOW_MS, ...set });

/** Newest first, as the store gives them. */
const storeOf = (operations: readonly Operation[]): Parameters<typeof drainedAway>[0] => ({
  listOperations: async ({ kind, hostId, states, limit, before }) => {
    const from = before === undefined ? 0 : operations.findIndex(({ id }) => id === before) + 1;
    return operations.slice(from).filter((each) => each.kind === kind && (each.hostId === hostId || each.targetHostId === hostId) && (states?.includes(each.state) ?? true)).slice(0, limit);
  },
});

const names = async (operations: readonly Operation[], at: Readonly<Record<string, typeof one>>, hosts = [one]): Promise<readonly string[]> =>
  (await drainedAway(storeOf(operations), { workloads: Object.entries(at).map(([name, host]) => aWorkload(name, host)) }, hosts.map(({ id }) => id))).map(({ workloadId, hostId }) => `${workloadId} ${hostId}`.replaceAll('id-', ''));

describe('drainedAway', () => {
  it('is what the latest drain moved, and what is still where that put it', async () => {
    const operations = [moved('a', 'new'), moved('b', 'new', { kind: 'relocate' }), moved('c', 'new'), moved('gone', 'new'), moved('fails', 'new', { state: 'failed' }), moved('d', 'old'), moved('e', 'none', { params: { cause: 'operator' } }), drain('new', NOW_MS - 10), drain('old', NOW_MS - 1_000)];
    expect(await names(operations, { a: two, b: two, c: three, d: two, e: two, fails: two })).toEqual(['a host-1', 'b host-1']);
  });

  it('is nothing where there was no drain, and reads on where there were many moves', async () => {
    expect(await names([moved('a', 'new')], { a: two })).toEqual([]);
    const others = Array.from({ length: 600 }, (_, nth) => moved(`x${nth}`, 'none', { params: {} }));
    expect(await names([...others, moved('a', 'new'), drain('new', NOW_MS - 10)], { a: two })).toEqual(['a host-1']);
  });
});
