// What is shown of a host's and a workload's resources.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aFacts, aHost, aView, aWorkload } from '../../test/fixtures/cluster.js';
import { hostDocument, workloadDocument } from '../api/documents.js';
import type { HostFacts } from '../hosts/host-facts.js';
import { PLAIN } from './format.js';
import { showHost, showWorkload } from './show-details.js';

const shown = (facts: Partial<HostFacts>): string => {
  const host = aHost('host-1', { facts: aFacts(facts) });
  return showHost(hostDocument(aView({ hosts: [host] }), aClusterVerdict([]), host), PLAIN);
};

describe('a host', () => {
  it('shows hugepages, what KSM saves, and how many CPU features it has', () => {
    const text = shown({ hugepages: [{ sizeKiB: 2048, total: 512, free: 12, isDefault: true }, { sizeKiB: 1_048_576, total: 1, free: 0, isDefault: false }], ksmSavedMiB: 2048, cpuFlags: ['aes', 'avx'] });
    expect(text).toMatch(/hugepages +512 pages of 2 MiB, 12 free; 1 page of 1 GiB, 0 free/);
    expect(text).toMatch(/shared pages +KSM saves 2\.0 GiB now; placement does not count on it/);
    expect(text).toMatch(/CPU features +2, of which all hosts have those of `reeve cluster cpu-baseline`/);
  });

  it('shows nothing of what it has not', () => {
    for (const facts of [{}, { hugepages: [], ksmSavedMiB: 0 }]) expect(shown(facts)).not.toMatch(/hugepages|KSM|CPU features/);
  });
});

describe('a workload', () => {
  it('shows what it needs of them', () => {
    const vm = aWorkload('vm-1', null);
    const { needs } = vm;
    const needy = { ...vm, needs: { ...needs, cpuFeatures: ['aes', 'avx2'], hugepages: [{ sizeKiB: null, memoryMiB: 512 }, { sizeKiB: 2048, memoryMiB: 64, isBeside: true as const }] } };
    const text = showWorkload(workloadDocument(aView({ workloads: [needy] }), needy), PLAIN);
    expect(text).toMatch(/hugepages +512 MiB in pages of the default size; up to 64 MiB in pages of 2 MiB, beside its memory/);
    expect(text).toMatch(/CPU features +aes, avx2/);
  });
});
