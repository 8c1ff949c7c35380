// Limits of instances as numbers.
import { describe, expect, it } from 'vitest';
import { cpusOf, instanceHugepages, memoryOf, sizesOf } from './sizes.js';

describe('cpusOf', () => {
  it.each([['2', 2], ['0-3', 4], ['1-1', 1], ['0,2', 2], ['0-3,2-5,9', 7], ['', null], [undefined, null], ['0', null], ['3-1', null], ['all', null], ['0-99999999', null]])('%s: %s', (limit, cpus) => {
    expect(cpusOf(limit)).toBe(cpus);
  });
});

describe('memoryOf', () => {
  it.each([
    ['512MiB', 512], ['1GiB', 1024], ['1GB', 954], ['1MB', 1], ['1073741824', 1024], ['100kB', 1], ['25%', 250], ['100%', 1000],
    ['', null], [undefined, null], ['0', null], ['many', null], ['5XB', null],
  ])('%s: %s MiB', (limit, mib) => {
    expect(memoryOf(limit, 1000)).toBe(mib);
  });
});

describe('sizesOf', () => {
  const host = { cpus: 8, memoryMiB: 16_000 };
  it('counts one that is not limited as 1 vCPU and 1 GiB: never as nothing, and not as all of its host', () => {
    expect(sizesOf({}, host)).toEqual({ vcpus: 1, memoryMiB: 1024 });
    expect(sizesOf({ 'limits.memory': 'unreadable' }, host)).toEqual({ vcpus: 1, memoryMiB: 1024 });
    expect(sizesOf({ 'limits.cpu': '0-1', 'limits.memory': '10%' }, host)).toEqual({ vcpus: 2, memoryMiB: 1600 });
  });
});

describe('instanceHugepages', () => {
  it('has all of a virtual machine in pages of the default size, where it asks for them', () => {
    expect(instanceHugepages('vm', { 'limits.memory.hugepages': 'true' }, 2048)).toEqual([{ sizeKiB: null, memoryMiB: 2048 }]);
    expect(instanceHugepages('vm', { 'limits.memory.hugepages': 'false', 'limits.hugepages.2MB': '1GiB' }, 2048)).toEqual([]);
  });

  it('lets a container have some of each size beside its memory', () => {
    expect(instanceHugepages('container', { 'limits.hugepages.2MB': '1GiB', 'limits.hugepages.1GB': '2GiB', 'limits.memory.hugepages': 'true' }, 2048)).toEqual([
      { sizeKiB: 2048, memoryMiB: 1024, isBeside: true }, { sizeKiB: 1_048_576, memoryMiB: 2048, isBeside: true },
    ]);
    expect(instanceHugepages('container', { 'limits.hugepages.2MB': '0' }, 2048)).toEqual([]);
  });
});
