// A live migration as a detached command on the source host.
import type { MigrationCommandState, MigrationRequest } from '../../hypervisor.js';
import { detachedStateScript, parseDetachedState, startDetachedScript } from '../ssh/detached-command.js';
import { quoteAll } from '../ssh/shell-quote.js';

export function migrateWords(request: MigrationRequest): string[] {
  const { destination } = request;
  return [
    'virsh', '-q', 'migrate', '--live', '--p2p', '--persistent', '--undefinesource',
    ...(request.autoConverge ? ['--auto-converge'] : []),
    ...(request.copyStorage ? ['--copy-storage-all'] : []),
    ...(request.bandwidthMiBps === null ? [] : ['--bandwidth', String(request.bandwidthMiBps)]),
    '--migrateuri', `tcp://${bracketed(destination.address)}`,
    request.uuid,
    `qemu+ssh://${encodeURIComponent(destination.sshUser)}@${bracketed(destination.address)}:${destination.sshPort}/system`,
  ];
}

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);

export function startMigrationScript(request: MigrationRequest): string {
  const maxDowntime = quoteAll(['virsh', '-q', 'migrate-setmaxdowntime', request.uuid, String(request.maxDowntimeMs)]);
  const script = `export LC_ALL=C LIBVIRT_DEFAULT_URI=qemu:///system\n${maxDowntime}\n${quoteAll(migrateWords(request))}`;
  return startDetachedScript({ id: request.id, unitPrefix: 'reeve-mig', script });
}

export const migrationCommandScript = detachedStateScript;

export const parseMigrationCommand = (answer: string): MigrationCommandState => parseDetachedState(answer, 'the command was killed; the migration may go on without it');
