// Copies of workloads on the hosts: asked now, of all hosts at once; and the deletion of one, as a person wants it.
import { assertDiscardable, copiesDocument, discarding, type AskedHost, type CopiesDocument, type Discarding } from '../cluster/commands/copy-commands.js';
import type { Change } from '../cluster/change.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import { findHost, findWorkload } from '../cluster/commands/find.js';
import type { HostWorld } from '../cluster/execute/execute-ports.js';
import type { Host } from '../hosts/host.js';
import type { ReplicaKind } from '../hosts/hypervisor.js';
import { OperationalError, UserError } from '../shared/errors.js';
import { poolOf } from '../workloads/workload.js';

type World = Pick<HostWorld, 'hypervisorOf'>;

export async function listCopies(world: World, view: ClusterView, name: string | null): Promise<CopiesDocument> {
  if (name !== null) findWorkload(view, name);
  return copiesDocument(view, await Promise.all(view.hosts.map((host) => ask(world, host))), name);
}

async function ask(world: World, host: Host): Promise<AskedHost> {
  if (host.condition !== 'online') return { hostId: host.id, answer: { why: `it is ${host.condition}` } };
  try {
    return { hostId: host.id, answer: (await world.hypervisorOf(host).copies?.allReplicas()) ?? { replicas: [], mute: [] } };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { hostId: host.id, answer: { why: error.message } };
  }
}

export interface DiscardParts {
  readonly world: World;
  readonly view: () => Promise<ClusterView>;
  readonly commit: (changes: (view: ClusterView) => readonly Change[]) => Promise<unknown>;
}

/** Not an operation: there is nothing to undo. First nobody relies on it any more, then it goes; the host itself refuses what has become the workload, runs, or is being written into. */
export async function discardCopy({ world, view, commit }: DiscardParts, actor: string, name: string, wanted: Discarding): Promise<void> {
  const before = await view();
  const host = findHost(before, wanted.host);
  if (host.condition !== 'online') throw new UserError('conflict', `${host.name} is ${host.condition}: nothing can be deleted there`, `reeve host show ${host.name}`);
  const { workload } = assertDiscardable(before, name, wanted, { there: await replicasOf(world, host, findWorkload(before, name).uuid), isAtHome: await isAtHome(world, before, name) });
  await commit((now) => discarding(now, { by: actor, name, host: wanted.host, kind: wanted.kind }));
  const token = { leaderEpoch: before.leaderEpoch, hostEpoch: host.hostEpoch, workload: { uuid: workload.uuid, epoch: workload.workloadEpoch } };
  await world.hypervisorOf(host).copies?.deleteReplica(token, workload.uuid, wanted.kind);
  await assertGone(world, host, workload.uuid, wanted.kind);
}

const replicasOf = async (world: World, host: Host, uuid: string) => (await world.hypervisorOf(host).copies?.replicas(uuid)) ?? [];

async function assertGone(world: World, host: Host, uuid: string, kind: ReplicaKind): Promise<void> {
  if ((await replicasOf(world, host, uuid)).some((one) => one.kind === kind)) throw new OperationalError('failed', `the ${kind} on ${host.name} is still there`, `ask for it again; on ${host.name}: lxc list`);
}

async function isAtHome(world: World, view: ClusterView, name: string): Promise<boolean> {
  const workload = findWorkload(view, name);
  const home = view.hosts.find((one) => one.id === workload.hostId);
  if (home?.condition !== 'online') return false;
  try {
    const [hypervisor, pool] = [world.hypervisorOf(home), poolOf(workload)];
    const seen = await hypervisor.observe(workload.uuid);
    if (seen === null || pool === null || seen.runState !== 'stopped') return seen !== null;
    // Its daemon lists it also where its data are out of reach.
    const daemon = (await hypervisor.facts()).containerDaemons.find((one) => one.driver === pool.driver);
    return daemon?.pools.some((one) => one.name === pool.pool && !one.isUnavailable) ?? false;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return false;
  }
}
