// Take-pool: from an operation's row to the take-over of a pool, and whose the pool and what lies in it are afterwards.
import { isOff, type Host, type TakenPool } from '../../hosts/host.js';
import { provesNoPower } from '../../hosts/shared-filesystem.js';
import { POOL_TAKE_OVER_STEPS, UNTOUCHED_CODES } from '../../migration/run-pool-take-over.js';
import { Defect } from '../../shared/errors.js';
import { runWorkflow, type WorkflowOutcome } from '../../shared/workflow.js';
import type { Change } from '../change.js';
import type { ClusterView } from '../cluster-view.js';
import { event } from '../cluster-event.js';
import { ending } from '../endings.js';
import type { Operation } from '../operation.js';
import { movedWithPool } from '../pool-moves.js';
import type { Ending, Executor } from '../run-operation.js';
import { knownWorkload } from './known-workload.js';
import { freshHost, hostOf, tokenFor, type ExecutePorts } from './execute-ports.js';

const PROBE_MS = 3_000;

export function takePoolExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const owner = hostOf(view, operation.hostId, 'old');
    const target = hostOf(view, operation.targetHostId, 'target');
    const request = takenBy(owner, operation);
    if (!request) throw new Defect(`the pool of operation ${operation.id} is noted nowhere`);
    const outcome = await runWorkflow(POOL_TAKE_OVER_STEPS, {
      request, fromHost: owner.name, proof: operation.proof, devices: ports.world.fenceDevicesOf(owner), answers: () => answers(ports, owner), clock: ports.clock,
      stillWanted: () => whyUnwanted(ports, operation, owner, target),
      workloads: async () => { const now = await ports.store.readView(); return now.workloads.map((one) => knownWorkload(now, target, one, owner)); },
      target: { name: target.name, hypervisor: ports.world.hypervisorOf(target), token: tokenFor(operation, target, null) },
    }, journal);
    const facts = outcome.kind === 'succeeded' ? await ports.world.hypervisorOf(target).facts().catch(() => null) : null;
    return takePoolEnding({ operation, view: await ports.store.readView(), outcome, owner, target, facts, nowMs: ports.clock.nowMs() });
  };
}

const takenBy = ({ takenPools }: Pick<Host, 'takenPools'>, { params }: Operation): TakenPool | undefined => takenPools.find((one) => one.driver === params['driver'] && one.pool === params['pool']);

async function answers({ world }: ExecutePorts, owner: Host): Promise<boolean> {
  return world.agentOf(owner).probe(PROBE_MS).then(() => true, () => false);
}

async function whyUnwanted(ports: ExecutePorts, operation: Operation, owner: Host, target: Host): Promise<string | null> {
  const [now, there] = [await freshHost(ports, owner), await freshHost(ports, target)];
  if (!now) return `${owner.name} is no host of this cluster any more`;
  if (!isOff(now)) return `${owner.name} is ${now.condition} again`;
  if (!provesNoPower(now.proof) || now.proof.atMs !== operation.proof?.atMs) return `what proved ${owner.name} off is overtaken`;
  return there?.condition === 'online' ? null : `${target.name} is ${there?.condition ?? 'gone'}`;
}

interface TakePoolCase {
  readonly operation: Operation;
  readonly view: ClusterView;
  readonly outcome: WorkflowOutcome;
  readonly owner: Host;
  readonly target: Host;
  /** Of the target, which has another pool now. */
  readonly facts: Host['facts'];
  readonly nowMs: number;
}

export function takePoolEnding({ operation, view, outcome, owner, target, facts, nowMs }: TakePoolCase): Ending {
  const now = view.hosts.find((one) => one.id === owner.id);
  const entry = now && takenBy(now, operation);
  if (!now || !entry) return ending(outcome, []);
  const others = now.takenPools.filter((one) => one !== entry);
  const set = (takenPools: readonly TakenPool[]): Change => ({ change: 'host', id: owner.id, set: { takenPools } });
  if (outcome.kind !== 'succeeded') {
    const isClaimed = entry.isClaimed || 'claimed' in outcome.memo || outcome.code === 'half-claimed';
    // Neither has the target anything of it, nor was it changed: anybody may be next, the old host included.
    const isUntouched = !isClaimed && UNTOUCHED_CODES.has(outcome.code);
    const told = event('host.pool-not-taken', `${entry.pool} of ${owner.name} was not taken over by ${target.name}: ${outcome.why}`, { severity: outcome.kind === 'cancelled' ? 'info' : 'warning', host: target.name, operationId: operation.id, data: { pool: entry.pool, from: owner.name, to: target.name, code: outcome.code } });
    return ending(outcome, [set(isUntouched ? others : [...others, { ...entry, isClaimed }]), { change: 'event', event: told }]);
  }
  const isBack = now.condition === 'online';
  const moved = movedWithPool(view, { owner: now, target, pool: entry, all: isBack, nowMs });
  const there = view.hosts.find((one) => one.id === target.id);
  const back = there?.takenPools.filter((one) => one.driver !== entry.driver || one.pool !== entry.pool) ?? [];
  return ending(outcome, [
    set(isBack ? others : [...others, { ...entry, isClaimed: true, isDone: true, atMs: nowMs }]),
    { change: 'host', id: target.id, set: { takenPools: back, ...(facts ? { facts } : {}) } },
    ...moved,
    { change: 'event', event: told(operation, { entry, owner, target, memo: outcome.memo }) },
  ]);
}

interface Told {
  readonly entry: TakenPool;
  readonly owner: Host;
  readonly target: Host;
  readonly memo: WorkflowOutcome['memo'];
}

function told({ id }: Operation, { entry, owner, target, memo }: Told): ReturnType<typeof event> {
  const namesOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);
  const [aside, kept] = [namesOf(memo['aside']), namesOf(memo['kept'])];
  const lost = aside.length === 0 ? '' : `; of ${aside.join(', ')} nothing but parts was on the disk: it is in the folder reeve-set-aside of the pool`;
  const others = kept.length === 0 ? '' : `; kept in it, as it was when ${owner.name} was lost, and maybe newer than what runs: ${kept.join(', ')}; \`reeve workload replicas\` shows them`;
  return event('host.pool-taken', `${entry.pool} of ${owner.name} is on ${target.name} now${lost}${others}`, { severity: aside.length === 0 ? 'notice' : 'alert', host: target.name, operationId: id, data: { pool: entry.pool, from: owner.name, to: target.name, aside, kept } });
}
