// Pools on shared block storage: what hosts' daemons say of theirs, and which were taken over.
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class BlockPools1700000000008 implements MigrationInterface {
  readonly name = 'BlockPools1700000000008';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE host SET document = '{"takenPools": []}'::jsonb || document`);
    await runner.query(`UPDATE host SET document = jsonb_set(document, '{facts,containerDaemons}', (
      SELECT coalesce(jsonb_agg('{"filesystems": []}'::jsonb || daemon || jsonb_build_object('pools', (
        SELECT coalesce(jsonb_agg('{"source": null}'::jsonb || pool), '[]'::jsonb) FROM jsonb_array_elements(daemon -> 'pools') AS pool))), '[]'::jsonb)
      FROM jsonb_array_elements(document #> '{facts,containerDaemons}') AS daemon)) WHERE jsonb_typeof(document #> '{facts,containerDaemons}') = 'array'`);
    await indexed(runner, [...KINDS, 'take-pool']);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE operation SET state = 'cancelled' WHERE kind = 'take-pool' AND state IN ('pending', 'running')`);
    await indexed(runner, KINDS);
    await runner.query(`UPDATE host SET document = jsonb_set(document, '{facts,containerDaemons}', (
      SELECT coalesce(jsonb_agg((daemon - 'filesystems') || jsonb_build_object('pools', (
        SELECT coalesce(jsonb_agg(pool - 'source'), '[]'::jsonb) FROM jsonb_array_elements(daemon -> 'pools') AS pool))), '[]'::jsonb)
      FROM jsonb_array_elements(document #> '{facts,containerDaemons}') AS daemon)) WHERE jsonb_typeof(document #> '{facts,containerDaemons}') = 'array'`);
    await runner.query(`UPDATE host SET document = document - 'takenPools'`);
  }
}

const KINDS: readonly string[] = ['fence', 'drain', 'enrol', 'readmit', 'remove'];

async function indexed(runner: QueryRunner, kinds: readonly string[]): Promise<void> {
  await runner.query('DROP INDEX operation_one_per_host');
  await runner.query(`CREATE UNIQUE INDEX operation_one_per_host ON operation (host_id, kind) WHERE state IN ('pending', 'running') AND kind IN (${kinds.map((kind) => `'${kind}'`).join(', ')})`);
}
