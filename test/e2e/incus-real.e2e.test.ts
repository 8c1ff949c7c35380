// The same driver with real Incus daemons.
import { describe } from 'vitest';
import { whyNoIncus } from '../../lab/setup.js';
import { realInstances } from './instances-real.js';

describe.skipIf(process.getuid?.() !== 0 || whyNoIncus() !== null)('real Incus', () => {
  realInstances({ driver: 'incus', version: /^6/, labs: { copies: 'incc1', pools: 'incp1', hypervisor: 'inch1', trouble: 'inct1' } });
});
