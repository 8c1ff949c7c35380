// The simulated fence device against the suite of its port.
import { SimulatedFenceDevice, type FenceFault } from '../../src/sim/simulated-fence-device.js';
import { SimulatedWorld } from '../../src/sim/simulated-world.js';
import { fenceDeviceConformance, type FenceRig, type RigFault } from './fence-device.conformance.js';
import { JumpingClock } from './simulated-rig.js';

const FAULTS: { readonly [F in RigFault]: FenceFault } = { none: 'none', dead: 'hangs', lying: 'lies', slow: 'slow' };

async function simulatedFenceRig(): Promise<FenceRig> {
  const world = new SimulatedWorld(new JumpingClock());
  world.addHost({ name: 'host-3', address: '10.0.0.3' });
  const device = new SimulatedFenceDevice(world, 'host-3');
  return {
    device,
    intruder: null,
    secret: 'secret',
    clock: world.clock,
    isPowered: async () => world.host('host-3').powered,
    setPowered: async (on) => (on ? world.powerOn('host-3') : world.powerOff('host-3')),
    setFault: async (fault) => void (device.fault = FAULTS[fault]),
    close: async () => undefined,
  };
}

fenceDeviceConformance('simulated', simulatedFenceRig);
