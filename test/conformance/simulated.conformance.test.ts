// The simulated adapters against the suites of their ports.
import { blockPoolsConformance } from './block-pools.conformance.js';
import { hostAgentConformance } from './host-agent.conformance.js';
import { hypervisorConformance } from './hypervisor.conformance.js';
import { instanceCopiesConformance } from './instance-copies.conformance.js';
import { memberMovesConformance } from './member-moves.conformance.js';
import { simulatedCopiesRig, simulatedMembersRig, simulatedPoolsRig, simulatedRig } from './simulated-rig.js';

hypervisorConformance('simulated', simulatedRig);
hostAgentConformance('simulated', simulatedRig);
instanceCopiesConformance('simulated', () => simulatedCopiesRig());
memberMovesConformance('simulated', simulatedMembersRig);
blockPoolsConformance('simulated', simulatedPoolsRig);
