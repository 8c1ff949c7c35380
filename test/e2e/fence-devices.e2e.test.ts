// The real fence programs against the suite of their port: ipmitool and fence_ipmilan on a real ipmi_sim, fence_redfish on a Redfish service.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFenceDevice } from '../../src/fencing/devices/create-fence-device.js';
import type { FenceDevice } from '../../src/fencing/fence-device.js';
import { runFence } from '../../src/fencing/run-fence.js';
import type { FenceDeviceConfig } from '../../src/hosts/host.js';
import type { Clock } from '../../src/shared/clock.js';
import { crashingJournal } from '../../src/shared/workflow.fixture.js';
import { fenceDeviceConformance, type FenceRig } from '../conformance/fence-device.conformance.js';
import { ipmiMachine, PASSWORD, redfishMachine, USER, type Machine } from './bmc/machine.js';

/** Hurried: what a fence waits for a liar to come true passes four times as fast. */
const HURRY = 4;
const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now() * HURRY,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

function made(config: FenceDeviceConfig): FenceDevice {
  const device = createFenceDevice(config);
  if (!device.ok) throw new Error(device.error);
  return device.value;
}

type Options = (machine: Machine, password: string) => FenceDeviceConfig;

const ipmi: Options = ({ address, port }, password) => ({ kind: 'ipmi', options: { address, port: String(port), user: USER, password } });
/** Its own waits are shortened, so that a dead BMC does not hold the tests up. */
const ipmilan: Options = ({ address, port }, password) => ({
  kind: 'fence-agent',
  options: { agent: 'fence_ipmilan', ip: address, ipport: String(port), username: USER, password, lanplus: '1', cipher: '3', timeoutMs: '20000', power_timeout: '3', ipmitool_timeout: '2' },
});
const redfish: Options = ({ address, port }, password) => ({ kind: 'redfish', options: { address, port: String(port), user: USER, password, insecure: 'true', timeoutMs: '5000' } });

function rigOf(start: () => Promise<Machine>, options: Options): () => Promise<FenceRig> {
  return async () => {
    const machine = await start();
    const { isPowered, setPowered, setFault, close } = machine;
    return { device: made(options(machine, PASSWORD)), intruder: made(options(machine, 'wrong')), secret: PASSWORD, clock, isPowered, setPowered, setFault, close };
  };
}

// `npm test` installs these programs before this stage; a missing one is a failure, not something to leave out.
fenceDeviceConformance('ipmitool on ipmi_sim', rigOf(ipmiMachine, ipmi));
fenceDeviceConformance('fence_ipmilan on ipmi_sim', rigOf(ipmiMachine, ipmilan));
fenceDeviceConformance('fence_redfish', rigOf(redfishMachine, redfish));

describe('a BMC that is dead, and another way to the same machine', () => {
  let dead: Machine;
  let alive: Machine;
  beforeAll(async () => {
    [dead, alive] = [await ipmiMachine(), await ipmiMachine()];
  });
  afterAll(async () => {
    await dead?.close();
    await alive?.close();
  });

  it('the next device is taken, and the evidence names it', async () => {
    await dead.setFault('dead');
    const devices = [made(ipmi(dead, PASSWORD)), made(ipmi(alive, PASSWORD))];
    const { journal, log } = crashingJournal();
    const outcome = await runFence({ host: 'host-3', devices, lease: null, clock, stillWanted: async () => null }, journal());
    expect(outcome).toMatchObject({ kind: 'succeeded', memo: { evidence: expect.stringContaining('status off') } });
    expect(await alive.isPowered()).toBe(false);
    expect(log.filter((line) => line === 'progress').length).toBeGreaterThanOrEqual(3);
  });

  it('says what is wrong: no answer, or a refused password', async () => {
    await dead.setFault('dead');
    await expect(made(ipmi(dead, PASSWORD)).status()).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('does not answer') });
    await expect(made(ipmi(alive, 'wrong')).status()).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining('refuses the user, the password') });
  });
});
