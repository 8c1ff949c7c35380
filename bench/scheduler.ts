// `npm run bench:scheduler`: the scheduler on generated clusters: one placement, a host's loss, N+1 of all hosts, a drain, balance; and losses that just fit.
// usage: npm run bench:scheduler [-- --size 100x2000] [--peers [--timeout S]]
import { spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { deviation } from '../src/scheduler/cluster-figures.js';
import { orderForRecovery } from '../src/scheduler/drain-order.js';
import { generatedCluster } from '../test/fixtures/generated-cluster.js';
import { clusterModel } from '../src/scheduler/packing/cluster-model.js';
import { loseHosts } from '../src/scheduler/packing/lose-hosts.js';
import { Packing } from '../src/scheduler/packing/packing.js';
import { placeTogether } from '../src/scheduler/place-together.js';
import { placeWorkload } from '../src/scheduler/place-workload.js';
import type { PlacementView } from '../src/scheduler/placement.js';
import { howManyFit } from '../src/scheduler/how-many-fit.js';
import { planBalance } from '../src/scheduler/plan-balance.js';
import { planDrain } from '../src/scheduler/plan-drain.js';
import { tightCluster } from '../test/fixtures/tight-cluster.js';
import { crmSimulate } from './peers/crm-simulate.js';
import { hbal } from './peers/hbal.js';
import { hspace } from './peers/hspace.js';

const SIZES = [[10, 100], [40, 800], [100, 2_000], [200, 4_000], [1_000, 20_000]] as const;
const FILLS = [0.6, 0.8, 0.95];
const PLACEMENTS = 500;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const valueOf = (name: string): string | undefined => (process.argv.includes(`--${name}`) ? process.argv[process.argv.indexOf(`--${name}`) + 1] : undefined);

interface Timed<T> {
  readonly ms: number;
  /** Of the processor, on all threads: what other programs take is not in it. */
  readonly cpuMs: number;
  readonly value: T;
}

function timed<T>(run: () => T): Timed<T> {
  const [began, before] = [performance.now(), process.cpuUsage()];
  const value = run();
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(before);
  return { ms, cpuMs: (user + system) / 1_000, value };
}

const percentile = (values: readonly number[], share: number): number => values.toSorted((one, other) => one - other)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;

/** By the clock, and of the processor. */
function inBoth(spent: readonly Omit<Timed<unknown>, 'value'>[], share: number): string {
  return `${ms(percentile(spent.map((one) => one.ms), share))} (processor ${ms(percentile(spent.map(({ cpuMs }) => cpuMs), share))})`;
}

/** A loop asks many times of one view: what is worked out of it once is there. */
function placements(view: PlacementView): string {
  const spent = Array.from({ length: PLACEMENTS + 100 }, (_, nth) => {
    const workload = view.workloads[(nth * 37) % view.workloads.length];
    return workload ? [timed(() => placeWorkload(view, { workload, exclude: workload.hostId === null ? [] : [{ hostId: workload.hostId, why: 'it leaves' }] }))] : [];
  }).slice(100).flat();
  return `p50 ${inBoth(spent, 0.5)}, p99 ${inBoth(spent, 0.99)}`;
}

interface Loss extends Omit<Timed<unknown>, 'value'> {
  readonly lost: number;
  readonly left: number;
}

/** As the rule of recovery does it: where all would go together, then one after the other. */
function recovery(view: PlacementView, host: PlacementView['hosts'][number] | undefined = view.hosts[0]): Loss {
  const after = { ...view, hosts: view.hosts.map((one) => (one === host ? { ...one, condition: 'fenced' as const } : one)) };
  const lost = orderForRecovery(view.workloads.filter(({ hostId }) => hostId === host?.id));
  for (const workload of lost.slice(0, 1)) placeWorkload(after, { workload, exclude: [] });
  const { value: left, ...spent } = timed(() => {
    const together = placeTogether(after, lost);
    const promised = [...after.promised];
    let unplaced = 0;
    for (const workload of lost) {
      const placed = placeWorkload({ ...after, promised }, { workload, exclude: [], planned: together.get(workload.id) });
      if (placed.ok) promised.push({ workloadId: workload.id, hostId: placed.value.hostId });
      else unplaced += 1;
    }
    return unplaced;
  });
  return { ...spent, lost: lost.length, left };
}

const LOST_WORKLOADS = 20;
const LOSSES = 20;

/** Hosts with as many workloads as the target speaks of, each lost alone. */
function recoveries(view: PlacementView): string {
  const count = new Map<string | null, number>();
  for (const { hostId } of view.workloads) count.set(hostId, (count.get(hostId) ?? 0) + 1);
  const losses = view.hosts.filter(({ id }) => count.get(id) === LOST_WORKLOADS).slice(0, LOSSES).map((host) => recovery(view, host));
  return losses.length === 0 ? 'no host has so many' : `p50 ${inBoth(losses, 0.5)}, most ${inBoth(losses, 1)} of ${losses.length} hosts, ${losses.reduce((sum, { left }) => sum + left, 0)} left`;
}

function one(hosts: number, workloads: number, fill: number, rules: boolean): void {
  const view = generatedCluster({ hosts, workloads, fill, rules });
  say(`\n${hosts} hosts, ${workloads} workloads, ${Math.round(fill * 100)} % of memory${rules ? `, ${view.rules.length} keep-apart rules` : ''}`);
  say(`  one placement          ${placements(view)}`);
  const loss = recovery(view);
  say(`  loss of one host       ${inBoth([loss], 1)} for ${loss.lost} workloads, ${loss.left} left`);
  say(`  loss of ${LOST_WORKLOADS} workloads   ${recoveries(view)}`);
  const built = timed(() => new Packing(clusterModel(view)));
  const nPlusOne = timed(() => view.hosts.map((_host, row) => loseHosts(built.value, [row]).down.length));
  say(`  N+1 of all hosts       ${ms(built.ms + nPlusOne.ms)}, ${nPlusOne.value.filter((down) => down > 0).length} hosts whose loss would leave ${nPlusOne.value.reduce((sum, down) => sum + down, 0)} down`);
  const drain = timed(() => planDrain(view, view.hosts.slice(0, 1).map(({ id }) => id), { movesPerHost: 2 }));
  say(`  drain of one host      ${ms(drain.ms)}, ${drain.value.moves.length} moves in ${drain.value.rounds} rounds, ${drain.value.unplaced.length} left`);
  const balance = timed(() => planBalance(view));
  say(`  balance                ${ms(balance.ms)}, ${balance.value.moves.length} moves in ${balance.value.rounds} rounds, imbalance ${balance.value.before.imbalance} to ${balance.value.after.imbalance}`);
  say(`  memory in use          ${Math.round(process.memoryUsage().heapUsed / 2 ** 20)} MiB of heap`);
}

const TIGHT = [[10, 20], [16, 30], [40, 40]] as const;

function tight(peers: boolean, timeoutS: number): void {
  say('\nlosses that just fit: of 100 clusters, in how many something stays without a place');
  for (const slack of [0, 0.05, 0.15]) {
    for (const [survivors, lost] of TIGHT) {
      let ours = 0;
      let theirs = 0;
      let unknown = 0;
      let spent = 0;
      let theirS = 0;
      for (let seed = 1; seed <= 100; seed += 1) {
        const view = tightCluster({ survivors, lost, slack, seed });
        const loss = recovery(view);
        spent += loss.ms;
        if (loss.left > 0) ours += 1;
        const [away] = view.hosts;
        const crm = peers && away ? crmSimulate(view, away, timeoutS) : null;
        if (crm) theirS += crm.seconds;
        if (crm?.stopped === null) unknown += 1;
        else if (crm && crm.stopped > 0) theirs += 1;
      }
      say(`  ${Math.round(slack * 100)} % of each host free, ${lost} workloads on ${survivors} hosts: ${ours} (${ms(spent / 100)} each)${peers ? `; crm_simulate ${theirs} (${ms(theirS * 10)} each${unknown > 0 ? `, ${unknown} not in time` : ''})` : ''}`);
    }
  }
}

/** By hbal's measure: std of the share of free memory, and of vCPUs per CPU. */
function theirScore(view: PlacementView, where: ReadonlyMap<string, string>): number {
  const names = new Map(view.hosts.map(({ id, name }) => [id as string, name]));
  const memory = new Map<string, number>();
  const vcpus = new Map<string, number>();
  for (const { name, hostId, needs } of view.workloads) {
    const host = where.get(name) ?? names.get(hostId ?? '') ?? '';
    memory.set(host, (memory.get(host) ?? 0) + needs.memoryMiB);
    vcpus.set(host, (vcpus.get(host) ?? 0) + needs.vcpus);
  }
  const share = (used: ReadonlyMap<string, number>, total: (facts: NonNullable<PlacementView['hosts'][number]['facts']>) => number): number => deviation(view.hosts.map(({ name, facts }) => (used.get(name) ?? 0) / (facts ? total(facts) : 1)));
  return share(memory, ({ memoryMiB }) => memoryMiB - view.policy.reservedMemoryMiB) + share(vcpus, ({ cpus: count }) => count);
}

function balancePeers(timeoutS: number): void {
  say('\nbalance beside hbal: moves, score by its measure before and after, time');
  for (const [hosts, workloads] of SIZES.slice(0, 3)) {
    const view = generatedCluster({ hosts, workloads, fill: 0.6 });
    const theirs = hbal(view, timeoutS);
    const before = theirScore(view, new Map()).toFixed(4);
    say(`  ${hosts} x ${workloads}  hbal   ${theirs.moves ? `${theirs.count} moves, ${before} to ${theirScore(view, theirs.moves).toFixed(4)}` : 'not done'} in ${theirs.seconds.toFixed(1)} s`);
    for (const maxMoves of theirs.moves ? [theirs.count, 10_000] : [10_000]) {
      const ours = timed(() => planBalance(view, { movesPerHost: 2, method: 'capacity', minGain: maxMoves === 10_000 ? 0.02 : 0, maxMoves }));
      const where = new Map(ours.value.moves.map(({ workload, to }) => [workload, to]));
      say(`  ${hosts} x ${workloads}  Reeve  ${ours.value.moves.length} moves, ${before} to ${theirScore(view, where).toFixed(4)} in ${(ours.ms / 1_000).toFixed(2)} s${maxMoves === 10_000 ? '' : ', given no more moves than it'}`);
    }
  }
}

/** A size of which some dozens fit. */
const LIKE = { memoryMiB: 32_768, vcpus: 4 };

function fitPeers(withPeers: boolean, timeoutS: number): void {
  say(`\nhow many more of ${LIKE.memoryMiB / 1_024} GiB and ${LIKE.vcpus} vCPUs fit${withPeers ? ', beside hspace' : ''}`);
  for (const [hosts, workloads] of SIZES) {
    const view = generatedCluster({ hosts, workloads, fill: 0.6 });
    const [one] = view.workloads;
    if (!one) continue;
    for (const mode of ['off', 'n+1'] as const) {
      const ours = timed(() => howManyFit(view, { like: { ...one, hostId: null, needs: { ...one.needs, ...LIKE } }, mode, most: 100_000 }));
      const theirs = withPeers && hosts <= 100 ? hspace(view, LIKE, mode !== 'off', timeoutS) : null;
      say(`  ${hosts} x ${workloads}, ${mode === 'off' ? 'no losses  ' : 'N+1 is kept'}  Reeve ${ours.value.count} in ${ms(ours.ms)}${theirs === null ? '' : `; hspace ${theirs.count ?? 'not done'} in ${theirs.seconds.toFixed(2)} s`}`);
    }
  }
}

const isThere = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const [only, peers, timeoutS] = [valueOf('size'), process.argv.includes('--peers'), Number(valueOf('timeout') ?? 120)];
say(`machine: ${cpus().length} cores (${cpus()[0]?.model.trim() ?? '?'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`);
for (const [hosts, workloads] of SIZES.filter(([hosts, workloads]) => only === undefined || only === `${hosts}x${workloads}`)) for (const fill of FILLS) for (const rules of [false, true]) one(hosts, workloads, fill, rules);
if (only === undefined) tight(peers && isThere('crm_simulate'), timeoutS);
if (only === undefined) fitPeers(peers && isThere('hspace'), timeoutS);
for (const program of ['hbal', 'crm_simulate']) if (peers && !isThere(program)) say(`${program} is not here: apt-get install ganeti-htools pacemaker-cli-utils`);
if (peers && isThere('hbal')) balancePeers(timeoutS);
