// Disks as files in a directory pool: made beside their final name and renamed when complete, removed only inside a pool.
import { quote } from '../ssh/shell-quote.js';
import type { DiskSpec } from '../../hypervisor.js';

/** Exit codes of our own, above those of the programs and below the shell's. */
export const NO_POOL = 91;
export const OUTSIDE_POOLS = 92;
export const IN_USE = 93;
export const NOT_A_DIRECTORY_POOL = 94;
export const NO_SOURCE = 96;

const HEAD = 'export LC_ALL=C LIBVIRT_DEFAULT_URI=qemu:///system';

/** Prints the path. `link` makes the final name only if it is not there: two makers at once end with one disk. */
export function createDiskScript(name: string, disk: DiskSpec): string {
  const size = `${disk.sizeMiB}M`;
  const make = disk.from === undefined
    ? `qemu-img create -q -f ${disk.format} "$part" ${size}`
    : `qemu-img convert -q -O ${disk.format} ${quote(disk.from)} "$part" && { [ "$(qemu-img info --output=json "$part" | tr -d ' ,' | grep -m1 '^"virtual-size":')" = '"virtual-size":${disk.sizeMiB * 1024 * 1024}' ] || qemu-img resize -q -f ${disk.format} "$part" ${size}; }`;
  return `${HEAD}
xml=$(virsh -q pool-dumpxml ${quote(disk.pool)}) || exit ${NO_POOL}
case $xml in *"<path>"*) ;; *) exit ${NOT_A_DIRECTORY_POOL} ;; esac
path=\${xml#*<path>} path=\${path%%</path>*}
[ -d "$path" ] || exit ${NOT_A_DIRECTORY_POOL}
file=$path/${quote(name)}
if [ ! -e "$file" ]; then
${disk.from === undefined ? '' : `  [ -e ${quote(disk.from)} ] || exit ${NO_SOURCE}\n`}  part=$path/.${quote(name)}.$$.part
  trap 'rm -f "$part"' EXIT
  { ${make}; } 1>&2 && sync "$part" || exit 1
  ln "$part" "$file" 2>/dev/null || [ -e "$file" ] || mv "$part" "$file" || exit 1
  virsh -q pool-refresh ${quote(disk.pool)} > /dev/null 2>&1
fi
echo "$file"`;
}

/** The path must lie in an active pool after all links are resolved, and nobody may have the image open. */
export function deleteDiskScript(path: string): string {
  return `${HEAD}
file=${quote(path)}
[ -e "$file" ] || exit 0
[ -f "$file" ] || exit ${OUTSIDE_POOLS}
real=$(readlink -f "$file") || exit 1
virsh -q pool-list --name | {
  while read -r pool; do
    [ -n "$pool" ] || continue
    xml=$(virsh -q pool-dumpxml "$pool") || continue
    dir=\${xml#*<path>} dir=\${dir%%</path>*}
    dir=$(readlink -f "$dir") || continue
    [ "$dir" != / ] || continue
    case $real in "$dir"/*)
      # Opened for writing, as a guest would: QEMU's own lock answers, whichever host holds it.
      case $(qemu-io -f raw -c quit "$real" 2>&1) in *' lock'*) exit ${IN_USE} ;; esac
      rm -f -- "$real" || exit 1
      virsh -q pool-refresh "$pool" > /dev/null 2>&1
      exit 0 ;;
    esac
  done
  exit ${OUTSIDE_POOLS}
}`;
}

export function checkDiskName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,200}$/.test(name)) throw new RangeError(`"${name}" cannot name a disk: letters, digits, dots, dashes and underscores only`);
}
