// A live cluster as a scenario: what is there now, in the format that `reeve simulate` takes. What happens to it is for its reader to add.
import { DEFAULT_POLICY, type ClusterPolicy } from '../../cluster/cluster-policy.js';
import type { ClusterView } from '../../cluster/cluster-view.js';
import type { PlacementRule } from '../../scheduler/placement-rule.js';
import { isOff, enforcesLease, type FenceDeviceKind, type Host } from '../../hosts/host.js';
import type { Labels } from '../../shared/labels.js';
import { WORKLOAD_DEFAULTS, type Workload } from '../../workloads/workload.js';
import { firstSenseless } from './check-sense.js';
import { PAGE_KIB, type PageName } from '../simulated-resources.js';
import { HOST_CPUS, type Scenario, type ScenarioHost, type ScenarioPolicy, type ScenarioRule, type ScenarioWorkload, type TimelineEntry } from './scenario.js';

export interface Exported {
  readonly name: string;
  readonly view: Pick<ClusterView, 'hosts' | 'workloads' | 'rules' | 'disarm'>;
  readonly policy: ClusterPolicy;
  /** Replicas of the control plane that are heard. */
  readonly replicas: number;
}

/** What the simulator runs at most. */
const MOST_REPLICAS = 9;

export function exportScenario({ name, view, policy, replicas }: Exported): Scenario {
  const hosts = view.hosts.filter((host) => host.condition !== 'enrolling').sort(byName);
  const names = new Map<string, string>([...hosts, ...view.workloads].map((one) => [one.id, one.name]));
  const workloads = [...view.workloads].sort(byName);
  const required = new Set(workloads.flatMap(({ needs }) => needs.cpuFeatures ?? []));
  const standing = { hosts: hosts.map((host) => ({ ...hostOf(host), ...resourcesOf(host, required) })), workloads: workloads.map((one) => workloadOf(one, names)) };
  return {
    name, policy: policyOf(policy), controllers: Math.min(MOST_REPLICAS, Math.max(1, replicas)),
    ...standing, rules: keepable(standing, view.rules.map((one) => ruleOf(one, names)).filter(isAboutSomething)),
    timeline: [...hosts.flatMap(standingHost), ...workloads.flatMap(standingWorkload), ...standingDisarm(view)],
  };
}

const byName = (one: { readonly name: string }, other: { readonly name: string }): number => (one.name < other.name ? -1 : 1);

function policyOf({ gracefulShutdown, migrateWithinMs, onTrouble, placement, maxSilentShare, rebalance, rebalanceOnStart, admission }: ClusterPolicy): ScenarioPolicy {
  return { gracefulShutdown, ...(gracefulShutdown === 'migrate' ? { migrateWithinS: migrateWithinMs / 1_000 } : {}), onUplinkLost: onTrouble.uplinkLost, onHardwareFailing: onTrouble.hardwareFailing, placement: placement.strategy, rebalance: rebalance === null ? 'off' : { ...rebalance }, rebalanceOnStart, admission, maxSilentShare, ...sizesOf(placement) };
}

/** How much may be used of a host, where that is not as usual. */
function sizesOf({ memoryOvercommit, cpuOvercommit, reservedMemoryMiB }: ClusterPolicy['placement']): ScenarioPolicy {
  const usual = DEFAULT_POLICY.placement;
  return { ...(memoryOvercommit === usual.memoryOvercommit ? {} : { memoryOvercommit }), ...(cpuOvercommit === usual.cpuOvercommit ? {} : { cpuOvercommit }), ...(reservedMemoryMiB === usual.reservedMemoryMiB ? {} : { reservedMemoryMiB }) };
}

const FENCING: { readonly [K in FenceDeviceKind]: 'power' | 'watchdog' | 'none' } = { ipmi: 'power', redfish: 'power', 'fence-agent': 'power', watchdog: 'watchdog', manual: 'none' };

function hostOf(host: Host): ScenarioHost {
  const isLost = host.condition === 'silent' || host.condition === 'fencing';
  const kinds = host.fenceDevices.map(({ kind }) => FENCING[kind]).filter((kind) => kind === 'power' || (kind === 'watchdog' && enforcesLease(host)));
  return {
    name: host.name, power: isOff(host) ? 'off' : 'on', network: isLost ? 'down' : 'up', ...(host.zone === null ? {} : { zone: host.zone }), ...labelled(host), ...(host.facts ? { cpus: host.facts.cpus, memoryMiB: host.facts.memoryMiB } : {}),
    fencing: kinds.length > 0 ? [...new Set(kinds)] : ['none'],
  };
}

const labelled = ({ labels }: { readonly labels: Labels }): { labels?: Record<string, string> } => (Object.keys(labels).length === 0 ? {} : { labels: { ...labels } });

const PAGES = Object.entries(PAGE_KIB) as readonly (readonly [PageName, number])[];

/** Of the CPU, what somebody requires; the rest decides nothing. */
function resourcesOf({ facts }: Host, required: ReadonlySet<string>): Pick<ScenarioHost, 'hugepages' | 'cpuFlags'> {
  const pages = PAGES.flatMap(([name, sizeKiB]) => (facts?.hugepages ?? []).filter((one) => one.sizeKiB === sizeKiB).map(({ total }) => [name, total] as const));
  const flags = facts?.cpuFlags?.filter((flag) => required.has(flag));
  return { ...(pages.length === 0 ? {} : { hugepages: Object.fromEntries(pages) }), ...(flags === undefined || required.size === 0 ? {} : { cpuFlags: flags }) };
}

/** All of it in pages of one size, which is what the format can say. */
function backedBy({ hugepages = [], memoryMiB }: Workload['needs']): Pick<ScenarioWorkload, 'hugepages'> {
  const [first, ...others] = hugepages;
  const page = PAGES.find(([, sizeKiB]) => sizeKiB === (first?.sizeKiB ?? PAGE_KIB['2MiB']));
  return first && page && others.length === 0 && first.isBeside !== true && first.memoryMiB >= memoryMiB ? { hugepages: page[0] } : {};
}

function hostCpu({ cpuModel }: Workload['needs']): Pick<ScenarioWorkload, 'cpu'> {
  const cpu = HOST_CPUS.find((one) => one === cpuModel);
  return cpu === undefined ? {} : { cpu };
}

/** Wanted running, and its process is not there. */
const NOT_THERE: ReadonlySet<Workload['state']> = new Set(['stopped', 'missing', 'error', 'waiting']);

function workloadOf(one: Workload, names: ReadonlyMap<string, string>): ScenarioWorkload {
  const { name, kind, needs, usage, labels, priority, maxRestarts, maxRelocations, failback } = one;
  // What is not protected is left alone when its host is lost, as what is unmanaged.
  const desired = one.isProtected || one.desired !== 'running' ? one.desired : 'unmanaged';
  const isUnprotected = desired !== one.desired;
  const host = one.hostId === null ? undefined : names.get(one.hostId);
  const after = one.startAfter.flatMap((id) => names.get(id) ?? []);
  return {
    name, kind, ...(host === undefined ? {} : { host }), desired, ...(isUnprotected ? { protected: false } : {}), cpus: needs.vcpus, memoryMiB: needs.memoryMiB, ...backedBy(needs), ...hostCpu(needs), ...(needs.cpuFeatures ? { cpuFeatures: [...needs.cpuFeatures] } : {}), ...(usage === null ? {} : { usage: { ...usage } }), ...labelled({ labels }), priority,
    ...(maxRestarts === WORKLOAD_DEFAULTS.maxRestarts ? {} : { maxRestarts }), ...(maxRelocations === WORKLOAD_DEFAULTS.maxRelocations ? {} : { maxRelocations }),
    ...(failback === WORKLOAD_DEFAULTS.failback ? {} : { failback }), ...(after.length === 0 ? {} : { startAfter: after }),
    ...(host !== undefined && desired === 'running' && NOT_THERE.has(one.state) ? { faults: { running: false } } : {}),
  };
}

/** A rule outlives its workloads; of too few it says nothing, and a file of it is refused. */
const isAboutSomething = ({ type, workloads = [], select }: ScenarioRule): boolean => select !== undefined || workloads.length >= (type === 'hosts' ? 1 : 2);

/** A file of a rule that can't be kept is refused. Where a host is gone since it was made, it is a preference there; what names no host any more says nothing. */
function keepable(standing: Pick<Scenario, 'hosts' | 'workloads'>, rules: readonly ScenarioRule[]): ScenarioRule[] {
  const taken: ScenarioRule[] = [];
  for (const rule of rules) {
    const way = [rule, { ...rule, hard: false }].find((one) => firstSenseless({ ...standing, rules: [...taken, one] }) === null);
    if (way) taken.push(way);
  }
  return taken;
}

/** As it was written, not what it comes to. */
function ruleOf(rule: PlacementRule, names: ReadonlyMap<string, string>): ScenarioRule {
  const named = (rule.selector?.named ?? rule.workloads).flatMap((id) => names.get(id) ?? []);
  const head = { name: rule.name, ...(named.length > 0 || !rule.selector ? { workloads: named } : {}), ...(rule.selector ? { select: { ...rule.selector.labels } } : {}), hard: rule.hard };
  if (rule.type !== 'hosts') return { ...head, type: rule.type, ...(rule.per === 'zone' ? { per: rule.per } : {}) };
  const hosts = (rule.hostSelector?.named ?? rule.hosts).flatMap(({ hostId, priority }) => {
    const host = names.get(hostId);
    return host === undefined ? [] : [{ host, priority }];
  });
  return { ...head, type: rule.type, hosts: [...hosts, ...(rule.hostSelector?.selected ?? []).map(({ labels, priority }) => ({ select: { ...labels }, priority }))] };
}

/** What people have said of it, which the format knows as something that is done. */
function standingHost({ name, intent, cordoned, condition }: Host): readonly TimelineEntry[] {
  if (intent === 'maintenance' && condition === 'online') return [{ at: 0, do: 'host.drain', host: name }];
  return cordoned ? [{ at: 0, do: 'host.cordon', host: name }] : [];
}

const standingWorkload = ({ name, lock }: Workload): readonly TimelineEntry[] => (lock ? [{ at: 0, do: 'workload.lock', workload: name }] : []);

const standingDisarm = ({ disarm }: Pick<ClusterView, 'disarm'>): readonly TimelineEntry[] => (disarm ? [{ at: 0, do: 'cluster.disarm', mode: disarm.mode }] : []);
