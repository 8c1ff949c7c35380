// A live migration as a detached command on the source host: started once per id, polled, found again after a crash of ours.
import { OperationalError } from '../../../shared/errors.js';
import type { MigrationCommandState, MigrationRequest } from '../../hypervisor.js';
import { quote, quoteAll } from '../ssh/shell-quote.js';

/** On a tmpfs: a reboot ends the command and takes the record with it. */
const OPERATIONS_DIR = '/run/reeve/ops';
/** So long a command that was just started may take until it has written its process id. */
const STARTING_S = 10;
/** More of the output than anybody reads. */
const OUTPUT_BYTES = 4000;

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

/**
 * Runs under the guard. The folder is made first and once: who finds it there has nothing to do. Descriptors 8 and 9
 * are the guard's locks; the detached command must not keep them, else nothing could be done about it while it runs.
 */
export function startMigrationScript(request: MigrationRequest): string {
  const dir = dirOf(request.id);
  const maxDowntime = quoteAll(['virsh', '-q', 'migrate-setmaxdowntime', request.uuid, String(request.maxDowntimeMs)]);
  const migrate = `exec > ${dir}/output 2>&1 < /dev/null
export LC_ALL=C LIBVIRT_DEFAULT_URI=qemu:///system
read -r self rest < /proc/self/stat
echo "$self" > ${dir}/pid
${maxDowntime}
${quoteAll(migrateWords(request))}
echo $? > ${dir}/exit.new
mv ${dir}/exit.new ${dir}/exit`;
  return `export LC_ALL=C
mkdir -p ${OPERATIONS_DIR}
mkdir ${dir} 2>/dev/null || exit 0
if [ -d /run/systemd/system ]; then
  systemd-run --quiet --collect --unit=reeve-mig-${request.id} /bin/sh -c ${quote(migrate)} || { code=$?; rmdir ${dir}; exit $code; }
else
  setsid /bin/sh -c ${quote(migrate)} 8>&- 9>&- < /dev/null > /dev/null 2>&1 &
fi
tries=0
until [ -s ${dir}/pid ] || [ "$tries" -ge 40 ]; do tries=$((tries + 1)); sleep 0.05; done
exit 0`;
}

export function migrationCommandScript(id: string): string {
  const dir = dirOf(id);
  return `cd ${dir} 2>/dev/null || { echo none; exit 0; }
if [ -e exit ]; then read -r code < exit; echo "ended $code"; tail -c ${OUTPUT_BYTES} output; exit 0; fi
if read -r pid 2>/dev/null < pid; then
  if [ -d "/proc/$pid" ]; then echo running; exit 0; fi
  # It may have ended between the two looks.
  if [ -e exit ]; then read -r code < exit; echo "ended $code"; else echo "ended -1"; fi
  tail -c ${OUTPUT_BYTES} output; exit 0
fi
if [ $(( $(date +%s) - $(stat -c %Y .) )) -lt ${STARTING_S} ]; then echo running; else echo "ended 127"; echo "it was never started"; fi`;
}

export function parseMigrationCommand(answer: string): MigrationCommandState {
  const [head = '', ...rest] = answer.split('\n');
  if (head === 'none') return { kind: 'none' };
  if (head === 'running') return { kind: 'running' };
  const code = /^ended (-?\d+)$/.exec(head)?.[1];
  if (code === undefined) throw new OperationalError('failed', `unreadable answer about a migration command: ${head}`);
  const output = rest.join('\n').trim();
  if (Number(code) !== -1) return { kind: 'ended', exitCode: Number(code), output };
  return { kind: 'ended', exitCode: -1, output: `${output}\nthe command was killed; the migration may go on without it`.trim() };
}

function dirOf(id: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,100}$/.test(id)) throw new RangeError(`"${id}" cannot name a unit`);
  return `${OPERATIONS_DIR}/${id}`;
}
