// What facts of a host must be, whoever gives them: a real host, a recorded one, a simulated one.
import { expect } from 'vitest';
import type { HostFacts } from '../../src/hosts/host-facts.js';
import { reservedHugepagesMiB } from '../../src/hosts/hugepages.js';

export function expectSoundFacts(facts: HostFacts): void {
  const { hugepages, ksmSavedMiB, cpuFlags, memoryMiB } = facts;
  expect(facts.cpus).toBeGreaterThan(0);
  expect(facts.freeMemoryMiB).toBeLessThanOrEqual(memoryMiB);
  // Always known; what is absent comes from an older release.
  expect(hugepages).toBeDefined();
  for (const pool of hugepages ?? []) {
    expect(pool.total).toBeGreaterThan(0);
    expect(pool.free).toBeGreaterThanOrEqual(0);
    expect(pool.free).toBeLessThanOrEqual(pool.total);
  }
  expect((hugepages ?? []).map(({ sizeKiB }) => sizeKiB)).toEqual([...new Set((hugepages ?? []).map(({ sizeKiB }) => sizeKiB))].sort((one, other) => one - other));
  expect((hugepages ?? []).filter(({ isDefault }) => isDefault).length).toBeLessThanOrEqual(1);
  expect(reservedHugepagesMiB(facts)).toBeLessThan(memoryMiB);
  expect(ksmSavedMiB).toBeGreaterThanOrEqual(0);
  if (cpuFlags !== undefined) {
    expect(cpuFlags.length).toBeGreaterThan(0);
    expect([...new Set(cpuFlags)].sort()).toEqual(cpuFlags);
  }
  for (const { pools } of facts.containerDaemons) for (const pool of pools) if (pool.freeMiB !== undefined) expect(pool.freeMiB).toBeLessThanOrEqual(pool.totalMiB ?? -1);
}
