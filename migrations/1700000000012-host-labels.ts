// Hosts have a zone and labels, workloads have labels: nobody has given any yet.
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class HostLabels1700000000012 implements MigrationInterface {
  readonly name = 'HostLabels1700000000012';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE host SET document = '{"zone": null, "labels": {}}'::jsonb || document`);
    await runner.query(`UPDATE workload SET document = '{"labels": {}}'::jsonb || document`);
  }

  /** An older release knows neither zones nor selectors: a rule keeps what it came to when it was made, and one per zone would mean something else, so it goes. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM placement_rule WHERE document ->> 'per' = 'zone'`);
    await runner.query(`UPDATE placement_rule SET document = document - 'selector' - 'hostSelector'`);
    await runner.query(`UPDATE host SET document = document - 'zone' - 'labels'`);
    await runner.query(`UPDATE workload SET document = document - 'labels'`);
  }
}
