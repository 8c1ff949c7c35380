// Pools of lost hosts on shared block storage: whose turn it is to take one over, or why nobody may now.
import type { Host, TakenPool } from '../hosts/host.js';
import { filesystemOf, nextUuid, ownerOf, provesNoPower, takenOf, whyNotTaken, whyPowerUnproven, type PoolName } from '../hosts/shared-filesystem.js';
import type { PoolRequest } from '../hosts/hypervisor.js';
import { orderForRecovery } from '../scheduler/drain-order.js';
import { choosesReplica } from '../workloads/chooses-replica.js';
import { hasReplica, poolOf, type Workload } from '../workloads/workload.js';
import type { ClusterView } from './cluster-view.js';
import { hold, type Hold } from './decision.js';
import type { RuleContext } from './decide.js';
import type { Operation } from './operation.js';
import { staysWithHost } from './rules/keep-with-leaving-host.js';
import { isOurs } from './rules/workload-brakes.js';

/** Longer than a command for one that was tried can be on its way: the next may be another host. */
const RETRY_MS = 60_000;

export interface PoolPlan {
  /** A sentence that goes on after "its pool X". */
  readonly why: string;
  /** Null: nobody takes it now. */
  readonly begin: { readonly target: Host; readonly request: PoolRequest } | null;
  /** It is the proof that is missing: a copy may be started instead. */
  readonly lacksProof: boolean;
}

export const takeOverOf = ({ operations }: Pick<ClusterView, 'operations'>, { id }: Pick<Host, 'id'>): Operation | undefined => operations.find((one) => one.kind === 'take-pool' && one.hostId === id);

const isSame = (one: PoolName, other: PoolName): boolean => one.driver === other.driver && one.pool === other.pool;

/** Of a workload that is to be recovered: what keeps it from being placed. Null: its pool is where it can be placed, or no way for it. */
export function poolBrake(context: RuleContext, home: Host, workload: Workload): Hold | null {
  const pool = poolOf(workload);
  if (pool === null || isFromReplica(context.view.hosts, home, workload)) return null;
  const owner = ownerOf(context.view.hosts, home, pool);
  if (owner.condition === 'online') return null;
  const plan = planTakeOver(context, owner, pool);
  if (plan === null || (plan.lacksProof && hasReplica(workload))) return null;
  const otherwise = hasReplica(workload) && plan.begin === null && !takeOverOf(context.view, owner) ? `; from its replica, which is older, with \`reeve workload recover ${workload.name} --from-replica\`` : '';
  return hold('pool-not-taken', workload.name, `its pool ${pool.pool} ${plan.why}${otherwise}`);
}

const isFromReplica = (hosts: readonly Host[], home: Host, workload: Workload): boolean => hasReplica(workload) && choosesReplica(hosts, home, workload);

/** Those of the owner that something needs, or whose take-over was begun. */
export function poolsToTake(context: RuleContext, owner: Host): readonly PoolName[] {
  const begun = owner.takenPools.filter((one) => !one.isDone);
  const needed = neededFrom(context, owner).flatMap((workload) => poolOf(workload) ?? []);
  return [...begun, ...needed].reduce<readonly PoolName[]>((all, one) => (all.some((other) => isSame(one, other)) ? all : [...all, one]), []);
}

function neededFrom({ view, ...context }: RuleContext, owner: Host): readonly Workload[] {
  const isNeeded = (workload: Workload): boolean => workload.isProtected && workload.desired === 'running' && workload.state !== 'error' && isOurs({ view, ...context }, workload);
  return orderForRecovery(view.workloads.filter((workload) => {
    const [pool, home] = [poolOf(workload), context.hostOf(workload.hostId)];
    return pool !== null && home !== null && home.condition !== 'online' && ownerOf(view.hosts, home, pool).id === owner.id && isNeeded(workload) && !isFromReplica(view.hosts, home, workload);
  }));
}

/** Null: it lies on no storage that another host sees. */
export function planTakeOver(context: RuleContext, owner: Host, pool: PoolName): PoolPlan | null {
  const begun = takenOf(owner, pool);
  const request = begun ?? requestFor(owner, pool);
  if (request === null || begun?.isDone) return null;
  const waits = (why: string, lacksProof = false): PoolPlan => ({ why, begin: null, lacksProof });
  const active = takeOverOf(context.view, owner);
  if (active) return waits(active.params['pool'] === pool.pool ? `is being taken over by ${nameOf(context, active.targetHostId)}; \`reeve operation show ${active.id}\`` : `follows when another one of ${owner.name} has been taken over; \`reeve operation show ${active.id}\``);
  const takers = context.view.hosts.filter((one) => one.id !== owner.id && one.facts !== null && whyNotTaken(one.facts, pool, request) === null);
  if (takers.length === 0 && begun === null) return null;
  const back = begun?.isClaimed ? null : whyItStays(context, owner);
  if (back !== null) return waits(back);
  const unproven = begun?.isClaimed ? null : whyUnproven(owner);
  if (unproven !== null) return waits(unproven, true);
  const last = lastFailure(context, owner, pool);
  if (last) return waits(`was not taken over: ${last.why ?? 'no reason given'}; tried again in a moment; \`reeve operation show ${last.id}\``);
  const target = begun === null ? choose(context, owner, { pool, takers }) : whoBegan(context, begun);
  return typeof target === 'string' ? waits(target) : { why: `is taken over by ${target.name} first`, begin: { target, request: requestOf(request) }, lacksProof: false };
}

const nameOf = ({ hostOf }: RuleContext, id: Host['id'] | null): string => hostOf(id)?.name ?? 'a host that is gone';

function requestFor({ facts }: Host, pool: PoolName): (PoolRequest & { readonly serial: string | null }) | null {
  const filesystem = facts === null ? null : filesystemOf(facts, pool);
  return filesystem && { ...pool, ...filesystem, newUuid: nextUuid(filesystem.uuid) };
}

const requestOf = ({ driver, pool, uuid, newUuid, sizeBytes, generation }: PoolRequest): PoolRequest => ({ driver, pool, uuid, newUuid, sizeBytes, generation });

/** Its newest data come back with it in a moment: no older copy is started meanwhile. */
function whyItStays(context: RuleContext, owner: Host): string | null {
  const { name } = owner;
  if (context.verdictOf(owner.id)?.hearing === 'heard') return `stays with ${name}, which is heard again and has it mounted: it is admitted with it`;
  if (context.view.operations.some((one) => one.kind === 'readmit' && one.hostId === owner.id)) return `stays with ${name}, which is being admitted again; \`reeve operation list\``;
  if (staysWithHost(context, owner)) return `waits for ${name}, which is to come back with it`;
  return null;
}

/** The mount is the danger, not what runs. */
function whyUnproven({ proof, name }: Host): string | null {
  if (provesNoPower(proof)) return null;
  return `can be taken over when ${name} surely has no power, and ${whyPowerUnproven(proof)}: it may have it mounted, and mounted twice it is destroyed; \`reeve host fence ${name}\` with a device, or \`reeve host confirm-off ${name}\``;
}

function lastFailure({ view, nowMs }: RuleContext, { id }: Host, pool: PoolName): Operation | null {
  const last = view.recentOperations.find((one) => one.kind === 'take-pool' && one.hostId === id && one.params['pool'] === pool.pool);
  return !last?.endedAtMs || last.state === 'succeeded' || last.endedAtMs + RETRY_MS <= nowMs ? null : last;
}

/** With room for all that comes along, else for what matters most. */
function choose(context: RuleContext, owner: Host, { pool, takers }: { readonly pool: PoolName; readonly takers: readonly Host[] }): Host | string {
  const all = neededFrom(context, owner).filter((one) => isSame(poolOf(one) ?? pool, pool));
  const [first] = all;
  if (!first) return 'is needed by nothing that should run';
  const failed = context.view.recentOperations.filter((one) => one.kind === 'take-pool' && one.hostId === owner.id && one.params['pool'] === pool.pool && one.state === 'failed').map((one) => one.targetHostId);
  const sum = (what: 'vcpus' | 'memoryMiB'): number => all.reduce((total, { needs }) => total + needs[what], 0);
  // One that keeps a replica may have what lies in it, and the pool itself never: its daemon has something of that name already.
  const keeper = (host: Host): Workload | undefined => all.find(({ replica }) => replica?.hostId === host.id);
  const others = context.view.hosts.filter((one) => one.id !== owner.id && (!takers.includes(one) || keeper(one) !== undefined));
  const whyNot = (host: Host): string => (takers.includes(host) ? `${host.name} has a replica of ${keeper(host)?.name ?? ''} under its name, so its daemon can't take the pool up` : `${host.name} can not take the pool over`);
  const exclude = [{ hostId: owner.id, why: `${owner.name} is ${owner.condition}` }, ...others.map((host) => ({ hostId: host.id, why: whyNot(host) }))];
  const whole = { ...first, needs: { ...first.needs, vcpus: sum('vcpus'), memoryMiB: sum('memoryMiB'), ...hugepagesOf(all), instance: first.needs.instance && { ...first.needs.instance, profiles: allOf(all, 'profiles'), networks: allOf(all, 'networks') } } };
  const elsewhere = [...exclude, ...failed.flatMap((hostId) => (hostId === null ? [] : [{ hostId, why: 'it failed there' }]))];
  for (const request of [{ workload: whole, exclude: elsewhere }, { workload: first, exclude: elsewhere }, { workload: first, exclude }]) {
    const placed = context.ledger.place(request);
    const host = placed.ok ? context.hostOf(placed.value.hostId) : null;
    if (host) return host;
    if (request.exclude === exclude && !placed.ok) return `can be taken over by nobody: ${placed.error.why}; \`reeve workload explain ${first.name}\``;
  }
  return 'can be taken over by nobody';
}

/** What each of them takes, side by side. */
function hugepagesOf(workloads: readonly Workload[]): Pick<Workload['needs'], 'hugepages'> {
  const hugepages = workloads.flatMap(({ needs }) => needs.hugepages ?? []);
  return hugepages.length === 0 ? {} : { hugepages };
}

const allOf = (workloads: readonly Workload[], what: 'profiles' | 'networks'): readonly string[] => [...new Set(workloads.flatMap(({ needs }) => needs.instance?.[what] ?? []))];

/** It may have it already, under the very name that the next one would give it: nobody else goes on. */
function whoBegan(context: RuleContext, { byHostId }: TakenPool): Host | string {
  const host = context.hostOf(byHostId);
  if (host?.condition === 'online' && context.verdictOf(host.id)?.hearing === 'heard') return host;
  return host ? `may be mounted on ${host.name}, which began to take it over and is ${host.condition === 'online' ? 'not heard well' : host.condition}: it goes on when ${host.name} is back` : 'was begun to be taken over by a host that is gone: see docs/lxd.md';
}
