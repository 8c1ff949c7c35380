// The quorum lease: sets of voters, hosts that are excluded, workloads under their host's lease.
import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = [
  `ALTER TABLE cluster ADD voters jsonb NOT NULL DEFAULT '[]'`,
  `UPDATE host SET document = '{"excludedEpoch": null, "voterEpoch": 0}'::jsonb || document`,
  `UPDATE workload SET document = '{"leasedOn": null}'::jsonb || document`,
];

export class Lease1700000000003 implements MigrationInterface {
  readonly name = 'Lease1700000000003';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE cluster DROP COLUMN voters');
  }
}
