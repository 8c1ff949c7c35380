// The driver for containers with real LXD daemons.
import { describe } from 'vitest';
import { whyNoContainers } from '../../lab/setup.js';
import { realInstances } from './instances-real.js';

describe.skipIf(process.getuid?.() !== 0 || whyNoContainers() !== null)('real LXD', () => {
  realInstances({ driver: 'lxd', version: /^5/, labs: { copies: 'lxc1', pools: 'ru1', hypervisor: 'lxh1', trouble: 'lxt1' } });
});
