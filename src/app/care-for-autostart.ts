// Whether a host starts an instance by itself: off while Reeve cares for it, as its owner had it once Reeve does no longer.
import { event } from '../cluster/cluster-event.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import { findWorkload } from '../cluster/commands/find.js';
import { commitCommand, type CommandPorts } from '../cluster/control/commit-command.js';
import type { HostWorld } from '../cluster/execute/execute-ports.js';
import type { Host } from '../hosts/host.js';
import type { CommandToken } from '../hosts/hypervisor.js';
import { messageOf, OperationalError } from '../shared/errors.js';
import { clientOf } from '../workloads/by-hand.js';
import { movesLive, type Workload } from '../workloads/workload.js';

export interface AutostartPorts extends CommandPorts {
  readonly world: Pick<HostWorld, 'hypervisorOf'>;
}

/** What the command itself has set going, as the note of its lease, may have been first with a newer epoch. */
const TRIES = 4;

/** A host that boots must not start what may run elsewhere by then. Where it can't be done now, the inventory keeps saying so, and it is done with the next look at the host's facts. */
export async function autostartOff({ store, world }: AutostartPorts, name: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const view = await store.readView();
    const workload = findWorkload(view, name);
    const host = view.hosts.find((one) => one.id === workload.hostId);
    if (!host || host.condition !== 'online') return;
    const refused = await world.hypervisorOf(host).setAutostart(tokenOf(view, host, workload), workload.uuid, false).then(() => false, isOvertaken);
    if (!refused) return;
  }
}

const isOvertaken = (error: unknown): boolean => error instanceof OperationalError && error.code === 'guard-refused';

/**
 * Asked for again with each such command, so that one that was cut off is simply given once more. `view`: from before the command, which may have
 * removed the workload. libvirt keeps no note of what it was.
 */
export async function autostartBack(ports: AutostartPorts, actor: string, view: ClusterView, workload: Workload): Promise<void> {
  const host = view.hosts.find((one) => one.id === workload.hostId);
  if (!host || movesLive(workload)) return;
  const why = await whyNotBack(ports, view, host, workload);
  if (why === null) return;
  const client = clientOf(workload.needs.driver);
  const message = `${workload.name}: whether ${host.name} starts it at boot is not as it was before Reeve cared for it (${why}); there, \`${client} config get ${workload.name} user.reeve.autostart\` says what boot.autostart was`;
  await commitCommand(ports, { actor, action: 'workload.autostart', target: workload.name, changes: () => [{ change: 'event', event: event('workload.autostart-kept', message, { severity: 'notice', host: host.name, workload: workload.name }) }] });
}

async function whyNotBack(ports: AutostartPorts, view: ClusterView, host: Host, workload: Workload): Promise<string | null> {
  if (host.condition !== 'online') return `${host.name} is ${host.condition}`;
  try {
    await ports.world.hypervisorOf(host).giveBackAutostart(tokenOf(view, host, workload), workload.uuid);
    return null;
  } catch (error) {
    const now = isOvertaken(error) ? await ports.store.readView() : null;
    const newer = now?.workloads.find(({ id, hostId, workloadEpoch, isProtected, desired }) => id === workload.id && hostId === host.id && workloadEpoch > workload.workloadEpoch && (!isProtected || desired === 'unmanaged'));
    return now && newer ? whyNotBack(ports, now, host, newer) : messageOf(error);
  }
}

function tokenOf({ leaderEpoch }: ClusterView, { hostEpoch }: Host, { uuid, workloadEpoch }: Workload): CommandToken {
  return { leaderEpoch, hostEpoch, workload: { uuid, epoch: workloadEpoch } };
}
