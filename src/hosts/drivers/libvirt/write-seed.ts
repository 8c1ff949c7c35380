// Writes a cloud-init seed into a pool of a host, under the guard.
import { OperationalError } from '../../../shared/errors.js';
import type { WriteSeed } from '../../../workloads/run-create.js';
import { GUARD_WAIT_S } from '../ssh/guard-script.js';
import { guarded, guardRefusal } from '../ssh/guarded.js';
import { quote } from '../ssh/shell-quote.js';
import type { SshConnection } from '../ssh/ssh-connection.js';
import { checkDiskName, NO_POOL, NOT_A_DIRECTORY_POOL } from './disk-scripts.js';

/** Above the guard's own wait; a seed is some hundred KiB. */
const SEED_MS = GUARD_WAIT_S * 1000 + 20_000;

export function seedWriter(ssh: Pick<SshConnection, 'run' | 'settings'>): WriteSeed {
  return async (token, { pool, name, image }) => {
    checkDiskName(name);
    const host = ssh.settings.name;
    const result = await ssh.run(guarded(token, ['/bin/sh', '-c', seedScript(pool, name, image.length)]), { timeoutMs: SEED_MS, okCodes: 'any', input: image, what: `seed ${name}` });
    const refusal = result.code === 0 ? null : guardRefusal(result, host);
    if (refusal) throw refusal;
    if (result.code === NO_POOL) throw new OperationalError('not-found', `${host} has no active pool ${pool}`, `on ${host}: virsh pool-start ${pool}`);
    if (result.code === NOT_A_DIRECTORY_POOL) throw new OperationalError('unsupported', `pool ${pool} on ${host} is no directory: a seed is kept in a pool of type dir, fs or netfs`);
    if (result.code !== 0) throw new OperationalError('failed', `seed ${name} on ${host}: ${result.stderr.trim().split('\n').at(-1) ?? ''}`);
    return result.stdout.trim();
  };
}

/** The length is compared: when the connection breaks, the host sees an ordinary end of the input. QEMU may run as another user. */
function seedScript(pool: string, name: string, bytes: number): string {
  return `export LC_ALL=C LIBVIRT_DEFAULT_URI=qemu:///system
xml=$(virsh -q pool-dumpxml ${quote(pool)}) || exit ${NO_POOL}
case $xml in *"<path>"*) ;; *) exit ${NOT_A_DIRECTORY_POOL} ;; esac
path=\${xml#*<path>} path=\${path%%</path>*}
[ -d "$path" ] || exit ${NOT_A_DIRECTORY_POOL}
file=$path/${quote(name)}
trap 'rm -f "$file.part"' EXIT
cat > "$file.part" && [ "$(stat -c %s "$file.part")" = ${bytes} ] || { echo "it arrived incomplete" >&2; exit 1; }
chmod 644 "$file.part" && sync "$file.part" && mv -f "$file.part" "$file" || exit 1
virsh -q pool-refresh ${quote(pool)} > /dev/null 2>&1
echo "$file"`;
}
