// The simulated adapters against the suites of their ports.
import { hostAgentConformance } from './host-agent.conformance.js';
import { hypervisorConformance } from './hypervisor.conformance.js';
import { instanceCopiesConformance } from './instance-copies.conformance.js';
import { simulatedCopiesRig, simulatedRig } from './simulated-rig.js';

hypervisorConformance('simulated', simulatedRig);
hostAgentConformance('simulated', simulatedRig);
instanceCopiesConformance('simulated', simulatedCopiesRig);
