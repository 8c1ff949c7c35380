// A cluster of ours as the tools of Ganeti read it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlacementView } from '../../src/scheduler/placement.js';

const GROUP = '11111111-1111-1111-1111-111111111111';
const DISK_MB = 1_000_000;

/** Gives the file's path; it is gone afterwards. */
export function withGanetiData<T>(view: PlacementView, use: (file: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-bench-'));
  try {
    const file = join(folder, 'cluster.data');
    writeFileSync(file, dataOf(view));
    return use(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Shared storage (`ext`): a move is one step there as here. */
function dataOf({ hosts, workloads, policy }: PlacementView): string {
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
