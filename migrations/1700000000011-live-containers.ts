// A container moves while it runs only where its owner has asked for that: nobody has yet.
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class LiveContainers1700000000011 implements MigrationInterface {
  readonly name = 'LiveContainers1700000000011';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE workload SET document = '{"movesLiveByCriu": false}'::jsonb || document`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE operation SET state = 'cancelled' WHERE kind = 'renew-trust' AND state IN ('pending', 'running')`);
    await runner.query(`UPDATE workload SET document = document - 'movesLiveByCriu'`);
  }
}
