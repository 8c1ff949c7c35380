// Pacemaker's scheduler on the loss of a host of ours: what it leaves stopped, and its time.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../../src/hosts/host.js';
import type { PlacementView } from '../../src/scheduler/placement.js';
import type { Workload } from '../../src/workloads/workload.js';

export interface CrmResult {
  readonly seconds: number;
  /** Null: not done in time, or not understood. */
  readonly stopped: number | null;
}

/** Hosts have what is free on them, and only what is lost is placed: the easiest form of the question. */
export function crmSimulate(view: PlacementView, lost: Host, timeoutS: number): CrmResult {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-bench-'));
  const file = join(folder, 'cib.xml');
  try {
    const placed = view.workloads.filter(({ hostId }) => hostId === lost.id);
    writeFileSync(file, cibOf(view, lost, placed));
    const began = performance.now();
    const { stdout, signal } = spawnSync('crm_simulate', ['--xml-file', file, '--run'], { encoding: 'utf8', timeout: timeoutS * 1_000, maxBuffer: 1 << 27 });
    const seconds = (performance.now() - began) / 1_000;
    if (signal !== null || !stdout.includes('Transition Summary')) return { seconds, stopped: null };
    const started = stdout.split('\n').filter((line) => /^\s+\* Start\s/.test(line)).length;
    return { seconds, stopped: placed.length - started };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const pair = (id: string, name: string, value: string | number): string => `<nvpair id="${id}-${name}" name="${name}" value="${value}"/>`;
const utilization = (id: string, memory: number, cpu: number): string => `<utilization id="${id}-u">${pair(`${id}-u`, 'memory', memory)}${pair(`${id}-u`, 'cpu', cpu)}</utilization>`;

function cibOf({ hosts, workloads, policy }: PlacementView, lost: Host, placed: readonly Workload[]): string {
  const left = hosts.filter((host) => host !== lost);
  const free = left.map((host) => {
    const there = workloads.filter(({ hostId }) => hostId === host.id);
    const sum = (need: (one: Workload) => number): number => there.reduce((total, one) => total + need(one), 0);
    return { host, memory: (host.facts?.memoryMiB ?? 0) - policy.reservedMemoryMiB - sum(({ needs }) => needs.memoryMiB), cpu: Math.floor((host.facts?.cpus ?? 0) * policy.cpuOvercommit) - sum(({ needs }) => needs.vcpus) };
  });
  const nodes = free.map(({ host, memory, cpu }, nth) => `<node id="${nth + 1}" uname="${host.name}">${utilization(host.name, memory, cpu)}</node>`);
  const states = free.map(({ host }, nth) => `<node_state id="${nth + 1}" uname="${host.name}" in_ccm="true" crmd="online" crm-debug-origin="bench" join="member" expected="member"/>`);
  const resources = placed.map(({ name, needs }) => `<primitive id="${name}" class="ocf" provider="pacemaker" type="Dummy">${utilization(name, needs.memoryMiB, needs.vcpus)}</primitive>`);
  const options = [pair('o', 'placement-strategy', 'balanced'), pair('o', 'stonith-enabled', 'false'), pair('o', 'no-quorum-policy', 'ignore')];
  return `<cib crm_feature_set="3.16.2" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1" dc-uuid="1"><configuration><crm_config><cluster_property_set id="o">${options.join('')}</cluster_property_set></crm_config><nodes>${nodes.join('')}</nodes><resources>${resources.join('')}</resources><constraints/></configuration><status>${states.join('')}</status></cib>`;
}
