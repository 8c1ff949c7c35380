// The host that ranks first, without a verdict on each: rows of numbers say where there is room and how even it would be there, and only hosts that may come first by that are judged.
import type { Host } from '../hosts/host.js';
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import { hostRows, usageRows, type HostRows } from './host-rows.js';
import { judgeHost, type Asked } from './judge-host.js';
import { ruleIndex } from './placement-rule.js';
import { promiseIndex } from './promise-index.js';
import { cpus, memory } from './resources.js';
import { mostCpuScore } from './score-cpu.js';
import { addedBy, freeShare, weightsOf, withEvenness, type Size, type Weights } from './score-evenness.js';
import { addScores } from './score-host.js';
import { matesOf, placesOf } from './standing.js';
import { workloadsById } from './usage.js';
import { standsThere } from './zones.js';

/** Null: none may take it. */
export function bestHost(asked: Asked): Host | null {
  const { view } = asked;
  const rows = hostRows(view);
  const best = { row: rows.hosts.length, total: Number.NEGATIVE_INFINITY };
  const judge = (row: number): void => {
    const host = rows.hosts[row];
    const total = host ? totalAt(asked, host) : null;
    if (total !== null && isBetter(best, total, row)) [best.row, best.total] = [row, total];
  };
  const { own, isBound } = ownHosts(asked, rows);
  for (const id of own) judge(rows.rowOf.get(id) ?? rows.hosts.length);
  if (!isBound) judgeOthers(boundsOf(asked, rows), best, judge);
  return rows.hosts[best.row] ?? null;
}

interface Best {
  row: number;
  total: number;
}

const isBetter = (best: Best, total: number, row: number): boolean => total > best.total || (total === best.total && row < best.row);

function totalAt(asked: Asked, host: Host): number | null {
  const judged = judgeHost(asked, host);
  if ('code' in judged) return null;
  let total = 0;
  addScores(judged, (_part, value) => {
    total += value;
  });
  return total;
}

interface OwnHosts {
  readonly own: ReadonlySet<HostId>;
  /** It may go to none but those. */
  readonly isBound: boolean;
}

/** Hosts of which the numbers of all do not tell: where it counts itself, where a plan wants it, and where rules do. */
function ownHosts({ view, request }: Asked, { hosts }: HostRows): OwnHosts {
  const { workload: { id }, planned } = request;
  const known = workloadsById(view.workloads).get(id);
  const own = new Set(promiseIndex(view.promised).byWorkload.get(id));
  if (known?.hostId) own.add(known.hostId);
  if (planned !== undefined) own.add(planned);
  if (view.rules.length === 0) return { own, isBound: false };
  const index = ruleIndex(view.rules);
  const { anchors } = matesOf(view, request);
  const hostsRules = index.hosts(id);
  for (const { hostIds } of anchors) for (const hostId of hostIds) own.add(hostId);
  for (const rule of hostsRules) for (const { hostId } of rule.hosts) own.add(hostId);
  for (const { workloads, per } of index.softTogether(id)) {
    const places = workloads.flatMap((mate) => (mate === id ? [] : placesOf(view, mate)));
    for (const host of hosts) if (standsThere(view.hosts, per, places, host)) own.add(host.id);
  }
  return { own, isBound: anchors.length > 0 || hostsRules.some(({ hard }) => hard) };
}

/** What the rows of all hosts are compared by. */
interface Bounds {
  readonly rows: HostRows;
  readonly usedMemory: Float64Array;
  readonly usedCpus: Float64Array;
  readonly workloads: Float64Array;
  readonly evenMemory: Float64Array;
  readonly evenCpus: Float64Array;
  readonly needs: Size;
  readonly added: Size;
  readonly weights: Weights;
  /** What a host can get beside evenness; what else there is, is taken off. */
  readonly bonus: number;
}

function boundsOf({ view, request: { workload }, home, companions }: Asked, rows: HostRows): Bounds {
  const { policy } = view;
  const { memoryMiB, vcpus, workloads, usedMemoryMiB, usedCpus } = usageRows(view, rows);
  const byUsage = policy.strategy === 'usage';
  const needOf = (need: (one: Workload) => number): number => companions.reduce((sum, one) => sum + need(one), need(workload));
  return {
    rows, usedMemory: memoryMiB, usedCpus: vcpus, workloads, evenMemory: byUsage ? usedMemoryMiB : memoryMiB, evenCpus: byUsage ? usedCpus : vcpus,
    needs: { memoryMiB: needOf(memory.need), cpus: needOf(cpus.need) }, added: addedBy(workload, policy), weights: weightsOf(policy.strategy), bonus: mostCpuScore(workload, home),
  };
}

function judgeOthers(bounds: Bounds, best: Best, judge: (row: number) => void): void {
  const { length } = bounds.rows.hosts;
  // As a rule the one that promises most is the best, and then next to none of the others is judged.
  const first = { row: length, total: Number.NEGATIVE_INFINITY };
  for (let row = 0; row < length; row += 1) {
    const bound = boundAt(bounds, row);
    if (bound > first.total) [first.row, first.total] = [row, bound];
  }
  if (isBetter(best, first.total, first.row)) judge(first.row);
  for (let row = 0; row < length; row += 1) if (row !== first.row && isBetter(best, boundAt(bounds, row), row)) judge(row);
}

/** At least what its total would be; -Infinity: there is no room. */
function boundAt({ rows, usedMemory, usedCpus, workloads, evenMemory, evenCpus, needs, added, weights, bonus }: Bounds, row: number): number {
  if (needs.memoryMiB > (rows.memoryLimit[row] ?? 0) - (usedMemory[row] ?? 0) || needs.cpus > (rows.cpuLimit[row] ?? 0) - (usedCpus[row] ?? 0)) return Number.NEGATIVE_INFINITY;
  const freeMemory = freeShare(evenMemory[row] ?? 0, added.memoryMiB, rows.memorySize[row] ?? 1);
  const freeCpus = freeShare(evenCpus[row] ?? 0, added.cpus, rows.cpuSize[row] ?? 1);
  return withEvenness(bonus, weights, workloads[row] ?? 0, freeMemory, freeCpus);
}
