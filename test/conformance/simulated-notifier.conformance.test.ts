// The simulated notifier against the suite of its port.
import { SimulatedNotifier, type NotifierFault } from '../../src/sim/simulated-notifier.js';
import { notifierConformance, type NotifierRigFault } from './notifier.conformance.js';

const FAULTS: { readonly [F in NotifierRigFault]: NotifierFault } = { none: 'none', refuses: 'refuses', hangs: 'hangs', away: 'hangs', forgetful: 'forgetful' };

notifierConformance('simulated', async () => {
  const notifier = new SimulatedNotifier();
  return {
    notifier,
    secret: 's3cret',
    taken: () => notifier.taken,
    setFault: async (fault) => void (notifier.fault = FAULTS[fault]),
    empty: () => void notifier.taken.splice(0),
    close: async () => undefined,
  };
});
