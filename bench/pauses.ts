// `npm run bench pauses`: how long the event loop of a control plane stands still while something is computed of its whole cluster, in its own thread and in the planner's.
// usage: npm run bench pauses [-- --size 1000x20000] [--times N] [--only TEXT]
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as passed } from 'node:timers/promises';
import { DEFAULT_POLICY } from '../src/cluster/cluster-policy.js';
import { placementViewOf } from '../src/cluster/placement-ledger.js';
import type { ClusterView, HostInventory } from '../src/cluster/cluster-view.js';
import type { Planner } from '../src/cluster/planner.js';
import { plannerHere } from '../src/cluster/planner-here.js';
import { ThreadPlanner } from '../src/planner/thread-planner.js';
import type { PlacementView } from '../src/scheduler/placement.js';
import { aClusterVerdict, aVerdict, aView, NOW_MS } from '../test/fixtures/cluster.js';
import { generatedCluster } from '../test/fixtures/generated-cluster.js';

const FILL = 0.6;
/** Of libvirt, as virt-install writes it for one disk and one network. */
const DEFINITION_BYTES = 4_000;
const RESOLUTION_MS = 1;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const valueOf = (name: string): string | undefined => (process.argv.includes(`--${name}`) ? process.argv[process.argv.indexOf(`--${name}`) + 1] : undefined);

/** As the store gives it: with definitions, and with what each host shows. A new one each time, for what is worked out of a view is remembered with it. */
function clusterView(hosts: number, workloads: number): ClusterView {
  const made = generatedCluster({ hosts, workloads, fill: FILL });
  const inventories = made.hosts.map((host): HostInventory => ({
    hostId: host.id, atMs: NOW_MS - 1_000, bootId: host.bootId ?? '',
    workloads: made.workloads.filter(({ hostId }) => hostId === host.id).map(({ uuid, name, kind, needs }) => ({ uuid, name, kind, driver: 'libvirt', runState: 'running', reason: 'booted', memoryMiB: needs.memoryMiB, vcpus: needs.vcpus, persistent: true }) as unknown as HostInventory['workloads'][number]),
  }));
  return aView({ hosts: made.hosts, workloads: made.workloads.map((one, nth) => ({ ...one, definition: `${nth}`.padEnd(DEFINITION_BYTES, 'x') })), inventories });
}

const QUESTIONS: { readonly [name: string]: (planner: Planner, view: PlacementView) => Promise<unknown> } = {
  'balance plan': (planner, view) => planner.compute('plan', { view, policy: DEFAULT_POLICY, wanted: [], nowMs: NOW_MS, request: { kind: 'balance', hosts: [] } }),
  'drain plan': (planner, view) => planner.compute('plan', { view, policy: DEFAULT_POLICY, wanted: [], nowMs: NOW_MS, request: { kind: 'drain', hosts: view.hosts.slice(0, 1).map(({ name }) => name) } }),
  'loss plan': (planner, view) => planner.compute('plan', { view, policy: DEFAULT_POLICY, wanted: [], nowMs: NOW_MS, request: { kind: 'loss', hosts: view.hosts.slice(0, 1).map(({ name }) => name) } }),
  'room for failure, n+1': (planner, view) => planner.compute('room', { cluster: 'bench', view, mode: 'n+1' }),
  'one place explained': (planner, view) => planner.compute('place', { view, workload: view.workloads[5]?.name ?? '' }),
};

/** What the machine does to a loop that has nothing to do. */
const IDLE_MS = 5_000;

/** Processor time of this thread alone, as Linux counts it. */
const threadMs = (): number => Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[0]) / 1e6;

/** The most processor time that the loop spends before it comes to its timers again: what a pause is on a machine that has nothing else to do. */
function watchTurns(): () => number {
  let [last, most] = [threadMs(), 0];
  const look = (): void => {
    const now = threadMs();
    [last, most] = [now, Math.max(most, now - last)];
  };
  const timer = setInterval(look, RESOLUTION_MS);
  return () => {
    clearInterval(timer);
    return most;
  };
}

interface Measured {
  readonly pauseMs: number;
  readonly workMs: number;
  readonly allMs: number;
}

/** From the read view to the answer. */
async function measured(ask: (view: PlacementView) => Promise<unknown>, view: ClusterView): Promise<Measured> {
  const verdict = aClusterVerdict(view.hosts.map((host) => aVerdict(host)));
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  // It counts from its second look on.
  await passed(20);
  const mostWork = watchTurns();
  const began = performance.now();
  await ask(placementViewOf({ view, verdict, policy: DEFAULT_POLICY }));
  const allMs = performance.now() - began;
  // A pause is noted when it is over.
  await passed(5 * RESOLUTION_MS);
  delay.disable();
  return { pauseMs: delay.max / 1e6, workMs: mostWork(), allMs };
}

const range = (values: readonly number[]): string => [Math.min(...values), Math.max(...values)].map((one) => one.toFixed(0)).join(' to ');

const [hosts = 1_000, workloads = 20_000] = (valueOf('size') ?? '1000x20000').split('x').map(Number);
const times = Number(valueOf('times') ?? 3);
say(`machine: ${cpus().length} cores (${cpus()[0]?.model.trim() ?? '?'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`);
say(`${hosts} hosts, ${workloads} workloads, ${FILL * 100} % of memory, ${times} times each; ms`);
// Bundled into dist/, beside the planner's program.
const planners: readonly (readonly [string, Planner])[] = [['in the same thread', plannerHere()], ['in the planner\'s', new ThreadPlanner({ entry: new URL('./planner.js', import.meta.url) })]];
const idle = await measured(() => passed(IDLE_MS), clusterView(1, 1));
say(`  ${'nothing'.padEnd(43)} longest pause ${idle.pauseMs.toFixed(0).padEnd(14)} of it work ${idle.workMs.toFixed(0)}`);
for (const [name, ask] of Object.entries(QUESTIONS).filter(([name]) => name.includes(valueOf('only') ?? ''))) {
  for (const [where, planner] of planners) {
    const found: Measured[] = [];
    for (let nth = 0; nth < times; nth += 1) found.push(await measured((view) => ask(planner, view), clusterView(hosts, workloads)));
    say(`  ${name.padEnd(22)} ${where.padEnd(20)} longest pause ${range(found.map(({ pauseMs }) => pauseMs)).padEnd(14)} of it work ${range(found.map(({ workMs }) => workMs)).padEnd(14)} until the answer ${range(found.map(({ allMs }) => allMs))}`);
  }
}
for (const [, planner] of planners) await planner.close();
