// Ganeti's hspace on a cluster of ours: how many more of one size it finds places for, and its time.
import { spawnSync } from 'node:child_process';
import type { PlacementView } from '../../src/scheduler/placement.js';
import { withGanetiData } from './ganeti-data.js';

/** It places nothing without a disk; there is room for all of them. */
const DISK_MB = 1_024;

export interface HspaceResult {
  readonly seconds: number;
  /** Null: not done in time, or not understood. */
  readonly count: number | null;
}

/** Both of its ways of counting are given the same size, as it always goes both: the time is halved. */
export function hspace(view: PlacementView, size: { readonly memoryMiB: number; readonly vcpus: number }, keepsRoom: boolean, timeoutS: number): HspaceResult {
  return withGanetiData(view, (file) => {
    const spec = `${DISK_MB},${size.memoryMiB},${size.vcpus}`;
    const began = performance.now();
    const { stdout, signal } = spawnSync('hspace', ['-t', file, '--disk-template=ext', `--standard-alloc=${spec}`, `--tiered-alloc=${spec}`, '--machine-readable=yes', ...(keepsRoom ? [] : ['--no-capacity-checks'])], { encoding: 'utf8', timeout: timeoutS * 1_000, maxBuffer: 1 << 26 });
    const seconds = (performance.now() - began) / 2_000;
    const count = signal === null ? /^HTS_ALLOC_INSTANCES=(\d+)$/m.exec(stdout)?.[1] : undefined;
    return { seconds, count: count === undefined ? null : Number(count) };
  });
}
