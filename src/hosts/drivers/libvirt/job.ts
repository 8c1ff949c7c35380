// Reads what virsh domjobinfo says about a migration, while it runs and after its end.
import type { MigrationProgress, MigrationStatistics } from '../../hypervisor.js';
import type { MigrationSide } from './inventory.js';

/** virDomainJobType: none 0, bounded 1, unbounded 2, completed 3, failed 4, cancelled 5. */
const RUNNING_TYPES = [1, 2];
/** virDomainJobOperation. */
const MIGRATION_IN = 4;
const MIGRATION_OUT = 5;

export interface JobAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Of `domjobinfo --rawstats`: keys and numbers; sizes in bytes, times in ms. */
export function parseRawJob(output: string): ReadonlyMap<string, number> {
  const fields = new Map<string, number>();
  for (const line of output.split('\n')) {
    const [, key, value] = /^\s*([A-Za-z_][A-Za-z_ ]*?)\s*:\s*(-?\d+)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) fields.set(key === 'Job type' ? 'type' : key, Number(value));
  }
  return fields;
}

/** The destination answers with an error of its own: the numbers are kept at the source. */
const KEPT_AT_SOURCE = /migration statistics are available only on the source/i;

export function migrationSideOf({ code, stdout, stderr }: JobAnswer): MigrationSide {
  if (code !== 0) return KEPT_AT_SOURCE.test(stderr) ? 'in' : 'none';
  const job = parseRawJob(stdout);
  if (!RUNNING_TYPES.includes(job.get('type') ?? 0)) return 'none';
  if (job.get('operation') === MIGRATION_IN) return 'in';
  return job.get('operation') === MIGRATION_OUT ? 'out' : 'none';
}

export function progressOf(answer: JobAnswer): MigrationProgress | null {
  if (migrationSideOf(answer) !== 'out') return null;
  const job = parseRawJob(answer.stdout);
  const number = (key: string): number => job.get(key) ?? 0;
  return {
    elapsedMs: number('time_elapsed'),
    totalBytes: number('data_total'),
    processedBytes: number('data_processed'),
    remainingBytes: number('data_remaining'),
    iteration: number('memory_iteration'),
    dirtyRatePagesPerSecond: job.get('memory_dirty_rate') ?? null,
  };
}

/** Of `domjobinfo --completed` on the destination. */
export function statisticsOf(answer: JobAnswer): MigrationStatistics {
  const job = answer.code === 0 ? parseRawJob(answer.stdout) : new Map<string, number>();
  if (job.get('operation') !== MIGRATION_IN) return { totalMs: null, downtimeMs: null, transferredBytes: null };
  return { totalMs: job.get('time_elapsed') ?? null, downtimeMs: job.get('downtime') ?? null, transferredBytes: job.get('data_processed') ?? null };
}
