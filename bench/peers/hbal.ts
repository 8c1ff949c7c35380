// Ganeti's hbal on a cluster of ours: its moves and its time.
import { spawnSync } from 'node:child_process';
import type { PlacementView } from '../../src/scheduler/placement.js';
import { withGanetiData } from './ganeti-data.js';

export interface HbalResult {
  readonly seconds: number;
  /** Workload name to host name, where it moved. Null: not done in time. */
  readonly moves: ReadonlyMap<string, string> | null;
  readonly count: number;
}

export function hbal(view: PlacementView, timeoutS: number): HbalResult {
  return withGanetiData(view, (file) => {
    const began = performance.now();
    const { stdout, signal } = spawnSync('hbal', ['-t', file], { encoding: 'utf8', timeout: timeoutS * 1_000, maxBuffer: 1 << 26 });
    const seconds = (performance.now() - began) / 1_000;
    if (signal !== null) return { seconds, moves: null, count: 0 };
    const lines = stdout.split('\n').flatMap((line) => /^\s+\d+\. (\S+)\s+\S+\s+=> (\S+)/.exec(line)?.slice(1, 3) ?? []);
    const moves = new Map<string, string>();
    for (let nth = 0; nth < lines.length; nth += 2) moves.set(lines[nth] ?? '', lines[nth + 1] ?? '');
    return { seconds, moves, count: lines.length / 2 };
  });
}
