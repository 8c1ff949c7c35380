// What the help shows must be what is taken.
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseVmSpec } from '../workloads/vm-spec.js';
import { parseWorkloadSpec } from '../workloads/workload-spec.js';
import { CONTAINER_EXAMPLE, SPEC_EXAMPLE } from './vm-spec-help.js';

it('shows a specification that is taken as it stands', () => {
  expect(parseVmSpec(parse(SPEC_EXAMPLE))).toMatchObject({ ok: true, value: { name: 'web-1', disks: [{ pool: 'vms', format: 'qcow2' }], network: [{ bridge: 'br0' }] } });
});

it('shows one of a container that is taken as it stands', () => {
  expect(parseWorkloadSpec(parse(CONTAINER_EXAMPLE))).toMatchObject({ ok: true, value: { kind: 'container', container: { name: 'web-2', source: { kind: 'image', image: 'noble' }, disk: { pool: 'default' }, config: { 'security.nesting': 'true' } } } });
});
