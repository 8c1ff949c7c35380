// A second network for guests on a lab host: bridge br1 with one uplink, which can be lost without the host losing anything else.
import type { Lab, LabHost } from './lab.js';
import { run } from './shell.js';

export const GUEST_BRIDGE = 'br1';

/** Gone with the host's power. */
export async function addGuestNetwork(lab: Lab, host: LabHost): Promise<void> {
  const port = portOf(host);
  await run('ip', ['-n', lab.fabNetns, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'up1', 'netns', String(await lab.pidOf(host))]);
  await run('ip', ['-n', lab.fabNetns, 'link', 'set', port, 'master', 'br0', 'up']);
  await lab.exec(host, ['sh', '-ec', `ip link add ${GUEST_BRIDGE} type bridge forward_delay 0 stp_state 0; ip link set up1 master ${GUEST_BRIDGE} up; ip link set ${GUEST_BRIDGE} up`]);
}

/** The cable, pulled or plugged in. */
export async function setGuestUplink(lab: Lab, host: LabHost, way: 'up' | 'down'): Promise<void> {
  await run('ip', ['-n', lab.fabNetns, 'link', 'set', portOf(host), way]);
}

const portOf = (host: LabHost): string => `h${host.index}g`;
