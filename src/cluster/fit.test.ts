// How many more fit, as it is told.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aWorkload } from '../../test/fixtures/cluster.js';
import { GENERATED_POLICY } from '../../test/fixtures/generated-cluster.js';
import { PLAIN } from '../cli/format.js';
import { showFit } from '../cli/show-fit.js';
import type { PlacementView } from '../scheduler/placement.js';
import { fitDocument } from './fit.js';

const hosts = ['a', 'b', 'c'].map((name) => aHost(name, { facts: aFacts({ memoryMiB: 8_192 + GENERATED_POLICY.reservedMemoryMiB }) }));
const [first = aHost('a')] = hosts;
const device = aWorkload('gpu-1', first);
const workloads = [aWorkload('db-1', first), { ...device, needs: { ...device.needs, pinnedBy: ['the device 0000:01:00.0'] } }];
const view: PlacementView = { hosts, workloads, heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set(), promised: [], rules: [], policy: GENERATED_POLICY };

describe('fitDocument', () => {
  it('of a size: so many, and the loss that one more would leave without room', () => {
    const found = fitDocument(view, { one: { memoryMiB: 2_048, vcpus: 2 }, mode: 'n+1', most: 100 });
    expect(found).toEqual({ like: null, memoryMiB: 2_048, vcpus: 2, mode: 'n+1', most: 100, count: 7, places: 11, stops: expect.stringMatching(/^one more would leave no room for failure \(n\+1\): with \w lost, 1 workload stays down: /) });
    expect(showFit(found, PLAIN)).toMatch(/^7 of 2.0 GiB and 2 vCPUs fit with room for the loss of any one host\n {2}11 have a place when no loss is thought of\n {2}one more would/);
  });

  it('like a workload that is there: its needs, not its place', () => {
    const found = fitDocument(view, { one: { like: 'db-1' }, mode: 'off', most: 5 });
    expect(found).toMatchObject({ like: 'db-1', memoryMiB: 1_024, count: 5, stops: null });
    expect(showFit(found, PLAIN)).toBe('5 or more like db-1 (1.0 GiB and 1 vCPU) fit');
  });

  it('like one that is tied to its host: none, with the reason', () => {
    expect(fitDocument(view, { one: { like: 'gpu-1' }, mode: 'n+1', most: 5 })).toMatchObject({ count: 0, stops: expect.stringContaining('0000:01:00.0') });
  });

  it('like nobody: refused', () => {
    expect(() => fitDocument(view, { one: { like: 'nobody' }, mode: 'off', most: 5 })).toThrow(/nobody/);
  });
});
