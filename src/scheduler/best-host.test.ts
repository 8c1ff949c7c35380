// The quick way to the best host beside the plain one, which judges each host: on random clusters, with all that rules, plans, promises and trouble do to scores.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import { bestHost } from './best-host.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementRequest, PlacementView } from './placement.js';
import { ruleIndex, type PlacementRule } from './placement-rule.js';
import { matesOf } from './standing.js';
import { holdsPlace, usageAt } from './usage.js';

const sometimes = (percent: number): fc.Arbitrary<boolean> => fc.integer({ min: 1, max: 100 }).map((one) => one <= percent);
const HOSTS = 9;
const WORKLOADS = 16;

const drawnHost = fc.record({
  memoryMiB: fc.constantFrom(2_560, 4_608, 4_608, 8_704), cpus: fc.constantFrom(2, 4, 4, 8), zone: fc.constantFrom(null, 'a', 'b'), isOnline: sometimes(95), cordoned: sometimes(5), isKnown: sometimes(95),
  isFailing: sometimes(10), isCutOff: sometimes(10), flags: fc.constantFrom(undefined, ['aes'], ['aes', 'avx']), hugepages: sometimes(20), strangerMiB: fc.constantFrom(0, 0, 0, 600),
});
const drawnWorkload = fc.record({
  memoryMiB: fc.constantFrom(256, 512, 512, 1_024, 3_072), vcpus: fc.integer({ min: 1, max: 3 }), host: fc.option(fc.nat(HOSTS - 1)), state: fc.constantFrom('running' as const, 'running' as const, 'migrating' as const, 'stopped' as const, 'error' as const),
  desired: fc.constantFrom('running' as const, 'running' as const, 'stopped' as const), cpuModel: fc.constantFrom('qemu64', 'host-passthrough'), measured: fc.option(fc.record({ cpus: fc.double({ min: 0, max: 3, noNaN: true }), memoryMiB: fc.nat(2_000) })), failedOn: fc.option(fc.nat(HOSTS - 1), { freq: 4 }), hugepages: sometimes(10),
});
const drawnRule = fc.record({
  type: fc.constantFrom('keep-apart' as const, 'keep-together' as const, 'hosts' as const), hard: fc.boolean(), per: fc.constantFrom('host' as const, 'zone' as const), members: fc.uniqueArray(fc.nat(WORKLOADS - 1), { minLength: 2, maxLength: 5 }),
  hosts: fc.uniqueArray(fc.record({ host: fc.nat(HOSTS - 1), priority: fc.nat(2) }), { minLength: 1, maxLength: 4, selector: ({ host }) => host }),
});
const drawnView = fc.record({
  hosts: fc.array(drawnHost, { minLength: 1, maxLength: HOSTS }), workloads: fc.array(drawnWorkload, { minLength: 1, maxLength: WORKLOADS }), rules: fc.array(drawnRule, { maxLength: 4 }), strategy: fc.constantFrom('balanced' as const, 'capacity' as const, 'usage' as const),
  memoryOvercommit: fc.constantFrom(1, 1.3), cpuOvercommit: fc.constantFrom(2, 3), promised: fc.array(fc.record({ workload: fc.nat(WORKLOADS), host: fc.nat(HOSTS) }), { maxLength: 6 }),
});
const drawnRequest = fc.record({ workload: fc.nat(WORKLOADS - 1), isNew: sometimes(20), exclude: fc.array(fc.nat(HOSTS - 1), { maxLength: 2 }), planned: fc.option(fc.nat(HOSTS - 1)), leftByMates: fc.array(fc.nat(HOSTS - 1), { maxLength: 2 }) });

type Drawn<T> = T extends fc.Arbitrary<infer One> ? One : never;

function hostOf({ memoryMiB, cpus, zone, isOnline, cordoned, isKnown, isFailing, isCutOff, flags, hugepages }: Drawn<typeof drawnHost>, nth: number): Host {
  const facts = { ...aFacts({ memoryMiB, cpus, ...(flags ? { cpuFlags: flags } : {}) }), ...(hugepages ? { hugepages: [{ sizeKiB: 2_048, total: 200, free: 200, isDefault: true }] } : {}) };
  const trouble = { deadBridges: isCutOff ? [{ bridge: 'br0', why: 'no carrier' }] : [], failing: isFailing ? ['its memory'] : [], bridgesSinceMs: NOW_MS, failingSinceMs: NOW_MS };
  return aHost(`h${nth}`, { zone, cordoned, condition: isOnline ? 'online' : 'fenced', facts: isKnown ? facts : null, trouble: isFailing || isCutOff ? trouble : null });
}

function workloadOf({ memoryMiB, vcpus, host, state, desired, cpuModel, measured, failedOn, hugepages }: Drawn<typeof drawnWorkload>, nth: number, hosts: readonly Host[]): Workload {
  const plain = aWorkload(`w${nth}`, host === null ? null : (hosts[host] ?? null), { state, desired, usage: measured });
  const failed = failedOn === null ? undefined : hosts[failedOn]?.id;
  return { ...plain, needs: { ...plain.needs, memoryMiB, vcpus, cpuModel, ...(hugepages ? { hugepages: [{ sizeKiB: null, memoryMiB: 128 }] } : {}) }, failures: { ...plain.failures, failedHostIds: failed === undefined ? [] : [failed] } };
}

function viewOf(drawn: Drawn<typeof drawnView>): PlacementView {
  const hosts = drawn.hosts.map(hostOf);
  const workloads = drawn.workloads.map((one, nth) => workloadOf(one, nth, hosts));
  const rules = drawn.rules.map(({ type, hard, per, members, hosts: named }, nth): PlacementRule => {
    const head = { name: `r${nth}`, hard, workloads: members.flatMap((member) => workloads[member]?.id ?? []) };
    return type === 'hosts' ? { ...head, type, hosts: named.flatMap(({ host, priority }) => hosts.slice(host, host + 1).map(({ id }) => ({ hostId: id, priority }))) } : { ...head, type, per };
  });
  const strangers = new Map(drawn.hosts.flatMap(({ strangerMiB }, nth) => hosts.slice(nth, nth + 1).filter(() => strangerMiB > 0).map(({ id }) => [id, { memoryMiB: strangerMiB, vcpus: 1, workloads: 1 }] as const)));
  const promised = drawn.promised.map(({ workload, host }) => ({ workloadId: `id-w${workload}`, hostId: `id-h${host}` as HostId }));
  return { hosts, workloads, heard: new Set(hosts.map(({ id }) => id)), leaseless: new Set<never>(), strangers, promised, rules, policy: { strategy: drawn.strategy, memoryOvercommit: drawn.memoryOvercommit, cpuOvercommit: drawn.cpuOvercommit, reservedMemoryMiB: 512 } };
}

function requestOf({ hosts, workloads }: PlacementView, { workload, isNew, exclude, planned, leftByMates }: Drawn<typeof drawnRequest>): PlacementRequest {
  const one = workloads[workload % workloads.length] ?? aWorkload('w', null);
  const idsOf = (some: readonly number[]): readonly HostId[] => some.flatMap((nth) => hosts[nth]?.id ?? []);
  return { workload: isNew ? { ...one, id: `${one.id}-new` as Workload['id'], hostId: null } : one, exclude: idsOf(exclude).map((hostId) => ({ hostId, why: 'it is left' })), planned: planned === null ? undefined : hosts[planned]?.id, leftByMates: idsOf(leftByMates) };
}

/** It is placed by the whole ranking. */
function inOneZone({ rules }: PlacementView, { id }: Workload): boolean {
  const index = ruleIndex(rules);
  return index.zoneGroup(id).length > index.group(id).length;
}

/** The same numbers, and nothing kept of them. */
const anew = (view: PlacementView): PlacementView => ({ ...view, hosts: [...view.hosts], workloads: [...view.workloads], rules: [...view.rules], promised: [...view.promised] });

describe('the quick way to the best host', () => {
  it('gives the host that ranks first when each is judged', () => {
    let placedOnes = 0;
    fc.assert(fc.property(drawnView.map(viewOf), fc.array(drawnRequest, { minLength: 1, maxLength: 4 }), (view, requests) => {
      for (const drawn of requests) {
        const request = requestOf(view, drawn);
        const placed = placeWorkload(view, request);
        const first = placed.ok ? placed.value.ranking[0]?.hostId : undefined;
        expect(placed.ok ? placed.value.hostId : undefined).toBe(first);
        if (placed.ok) placedOnes += 1;
        if (inOneZone(view, request.workload)) continue;
        const home = view.hosts.find(({ id }) => id === request.workload.hostId) ?? null;
        expect(bestHost({ view, request, home, companions: matesOf(view, request).companions })?.id).toBe(first);
      }
    }), { numRuns: 500 });
    expect(placedOnes).toBeGreaterThan(400);
  });

  it('keeps up with promises as they are made', () => {
    fc.assert(fc.property(drawnView.map(viewOf), fc.array(drawnRequest, { minLength: 1, maxLength: 12 }), (drawnOne, requests) => {
      const promised = [...drawnOne.promised];
      const view = { ...drawnOne, promised };
      for (const drawn of requests) {
        const request = requestOf(view, drawn);
        const placed = placeWorkload(view, request);
        const again = placeWorkload(anew(view), request);
        expect(placed.ok ? { ...placed.value } : placed.error).toEqual(again.ok ? { ...again.value } : again.error);
        if (placed.ok) promised.push({ workloadId: request.workload.id, hostId: placed.value.hostId });
      }
    }), { numRuns: 200 });
  });
});

describe('usage of a host', () => {
  it('is the sum of what holds a place there, what it is promised to, and what Reeve does not know', () => {
    fc.assert(fc.property(drawnView.map(viewOf), fc.nat(WORKLOADS - 1), (view, nth) => {
      const except = view.workloads[nth] ?? null;
      for (const { id } of view.hosts) {
        const isThere = (one: Workload): boolean => (one.hostId === id && holdsPlace(one)) || view.promised.some(({ workloadId, hostId }) => hostId === id && workloadId === one.id);
        const there = view.workloads.filter((one) => one !== except && isThere(one));
        const unknown = view.strangers?.get(id);
        const usage = usageAt(view, id, except);
        const memoryMiB = there.reduce((sum, { needs }) => sum + Math.max(0, needs.memoryMiB - (needs.hugepages?.[0]?.memoryMiB ?? 0)), unknown?.memoryMiB ?? 0);
        expect(usage).toMatchObject({ memoryMiB, vcpus: there.reduce((sum, { needs }) => sum + needs.vcpus, unknown?.vcpus ?? 0), workloads: there.length + (unknown?.workloads ?? 0) });
      }
    }), { numRuns: 200 });
  });
});
