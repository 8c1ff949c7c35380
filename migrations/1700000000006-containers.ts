// Who runs a workload, and the daemons for containers that a host has: libvirt alone until now.
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Containers1700000000006 implements MigrationInterface {
  readonly name = 'Containers1700000000006';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE workload SET document = jsonb_set(document, '{needs}', '{"driver": "libvirt", "instance": null}'::jsonb || (document -> 'needs')) WHERE document ? 'needs'`);
    await runner.query(`UPDATE workload SET document = '{"replication": null, "replica": null}'::jsonb || document`);
    await runner.query(`UPDATE host SET document = jsonb_set(document, '{facts}', '{"containerDaemons": []}'::jsonb || (document -> 'facts')) WHERE jsonb_typeof(document -> 'facts') = 'object'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE workload SET document = (document - 'replication' - 'replica') #- '{needs,driver}' #- '{needs,instance}'`);
    await runner.query(`UPDATE host SET document = document #- '{facts,containerDaemons}' WHERE jsonb_typeof(document -> 'facts') = 'object'`);
  }
}
