// A pool on shared block storage changes its host, as scripts that run under the guard of the host that takes it. Each looks before it acts, and may run again after any interruption.
import { OperationalError } from '../../../shared/errors.js';
import type { PoolLook, PoolRequest } from '../../hypervisor.js';
import { quote } from '../ssh/shell-quote.js';
import { FILESYSTEM_FUNCTIONS } from './block-filesystems.js';
import { EXIT } from './lxd-failure.js';
import { CONTENTS_FUNCTIONS, mustLackNothing } from './pool-contents.js';

/** Another run of ours may still be at it. */
const LOCK_S = 20;
/** udev is told of what was written, and names it within a moment. */
const NAMED_S = 10;

/** In the pool, where its daemon does not look. */
const SET_ASIDE_DIR = 'reeve-set-aside';

const digitsOf = (uuid: string): string => uuid.replaceAll('-', '');

/** Finds the one device: `device`, and in `is_new` whether the file system has its new name. */
const findDevice = ({ pool, uuid, newUuid, sizeBytes }: PoolRequest): string => `${FILESYSTEM_FUNCTIONS}
device= is_new=
for one in $(filesystems | cut -d ' ' -f 1); do
  id=$(superblock "$one" | cut -c 65-96)
  [ "$id" = ${digitsOf(uuid)} ] || [ "$id" = ${digitsOf(newUuid)} ] || continue
  [ "$(blockdev --getsize64 "$one")" = ${sizeBytes} ] || continue
  [ -z "$device" ] || end ${EXIT.notDone} "both $device and $one have the file system of ${pool}: one is a copy of the other"
  device=$one
  [ "$id" = ${digitsOf(uuid)} ] || is_new=yes
done
# In any mount namespace: the snap's daemon has one of its own, which stays when it is stopped.
mounted() {
  { cat /proc/[0-9]*/mountinfo; [ ! -e /run/snapd/ns/lxd.mnt ] || nsenter --mount=/run/snapd/ns/lxd.mnt cat /proc/self/mountinfo; } 2>/dev/null |
    sed -n 's/.* - btrfs \\([^ ]*\\) .*/\\1/p' | sort -u | while read -r source; do
      if [ "$(readlink -f "$source")" = "$device" ]; then echo yes
      # Under a name that is none here: then what the kernel as a whole says counts.
      elif [ ! -b "$source" ] && { [ -e /sys/fs/btrfs/${uuid} ] || [ -e /sys/fs/btrfs/${newUuid} ]; }; then echo yes; fi
    done | grep -q yes
}
source_of() { client storage get "$1" source 2>/dev/null; }`;

/** One command at a time, and only where it is. */
const mustFindDevice = (request: PoolRequest): string => `exec 8>> /run/reeve-pool.lock && flock -w ${LOCK_S} 8 || end ${EXIT.copying} "another command for a pool is under way"
${findDevice(request)}
[ -n "$device" ] || end ${EXIT.noDevice} "no block device here has the file system ${request.uuid} of ${request.pool}"`;

/** For `parsePoolLook`. The daemon is asked last: it may be the one that hangs. */
export function lookPoolScript(request: PoolRequest): string {
  return `exec 8>> /run/reeve-pool.lock && flock -w ${LOCK_S} 8 || end ${EXIT.copying} "a command for a pool is under way"
${findDevice(request)}
if [ -z "$device" ]; then echo "name none"; elif [ -n "$is_new" ]; then echo "name new"; else echo "name old"; fi
if [ -n "$device" ] && mounted; then echo "mounted yes"; fi
names=$(client query /1.0/storage-pools) || exit $?
case $names in *'"/1.0/storage-pools/${request.pool}"'*) echo "source $(source_of ${quote(request.pool)})" || exit $? ;; esac
echo "end yes"`;
}

export function parsePoolLook(output: string): PoolLook {
  const lines = new Map(output.split('\n').map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1).trim()]));
  const name = lines.get('name');
  if (lines.get('end') !== 'yes') throw new OperationalError('failed', 'the look at a pool ended before its end');
  return { name: name === 'old' || name === 'new' ? name : 'none', isMounted: lines.get('mounted') === 'yes', source: lines.get('source') || null };
}

/** Nothing of the pool is run or made a device of: only what is written beside its instances is read and changed. */
const MOUNT = `hold() {
  in_time
  mkdir -p "$dir" || exit $?
  umount "$dir" 2>/dev/null
  mount -t btrfs -o nodev,nosuid,noexec "$device" "$dir" || end ${EXIT.notDone} "$device can't be mounted"
}
release() { umount "$dir" && rmdir "$dir" || end ${EXIT.notDone} "$dir can't be unmounted"; }`;

/**
 * The file system gets another UUID: the daemon of its old host, which looks for it by the old one when it boots, does not find it any more. That is what
 * keeps it from being mounted twice. btrfstune loses what was synced last when that is still in the log tree, and the next mount then fails: so it is mounted once before,
 * which replays it, and not touched while there is a log.
 *
 * An instance that was made in the moments before the loss may have no settings beside it yet: the daemon writes them without a sync, and would then take up nothing of the
 * whole pool. It is set aside in the pool, with whatever there is of it.
 *
 * The daemon that takes it over believes the settings of the pool that lie beside each instance more than what it is told: so they are changed first.
 */
export function claimPoolScript(request: PoolRequest, notAfterMs: number): string {
  const { pool, uuid, newUuid, generation } = request;
  return `command -v btrfstune > /dev/null || end ${EXIT.notDone} "there is no btrfstune here: apt-get install btrfs-progs"
${mustFindDevice(request)}
dir=/run/reeve-pool-${newUuid}
# What a run before this one has left is not the daemon's.
umount "$dir" 2>/dev/null
[ -z "$is_new" ] || ! mounted || exit 0
in_time() { [ "$(date +%s)" -le ${Math.floor(notAfterMs / 1000)} ] || end ${EXIT.notDone} "this command for ${pool} came too late: its old host may be back"; }
! mounted || end ${EXIT.notDone} "the file system of ${pool} is mounted on this host under its old name"
${MOUNT}
${CONTENTS_FUNCTIONS}
if [ -z "$is_new" ]; then
  # Least byte first.
  at=$(superblock "$device" | cut -c 145-160 | sed 's/\\(..\\)\\(..\\)\\(..\\)\\(..\\)\\(..\\)\\(..\\)\\(..\\)\\(..\\)/0x\\8\\7\\6\\5\\4\\3\\2\\1/')
  [ "$((at))" -ge ${generation} ] || end ${EXIT.notDone} "$device has ${pool} as it was before its host last showed it (generation $((at)), that showed ${generation}): it is a copy, or an older state of it"
  hold
${mustLackNothing(pool)}
fi
hold
failed=
for one in $(instances_in "$dir"); do
  if [ ! -s "$one/backup.yaml" ]; then
    mkdir -p "$dir/${SET_ASIDE_DIR}" && mv "$one" "$dir/${SET_ASIDE_DIR}/$(basename "$one").$(date +%s)" || failed=$one
  elif grep -q ${quote(uuid)} "$one/backup.yaml"; then
    sed -i 's/source: ${uuid}$/source: ${newUuid}/' "$one/backup.yaml" || failed=$one
  fi
done
release
[ -z "$failed" ] || end ${EXIT.notDone} "$failed can't be written"
if [ -z "$is_new" ]; then
  [ "$(superblock "$device" | cut -c 193-208)" = 0000000000000000 ] || end ${EXIT.notDone} "$device has a log of writes that was not replayed"
  in_time
  btrfstune -f -M ${newUuid} "$device" > /dev/null || end ${EXIT.notDone} "btrfstune failed on $device"
fi
[ "$(superblock "$device" | cut -c 65-96)" = ${digitsOf(newUuid)} ] || end ${EXIT.notDone} "$device did not take its new UUID"
udevadm trigger --settle "$device" 2>/dev/null
tries=0
until [ -e /dev/disk/by-uuid/${newUuid} ]; do
  tries=$((tries + 1))
  [ "$tries" -le ${NAMED_S * 10} ] || end ${EXIT.notDone} "udev does not name ${newUuid}"
  sleep 0.1
done`;
}

/** The daemon's own recovery: it takes up whatever lies in the pool and it does not know. Prints the names of what was ever set aside in it. */
export function adoptPoolScript(request: PoolRequest): string {
  const { pool, newUuid } = request;
  const body = JSON.stringify({ pools: [{ name: pool, driver: 'btrfs', config: { source: newUuid } }] });
  return `${mustFindDevice(request)}
[ -n "$is_new" ] || end ${EXIT.notDone} "the file system of ${pool} has its old name still"
own=$(source_of ${quote(pool)}) && [ "$own" != ${newUuid} ] && end ${EXIT.notDone} "there is another pool ${pool} here"
answer=$(client query -X POST /internal/recover/import -d ${quote(body)}) || exit $?
case $answer in *'"DependencyErrors": ['*) end ${EXIT.notDone} "it lacks what the instances of ${pool} need: $(printf '%s' "$answer" | tr -d '\\n\\t' | sed 's/.*"DependencyErrors": \\[\\([^]]*\\)\\].*/\\1/; s/\\\\"//g; s/"//g')" ;; esac
[ "$(source_of ${quote(pool)})" = ${newUuid} ] || end ${EXIT.notDone} "the daemon has no pool ${pool} on it after its recovery"
mounted || end ${EXIT.notDone} "${pool} is not mounted after its recovery"
dir=/run/reeve-pool-${newUuid}
if mkdir -p "$dir" && mount -t btrfs -o nodev,nosuid,noexec "$device" "$dir" 2>/dev/null; then
  ls "$dir/${SET_ASIDE_DIR}" 2>/dev/null | sed 's/\\.[0-9]*$//'
  umount "$dir"
fi
rmdir "$dir" 2>/dev/null || true`;
}

/**
 * Its daemon looks for the pool by a name that no device has any more, so nothing that it is told to delete is reached by that: what goes is its notes of the pool.
 * A custom volume or a profile that names the pool keeps the note of the pool itself; it does no harm.
 */
export function forgetPoolScript(request: PoolRequest, isTaken: boolean): string {
  const { pool, uuid } = request;
  return `exec 8>> /run/reeve-pool.lock && flock -w ${LOCK_S} 8 || end ${EXIT.copying} "another command for a pool is under way"
${findDevice(request)}
${isTaken ? '' : `# Out of sight is not given away.
[ -n "$device" ] || end ${EXIT.noDevice} "no block device here has the file system of ${pool}: whose it is can't be told"`}
if [ -n "$device" ] && [ -z "$is_new" ]; then echo kept; exit 0; fi
[ -z "$device" ] || ! mounted || end ${EXIT.notDone} "the file system of ${pool} is mounted on this host, and belongs to another one by now: switch this host off"
echo lost
names=$(client query /1.0/storage-pools) || exit $?
case $names in *'"/1.0/storage-pools/${pool}"'*) ;; *) exit 0 ;; esac
[ "$(source_of ${quote(pool)})" = ${uuid} ] || exit 0
shown=$(client query /1.0/storage-pools/${pool}) || exit $?
case $shown in *'"status": "Unavailable"'*) ;; *) end ${EXIT.notDone} "the daemon has ${pool} in use still" ;; esac
printf '%s\\n' "$shown" | sed -n 's|.*"/1\\.0/instances/\\([^"?]*\\)?*\\(project=\\)*\\([^"]*\\)".*|\\1 \\3|p' | while read -r name project; do
  set --
  [ -z "$project" ] || set -- --project "$project"
  client delete "$name" "$@" < /dev/null
done
left=$(client query /1.0/storage-pools/${pool}) || exit $?
case $left in *'"/1.0/instances/'*) end ${EXIT.notDone} "the daemon does not forget the instances that it had in ${pool}" ;; esac
client storage delete ${quote(pool)} > /dev/null 2>&1 || true`;
}
