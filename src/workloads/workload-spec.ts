// What a workload is created from: a VM's specification, or, with `kind: container`, a container's.
import { fail, ok, type Result } from '../shared/result.js';
import { parseInstanceSpec, type InstanceSpec } from './instance-spec.js';
import { show } from './spec-fields.js';
import { parseVmSpec, type VmSpec } from './vm-spec.js';

export type WorkloadSpec = { readonly kind: 'vm'; readonly vm: VmSpec } | { readonly kind: 'container'; readonly container: InstanceSpec };

export function parseWorkloadSpec(input: unknown): Result<WorkloadSpec, string> {
  if (typeof input !== 'object' || input === null || !('kind' in input)) return asVm(input);
  const { kind, ...rest } = input;
  if (kind === 'vm') return asVm(rest);
  if (kind !== 'container') return fail(`kind: vm or container, not ${show(kind)}`);
  const container = parseInstanceSpec(rest);
  return container.ok ? ok({ kind, container: container.value }) : container;
}

function asVm(input: unknown): Result<WorkloadSpec, string> {
  const vm = parseVmSpec(input);
  return vm.ok ? ok({ kind: 'vm', vm: vm.value }) : vm;
}
