// The host that ranks first, without a verdict on each: rows of numbers say where there is room and how even it would be there, and only hosts that may come first by that are judged.
import type { Host } from '../hosts/host.js';
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import { hostRows, type HostRows } from './host-rows.js';
import { judgeHost, type Asked } from './judge-host.js';
import { ruleIndex } from './placement-rule.js';
import { promiseIndex } from './promise-index.js';
import { cpus, memory } from './resources.js';
import { mostCpuScore } from './score-cpu.js';
import { evennessWith } from './score-evenness.js';
import { addScores } from './score-host.js';
import { matesOf, placesOf } from './standing.js';
import { usageAt, workloadsById } from './usage.js';
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
  if (!isBound) judgeOthers(asked, rows, best, judge);
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
  return { own, isBound: hostsRules.some(({ hard }) => hard) };
}

/** Sums of the same parts in another order differ by less. */
const ROUNDING = 1e-6;

/** Where there is room, and neither evenness nor what a host can get beside it rules out that it is the best. */
function judgeOthers({ view, request: { workload }, home, companions }: Asked, rows: HostRows, best: Best, judge: (row: number) => void): void {
  const { freeMemoryMiB, freeCpus, evenness, hosts: { length } } = rows;
  const needOf = (need: (one: Workload) => number): number => companions.reduce((sum, one) => sum + need(one), need(workload));
  const [memoryNeed, cpuNeed] = [needOf(memory.need), needOf(cpus.need)];
  const bonus = mostCpuScore(workload, home) + ROUNDING;
  const mayBeBest = (row: number): boolean => {
    const host = rows.hosts[row];
    return !!host?.facts && evennessWith({ facts: host.facts, usage: usageAt(view, host.id), policy: view.policy }, workload) + bonus >= best.total;
  };
  // As a rule the evenest is the best, and then next to none of the others is judged.
  let first = length;
  let most = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < length; row += 1) {
    if ((evenness[row] ?? 0) > most && memoryNeed <= (freeMemoryMiB[row] ?? 0) && cpuNeed <= (freeCpus[row] ?? 0)) [first, most] = [row, evenness[row] ?? 0];
  }
  if (most + bonus >= best.total) judge(first);
  for (let row = 0; row < length; row += 1) {
    if ((evenness[row] ?? 0) + bonus >= best.total && memoryNeed <= (freeMemoryMiB[row] ?? 0) && cpuNeed <= (freeCpus[row] ?? 0) && row !== first && mayBeBest(row)) judge(row);
  }
}
