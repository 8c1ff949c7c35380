// A copy of an instance to another host's daemon, as a detached command on the source host; and how such a command is ended.
import type { CopyRequest } from '../../hypervisor.js';
import { detachedDir, ENDED_SCRIPT, endDetachedScript, startDetachedScript } from '../ssh/detached-command.js';
import { quote } from '../ssh/shell-quote.js';
import { AT, clientScript, INSTANCE_FUNCTIONS, instanceScript, notCopying, notReplica, OVERTAKEN, OVERTAKEN_TRIES, sameInstance, SENDING, WRITING } from './client-script.js';
import type { Dialect } from './dialect.js';
import { rootPoolOf, type Instance } from './instance.js';
import { EXIT } from './lxd-failure.js';
import { MARKS, passingNameOf, REPLICA, SET_ASIDE, SPARE, spareNameOf, WAS_UNSET } from './marks.js';
import { giveUpHardwareAddresses, hardwareAddressesOf } from './own-addresses.js';
import { remoteNameOf } from './remotes.js';

/** Of each question before and after the copying; the copying itself is bounded by whoever waits for it. */
const ASK_S = 30;
/** What `abortCopy` leaves as the command's exit code: as if a signal had ended it. */
const ABORTED = 130;
/** From the end of what sends to the daemon's own end of the operation: a second at most was seen. */
const OPERATION_END_TRIES = 50;

/** The times of files have whole seconds where they are compared, and clocks of hosts differ. */
const ABOUT_S = 3;

/**
 * Without snapshots in common the daemons copy by rsync, which passes over a file of the same size whose time has the same second (6 of 6 such changes were lost
 * with rsync -a). So at the replica the times of all files are changed that may have been written about the last copying; the next one compares them by content and puts
 * their times right. Until then it counts as not whole. A replica whose files can't be reached here (a pool that mounts them on demand) is deleted, and copied as a whole.
 */
export function prepareScript(uuid: string, instance: Instance): string {
  return `${sameInstance(uuid)}
role=$(setting "" ${MARKS.role}) && copied=$(setting "" ${MARKS.copied}) && stripped=$(setting "" ${MARKS.stripped}) && state=$(status_of "") || exit $?
[ "$role" = ${REPLICA} ] || [ "$role" = ${SPARE} ] || exit 0
[ "$state" = Stopped ] || end ${EXIT.notStopped} "the replica of $name runs ($state)"
${notCopying}
case $copied in ''|*[!0-9]*) since=$(setting "" ${MARKS.since}) || exit $? ;; *) since=$((copied / 1000 - ${ABOUT_S})) ;; esac
case $since in ''|*[!0-9]*) since=0 ;; esac
inside() { "$@"; }
[ ! -e /run/snapd/ns/lxd.mnt ] || [ "$state_dir" != /var/snap/lxd/common/lxd ] || inside() { nsenter --mount=/run/snapd/ns/lxd.mnt "$@"; }
root=$state_dir/storage-pools/${quote(rootPoolOf(instance))}/containers/$kernel_name/rootfs
# Its host went down in the middle of its very first copying: the daemon lists it, and can neither copy over it nor set anything on it.
if [ -n "$stripped" ] || { [ -z "$copied" ] && ! inside test -L "$state_dir/containers/$kernel_name"; }; then
  client delete "$name" --project "$project"
elif inside test -d "$root"; then
  # First: with the times of its files changed it is no copy that anybody should be started from, whether the copying begins or not.
  set_settings "" ${MARKS.copied}= ${MARKS.since}="$since" || exit $?
  inside find "$root" -xdev -type f -newermt "@$since" -exec touch -d @1 {} + || end ${EXIT.notDone} "the files of the replica of $name can not be prepared"
else
  client delete "$name" --project "$project"
fi`;
}

/** Two drivers of one host may be asked about the same id: each has its own. */
export const copyIdOf = ({ driver }: Dialect, id: string): string => `${driver}-${id}`;
export const COPY_UNIT = 'reeve-copy';

export function startCopyScript(dialect: Dialect, instance: Instance, uuid: string, request: CopyRequest): string {
  const id = copyIdOf(dialect, request.id);
  return `[ ! -d ${detachedDir(id)} ] || exit 0
${sameInstance(uuid)}
${notReplica}
${startDetachedScript({ id, unitPrefix: COPY_UNIT, script: copyScript(dialect, instance, uuid, request) })}`;
}

/**
 * The client itself writes settings at the end of a copy, and can be overtaken in that (Incus 6.0.4); what was copied is passed over by the next try.
 * Files that vanish while rsync reads them fail the whole copy of a container that runs (LXD 5.0.2, also with --allow-inconsistent, which says
 * that it would not). The next try has little left to copy. One that removes files all the time is copied while it is stopped, or from a pool that has snapshots.
 */
const VANISHED_TRIES = 6;

const copyOnce = (instance: Instance): string => `copy_once() {
  inconsistent=
  [ "$state" = Stopped ] || inconsistent=--allow-inconsistent
  limit=0
  said=$(client copy -q "$name" "$there$into" --mode push --refresh --stateless $inconsistent --project "$project" --target-project "$project" -c ${MARKS.role}="$as" -c boot.autostart=false -c ${MARKS.autostart}="$noted"${hardwareAddressesOf(instance).map(([key]) => ` -c ${quote(key)}=`).join('')} 2>&1)
}`;

/**
 * `--refresh` also for the first copy: it alone keeps uuid and MAC. `--mode push`: only the destination must be reached. The daemon starts
 * nothing. The time is taken before the copying: what is written later may be missing. It replaces all settings of the copy by the source's
 * and the given ones, so the mark of completeness goes with every copy, also one that somebody else makes. Hardware addresses come with that mark: until then a start beside it
 * must not be refused for them, and the daemon that is copying may let nobody take them away.
 */
export function copyScript(dialect: Dialect, instance: Instance, uuid: string, request: CopyRequest): string {
  const id = copyIdOf(dialect, request.id);
  return `(
${clientScript(dialect, ASK_S)}
${instanceScript(instance)}
there=${quote(`${remoteNameOf(request.destination.name)}:`)}
printf '%s\\n' "$name" "$project" "$kernel_name" > ${detachedDir(id)}/instance
${sameInstance(uuid)}
${notReplica}
life=$(life_of "") || exit $?
state=$(of_life "$life" status)
was=$(setting "" boot.autostart) && noted=$(setting "" ${MARKS.autostart}) && copied=$(setting "" ${MARKS.copied}) || exit $?
# Carried along it would call the copy complete while it is being made.
[ -z "$copied" ] || set_settings "" ${MARKS.copied}= || exit $?
[ -n "$noted" ] || noted=\${was:-${WAS_UNSET}}
${openDestination(instance, uuid, request.keepsNewest)}
${copyOnce(instance)}
tries=${VANISHED_TRIES} stood=
[ "$state" != Stopped ] || tries=1 stood=1
# Of the first try: what it has read is passed over by the next ones.
began=$(date +%s%3N)
overtaken=0
until copy_once; do
  code=$?
  case $said in *"${OVERTAKEN}"*) [ "$overtaken" -lt ${OVERTAKEN_TRIES} ] && overtaken=$((overtaken + 1)) && continue ;; esac
  tries=$((tries - 1))
  case $tries:$said in 0:*) false ;; *"exit status 24"*) true ;; *) false ;; esac || { printf '%s\\n' "$said" >&2; exit "$code"; }
done
limit=${ASK_S}
at "$into"
found=$(setting "$there" volatile.uuid) && role=$(setting "$there" ${MARKS.role}) && state=$(status_of "$there") || exit $?
[ "$found:$role:$state" = ${quote(uuid)}":$as:Stopped" ] || end ${EXIT.notDone} "the copy of $name is not what it should be: uuid $found, role $role, $state"
at "$own"
# It may have been moved by this copy for good: what is written beside it would be deleted with its source.
[ -z "$stood" ] || now=$(life_of "") || exit $?
[ -z "$stood" ] || [ "$now" = "$life" ] || end ${EXIT.notDone} "$name was started meanwhile: what was written since is not in the copy"
at "$into"
# By the clock of another host the one before may seem newer.
[ -z "$kept" ] || [ "$began" -gt "$kept" ] || began=$((kept + 1))
set_settings "$there" ${MARKS.copied}="$began"${hardwareAddressesOf(instance).map((setting) => ` ${quote(setting.join('='))}`).join('')}
)`;
}

/**
 * Nothing is ever copied over a workload, nor over what merely has the same name. A replica that is whole stays as it is and the spare is written into, as `writtenNext`
 * has it; what is written into is marked incomplete first.
 */
function openDestination(instance: Instance, uuid: string, keepsNewest: boolean): string {
  const spare = quote(spareNameOf(uuid));
  return `${AT}
own=$name into=$name as=${REPLICA} kept= open=
others=$(client query "\${there}/1.0/instances?recursion=1&project=$project&filter=config.volatile.uuid+eq+${uuid}") || exit $?
others=$(printf '%s\\n' "$others" | sed -n 's/^\\t\\t"name": "\\([^"]*\\)",\\{0,1\\}$/\\1/p' | grep -vxF -e "$name" -e ${spare} -e ${quote(passingNameOf(uuid))})
[ -z "$others" ] || end ${EXIT.otherInstance} "the destination has it under another name: $(echo $others)"
# True: it is there, and may be copied over.
is_there() {
  answer=$(client query "$there$path" 2>&1) || case $answer in *"not found"*) return 1 ;; *) echo "$answer" >&2; exit 1 ;; esac
  found=$(setting "$there" volatile.uuid) && role=$(setting "$there" ${MARKS.role}) && seen=$(status_of "$there") && seen_at=$(setting "$there" ${MARKS.copied}) || exit $?
  [ "$found" = ${quote(uuid)} ] || end ${EXIT.otherInstance} "the destination has another instance named $name"
  [ "$role" != ${SET_ASIDE} ] || end ${EXIT.notReplica} "the destination has what $own wrote before it was recovered elsewhere: nothing is copied over it; when it is not needed: reeve workload replicas $own --discard HOST --kind set-aside"
  [ "$role" = "$1" ] || end ${EXIT.notReplica} "the destination has $name as a workload: nothing is copied over it"
  [ "$seen" = Stopped ] || end ${EXIT.notStopped} "the replica of $name at the destination runs ($seen)"
}
not_copying() {
  copying=$(operations "$there" ${quote(WRITING)}) || exit $?
  [ -z "$copying" ] || end ${EXIT.copying} "another copy of $own is under way at the destination (operation $(echo $copying))"
}
if is_there ${REPLICA}; then not_copying; kept=$seen_at open=$own; fi
if [ -n "$kept" ]; then
  at ${spare}
  if is_there ${SPARE}; then
    not_copying
    ${keepsNewest ? '' : '[ -n "$seen_at" ] && [ "$seen_at" -le "$kept" ] || '}{ into=${spare} as=${SPARE} open=${spare}; }
  ${keepsNewest ? `else into=${spare} as=${SPARE} open=
  ` : ''}fi
fi
[ -z "$open" ] || { at "$open"; ${giveUpHardwareAddresses('$there', instance)} || exit $?; }
at "$own"`;
}

/**
 * The daemons copy on without the client, and their operations can not be cancelled (LXD 5.0.2: "This operation can't be cancelled").
 * So what sends for them is ended: then both ends give up. What the daemon sends by itself, without a program (disks of virtual machines),
 * goes on; nothing is started from it meanwhile.
 */
export function abortCopyScript(dialect: Dialect, id: string): string {
  return `${endDetachedScript(copyIdOf(dialect, id), COPY_UNIT, ABORTED)}
# Ended before it had begun.
[ -s "$dir/instance" ] || { ${ENDED_SCRIPT}; exit 0; }
{ read -r name && read -r project && read -r kernel_name; } < "$dir/instance"
${INSTANCE_FUNCTIONS}
${END_SENDERS}
sending() { operations "" ${SENDING}; }
left=$(sending) || exit $?
for one in $left; do client query -X DELETE "/1.0/operations/$one" > /dev/null 2>&1; done
daemon=$(client query /1.0 | sed -n 's/^[[:space:]]*"server_pid": \\([0-9]*\\),\\{0,1\\}$/\\1/p')
tries=0 ended=
while left=$(sending) && [ -n "$left" ] && [ "$tries" -lt ${OPERATION_END_TRIES} ]; do
  # What is left when nothing sends any more waits for a destination that is gone; that can take two minutes, and copies nothing.
  if end_senders; then ended=1; elif [ -n "$ended" ]; then break; fi
  tries=$((tries + 1))
  sleep 0.2
done
[ -z "$left" ] || [ -n "$ended" ] || end ${EXIT.copying} "the daemon goes on copying $name by itself (operation $(echo $left))"
${ENDED_SCRIPT}`;
}

/**
 * Children of the daemon that send this very instance's data: their words name its folder or dataset. Those of btrfs name a folder of the moment:
 * such a one is known only while the daemon sends nothing else. What rsync has started ends with it: that holds the daemon's end of the
 * connection, and left alone it would keep the operation waiting for ever (seen with LXD 5.0.2).
 */
const END_SENDERS = `children_of() {
  for stat in /proc/[0-9]*/stat; do
    read -r line 2>/dev/null < "$stat" || continue
    one=\${stat#/proc/}
    set -- "$1" \${line##*) }
    [ "$3" != "$1" ] || echo "\${one%/stat}"
  done
}
tree_of() ( for child in $(children_of "$1"); do tree_of "$child"; echo "$child"; done )
sends_it() { # the words of a command
  case $1 in rsync*|*/rsync*|btrfs*send*|*/btrfs*send*|zfs*send*|*/zfs*send*) ;; *) return 1 ;; esac
  case $1 in
    *"/$kernel_name/"*|*"/$kernel_name@"*|*"/$kernel_name "*) return 0 ;;
    *btrfs*/.migration-send*) [ "$alone" = 1 ] ;;
    *) return 1 ;;
  esac
}
end_senders() { # true: there was one
  any=1
  answer=$(client query "/1.0/operations?recursion=1&project=$project") && alone=$(printf '%s\\n' "$answer" | operations_of "" ${SENDING} | wc -l)
  for sender in $(children_of "$daemon"); do
    words=$(tr '\\0' ' ' 2>/dev/null < "/proc/$sender/cmdline") || continue
    if sends_it "$words"; then kill -TERM $(tree_of "$sender") "$sender" 2>/dev/null; any=0; fi
  done
  return "$any"
}`;
