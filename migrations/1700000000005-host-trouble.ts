// What is wrong with a host by its own word.
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class HostTrouble1700000000005 implements MigrationInterface {
  readonly name = 'HostTrouble1700000000005';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE host SET document = '{"trouble": null}'::jsonb || document`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE host SET document = document - 'trouble'`);
  }
}
