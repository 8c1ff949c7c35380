// The numbers of a migration, with the product's defaults.

export interface MigrationPolicy {
  /** MiB/s; null: no limit. */
  readonly bandwidthMiBps: number | null;
  readonly maxDowntimeMs: number;
  /** The whole transfer; after it the migration is aborted and the workload stays. */
  readonly timeoutMs: number;
  /** Not less left to copy for this long: it does not converge. */
  readonly stallMs: number;
  readonly autoConverge: boolean;
}

export const DEFAULT_MIGRATION_POLICY: MigrationPolicy = { bandwidthMiBps: null, maxDowntimeMs: 300, timeoutMs: 3_600_000, stallMs: 120_000, autoConverge: true };
