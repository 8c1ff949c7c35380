// Where a cluster's tables are, and how a connection is kept to them.
import { describe, expect, it } from 'vitest';
import { connectionTo, furtherOf, placeOf } from './cluster-schema.js';
import { inSchema, poolSizeFor } from './connection.js';

describe('the place of a cluster', () => {
  it('is as before for the first, and its own for each other one', () => {
    expect(placeOf(null)).toEqual({ schema: null, channel: 'reeve_change' });
    expect(placeOf('b-2')).toEqual({ schema: 'cluster_b_2', channel: 'reeve_change_cluster_b_2' });
    expect([furtherOf('cluster_b_2'), furtherOf('public')]).toEqual(['b-2', null]);
    // Postgres cuts names off here, and two long ones would be one.
    expect(Math.max(...Object.values(placeOf('x'.repeat(40))).map((name) => String(name).length))).toBeLessThan(64);
  });

  it('is said with each connection, whatever options were given', () => {
    const parts = { host: '/run/pg', port: 5432, user: 'u', database: 'd' };
    expect(connectionTo(parts, placeOf(null))).toBe(parts);
    expect(inSchema(parts, 's')).toEqual({ ...parts, options: '-c search_path=s' });
    expect(inSchema({ ...parts, options: '-c jit=off' }, 's')).toMatchObject({ options: '-c jit=off -c search_path=s' });
    const urls = ['postgres://u:p%3Fw@db/d', 'postgres://u@/d?host=%2Frun%2Fpg', 'postgres://db/d?options=-c%20jit%3Doff'].map((connectionString) => inSchema({ connectionString }, 's'));
    const queries = urls.map((one) => new URLSearchParams(('connectionString' in one ? one.connectionString : '').split('?')[1]));
    expect(queries.map((query) => query.get('options'))).toEqual(['-c search_path=s', '-c search_path=s', '-c jit=off -c search_path=s']);
    expect(queries[1]?.get('host')).toBe('/run/pg');
  });

  it('leaves room for three replicas in a hundred connections, up to 12 clusters', () => {
    expect(poolSizeFor(1)).toBe(16);
    for (let clusters = 1; clusters <= 16; clusters += 1) expect(poolSizeFor(clusters)).toBeGreaterThanOrEqual(2);
    for (let clusters = 1; clusters <= 12; clusters += 1) expect(clusters * poolSizeFor(clusters)).toBeLessThanOrEqual(24);
  });
});
