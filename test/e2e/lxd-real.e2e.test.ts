// The driver for LXD against the suites of its ports, with the real daemons of two lab hosts; and what only they can show.
import { describe } from 'vitest';
import { hypervisorConformance } from '../conformance/hypervisor.conformance.js';
import { instanceCopiesConformance } from '../conformance/instance-copies.conformance.js';
import { INSTANCES_LACK, instanceRig } from './instance-rig.js';
import { whyNoContainers } from '../../lab/setup.js';

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot || whyNoContainers() !== null)('real daemons for containers', () => {
  instanceCopiesConformance('LXD', () => instanceRig('lxc1'));
  hypervisorConformance('LXD', () => instanceRig('lxh1'), INSTANCES_LACK);
});
