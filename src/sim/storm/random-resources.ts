// Random hugepages, CPU features and local disks: in some clusters, of streams of their own, so that seeds keep the rest of theirs.
import { seededRng } from '../../shared/rng.js';
import type { ScenarioHost, ScenarioWorkload } from '../scenario/scenario.js';
import { pick } from './random-storm.js';

interface Cluster {
  readonly hosts: ScenarioHost[];
  readonly workloads: ScenarioWorkload[];
}

export const withResources = (seed: number, cluster: Cluster): Cluster => withLocalDisks(seed, withCpuFlags(seed, withHugepages(seed, cluster)));

const PAGE_MIB = 2;

/** Pages come on top of the memory, and nobody gave a host more than fits: see randomCpus. */
function withHugepages(seed: number, { hosts, workloads }: Cluster): Cluster {
  const rng = seededRng(seed ^ 0x4e06_9a6e);
  if (rng.next() < 0.75) return { hosts, workloads };
  const backed = workloads.map((one): ScenarioWorkload => (rng.next() < 0.5 ? { ...one, hugepages: '2MiB' } : one));
  const paged = hosts.map((one): ScenarioHost => {
    const there = backed.filter(({ host, hugepages }) => host === one.name && hugepages !== undefined).reduce((sum, { memoryMiB = 1024 }) => sum + memoryMiB / PAGE_MIB, 0);
    const pages = Math.max(there, pick(rng, [0, 256, 512, 1024]));
    return { ...one, memoryMiB: (one.memoryMiB ?? 0) + pages * PAGE_MIB, hugepages: { '2MiB': pages } };
  });
  return { hosts: paged, workloads: backed };
}

/** Each VM runs at home. */
function withCpuFlags(seed: number, { hosts, workloads }: Cluster): Cluster {
  const rng = seededRng(seed ^ 0x0cf1_a651);
  if (rng.next() < 0.75) return { hosts, workloads };
  const flagged = hosts.map((one): ScenarioHost => ({ ...one, cpuFlags: pick(rng, [['aes'], ['aes', 'avx2'], ['aes', 'avx2']]) }));
  const needy = workloads.map((one): ScenarioWorkload => {
    const has = flagged.find(({ name }) => name === one.host)?.cpuFlags ?? [];
    const [chance, cpu] = [rng.next(), pick(rng, [undefined, 'host-model', 'host-passthrough'] as const)];
    return chance < 0.5 ? { ...one, ...(cpu === undefined ? {} : { cpu }), cpuFeatures: [pick(rng, has.length === 0 ? ['aes'] : has)] } : one;
  });
  return { hosts: flagged, workloads: needy };
}

const ROOT_MIB = 10_000;

function withLocalDisks(seed: number, { hosts, workloads }: Cluster): Cluster {
  const rng = seededRng(seed ^ 0xd15c_0f11);
  if (rng.next() < 0.5 || !workloads.some(({ storage }) => storage === 'local')) return { hosts, workloads };
  const sized = workloads.map((one): ScenarioWorkload => (one.storage === 'local' && rng.next() < 0.8 ? { ...one, diskMiB: ROOT_MIB } : one));
  const roomy = hosts.map((one): ScenarioHost => {
    const there = sized.filter(({ host, diskMiB }) => host === one.name && diskMiB !== undefined).length;
    return { ...one, localDiskMiB: ROOT_MIB * (there + rng.int(4)) };
  });
  return { hosts: roomy, workloads: sized };
}
