// Placement rules; workloads that are frozen or unmanaged, locked, ordered; hosts that go down in order or flap.
import type { MigrationInterface, QueryRunner } from 'typeorm';

const STATES = "'running', 'stopped', 'starting', 'stopping', 'migrating', 'waiting', 'awaiting-fence', 'paused', 'missing', 'error'";
const NEW_STATES = "'running', 'stopped', 'starting', 'stopping', 'migrating', 'waiting', 'awaiting-fence', 'paused', 'frozen', 'unmanaged', 'missing', 'error'";

const UP = [
  `CREATE TABLE placement_rule (
    name text NOT NULL CONSTRAINT "PK_placement_rule" PRIMARY KEY,
    document jsonb NOT NULL,
    CONSTRAINT "CHK_placement_rule_type" CHECK (document->>'type' IN ('keep-apart', 'keep-together', 'hosts'))
  )`,
  `ALTER TABLE workload DROP CONSTRAINT "CHK_workload_state", DROP CONSTRAINT "CHK_workload_desired"`,
  `ALTER TABLE workload
    ADD CONSTRAINT "CHK_workload_state" CHECK (document->>'state' IN (${NEW_STATES})),
    ADD CONSTRAINT "CHK_workload_desired" CHECK (document->>'desired' IN ('running', 'stopped', 'disabled', 'unmanaged'))`,
  // What is there already gets what the program takes for granted from now on.
  `UPDATE workload SET document = '{"startAfter": [], "failback": true, "lock": null, "isDefinedAtHome": true, "usage": null}'::jsonb || document`,
  `UPDATE host SET document = '{"leaving": null, "flapping": {"lostAtMs": [], "quarantine": null}}'::jsonb || document`,
  `UPDATE cluster SET disarm = '{"mode": "freeze"}'::jsonb || disarm WHERE disarm IS NOT NULL`,
];

const DOWN = [
  `DROP TABLE placement_rule`,
  `UPDATE workload SET document = document || '{"state": "stopped"}'::jsonb WHERE document->>'state' IN ('frozen', 'unmanaged')`,
  `UPDATE workload SET document = document || '{"desired": "disabled"}'::jsonb WHERE document->>'desired' = 'unmanaged'`,
  `ALTER TABLE workload DROP CONSTRAINT "CHK_workload_state", DROP CONSTRAINT "CHK_workload_desired"`,
  `ALTER TABLE workload
    ADD CONSTRAINT "CHK_workload_state" CHECK (document->>'state' IN (${STATES})),
    ADD CONSTRAINT "CHK_workload_desired" CHECK (document->>'desired' IN ('running', 'stopped', 'disabled'))`,
];

export class Manners1700000000002 implements MigrationInterface {
  readonly name = 'Manners1700000000002';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}
