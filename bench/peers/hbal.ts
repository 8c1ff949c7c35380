// Ganeti's hbal on a cluster of ours: its moves and its time.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlacementView } from '../../src/scheduler/placement.js';

const GROUP = '11111111-1111-1111-1111-111111111111';
const DISK_MB = 1_000_000;

export interface HbalResult {
  readonly seconds: number;
  /** Workload name to host name, where it moved. Null: not done in time. */
  readonly moves: ReadonlyMap<string, string> | null;
  readonly count: number;
}

/** Shared storage (`ext`): a move is one step there as here. */
export function hbal(view: PlacementView, timeoutS: number): HbalResult {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-bench-'));
  const file = join(folder, 'cluster.data');
  try {
    writeFileSync(file, inputOf(view));
    const began = performance.now();
    const { stdout, signal } = spawnSync('hbal', ['-t', file], { encoding: 'utf8', timeout: timeoutS * 1_000, maxBuffer: 1 << 26 });
    const seconds = (performance.now() - began) / 1_000;
    if (signal !== null) return { seconds, moves: null, count: 0 };
    const lines = stdout.split('\n').flatMap((line) => /^\s+\d+\. (\S+)\s+\S+\s+=> (\S+)/.exec(line)?.slice(1, 3) ?? []);
    const moves = new Map<string, string>();
    for (let nth = 0; nth < lines.length; nth += 2) moves.set(lines[nth] ?? '', lines[nth + 1] ?? '');
    return { seconds, moves, count: lines.length / 2 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function inputOf({ hosts, workloads, policy }: PlacementView): string {
  const used = new Map<string, number>();
  for (const { hostId, needs } of workloads) used.set(hostId ?? '', (used.get(hostId ?? '') ?? 0) + needs.memoryMiB);
  const names = new Map(hosts.map(({ id, name }) => [id as string, name]));
  const nodes = hosts.map(({ id, name, facts }) => {
    const total = (facts?.memoryMiB ?? 0) - policy.reservedMemoryMiB;
    return [name, total, 0, total - (used.get(id) ?? 0), DISK_MB, DISK_MB, facts?.cpus ?? 0, 'N', GROUP, 1].join('|');
  });
  const instances = workloads.map(({ name, hostId, needs }) => [name, needs.memoryMiB, 0, needs.vcpus, 'running', 'Y', names.get(hostId ?? '') ?? '', '', 'ext', '', 1].join('|'));
  return [`group-1|${GROUP}|preferred||`, '', ...nodes, '', ...instances, '', '', ''].join('\n');
}
