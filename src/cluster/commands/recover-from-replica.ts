// A person decides that a workload is recovered from its copy, though what it wrote last lies in a pool that another host might take over.
import { isOff } from '../../hosts/host.js';
import { ownerOf } from '../../hosts/shared-filesystem.js';
import { UserError } from '../../shared/errors.js';
import { hasReplica, poolOf } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import type { ClusterView } from '../cluster-view.js';
import { findWorkload } from './find.js';

/** Only for the loss of now: when its host is lost another time, it is decided anew. The rules start it, with all that they ask for. */
export function recoverFromReplica(view: ClusterView, name: string, { by }: { readonly by: string }): readonly Change[] {
  const workload = findWorkload(view, name);
  const home = view.hosts.find((one) => one.id === workload.hostId);
  if (!home || !isOff(home) || home.proof === null) throw new UserError('conflict', `${workload.name} is at home on ${home ? `${home.name}, which is ${home.condition}` : 'no host'}: it is recovered when that is proven off`, home ? `reeve host fence ${home.name}` : `reeve workload show ${workload.name}`);
  if (workload.desired !== 'running' || !workload.isProtected) throw new UserError('conflict', `${workload.name} is ${workload.isProtected ? `wanted ${workload.desired}` : 'not protected'}: it is not recovered`, workload.isProtected ? `reeve workload set-desired ${workload.name} running` : `reeve workload protect ${workload.name}`);
  if (!hasReplica(workload) || workload.replica === null) throw new UserError('not-found', `${workload.name} has no whole copy on another host`, `reeve workload replicas ${workload.name}`);
  const pool = poolOf(workload);
  const owner = pool === null ? home : ownerOf(view.hosts, home, pool);
  if (owner !== home) throw new UserError('conflict', `its pool ${pool?.pool ?? ''} is on ${owner.name} by now, with what it wrote last: it is recovered there`, `reeve workload explain ${workload.name}`);
  const copy = view.hosts.find((one) => one.id === workload.replica?.hostId)?.name ?? 'a host that is gone';
  return [
    { change: 'workload', id: workload.id, set: { replica: { ...workload.replica, chosenAtProofMs: home.proof.atMs } } },
    { change: 'event', event: event('workload.replica-chosen', `${workload.name}: ${by} has decided that it is recovered from its replica on ${copy}; what it wrote since then stays in ${pool?.pool ?? 'its pool'}`, { severity: 'notice', workload: workload.name, host: copy, data: { by } }) },
  ];
}
