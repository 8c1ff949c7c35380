// From what was made for a new VM to its libvirt definition.
import type { BuildableVm } from '../../../workloads/run-create.js';
import type { HostFacts } from '../../host-facts.js';
import { domainXml } from './domain-xml.js';

/** The definition that the target host is to take; the accelerator is the host's. */
export function vmDefinition({ uuid, spec, disks, seedIso }: BuildableVm, facts: Pick<HostFacts, 'accelerator' | 'architecture'>): string {
  const [network] = spec.network;
  return domainXml({
    uuid,
    name: spec.name,
    vcpus: spec.vcpus,
    memoryMiB: spec.memoryMiB,
    accelerator: facts.accelerator,
    architecture: facts.architecture,
    machine: spec.machine,
    cpuModel: spec.cpuModel,
    disks,
    bridge: network?.bridge ?? null,
    mac: network?.mac ?? null,
    seedIso,
    kernel: spec.kernel,
    serialLog: null,
  });
}
