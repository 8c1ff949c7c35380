// How far each alert target was told.
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Alerts1700000000004 implements MigrationInterface {
  readonly name = 'Alerts1700000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE alert_cursor (
      target text NOT NULL CONSTRAINT "PK_alert_cursor" PRIMARY KEY,
      seq bigint NOT NULL,
      tested_at timestamptz,
      document jsonb NOT NULL
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE alert_cursor');
  }
}
