// A live move of an instance to another host's daemon, as a detached command on the source host; what is seen of it, and how it is ended.
import type { MigrationProgress, MigrationRequest } from '../../hypervisor.js';
import { OperationalError } from '../../../shared/errors.js';
import { detachedDir, ENDED_SCRIPT, endDetachedScript, startDetachedScript } from '../ssh/detached-command.js';
import { quote } from '../ssh/shell-quote.js';
import { AT, clientScript, INSTANCE_FUNCTIONS, instanceScript, notCopying, notReplica, sameInstance } from './client-script.js';
import { copyIdOf } from './copy-script.js';
import type { Dialect } from './dialect.js';
import type { Instance } from './instance.js';
import { autostartScript } from './instance-scripts.js';
import { EXIT } from './lxd-failure.js';
import { remoteNameOf } from './remotes.js';

/** Of each question before the move; the move itself is bounded by whoever waits for it. */
const ASK_S = 30;
export const MOVE_UNIT = 'reeve-move';
/** What `abortMigration` leaves as the command's exit code: as if a signal had ended it. */
const ABORTED = 130;
/** Nothing else, as a copy for its replica, is listed so. */
const LIVE = `'Live-migrating'`;
/** The client was ended, and its daemon may go on without it. */
const ENDED_FROM_OUTSIDE = [ABORTED, 137, 143];
/** A file in the folder of each command that moves something: whose uuid, by which name, in which project. */
const movesOf = (dialect: Dialect): string => `${detachedDir(copyIdOf(dialect, 'ID')).replace(/ID$/, '')}*/move`;

/**
 * `move` of the client: it copies, the daemons hand over, and then the client deletes the source. It keeps uuid, hardware addresses and name, so nothing may be there by
 * that name. `--mode push`: only the destination must be reached.
 */
export function startMoveScript(dialect: Dialect, instance: Instance, uuid: string, request: MigrationRequest): string {
  const id = copyIdOf(dialect, request.id);
  return `[ ! -d ${detachedDir(id)} ] || exit 0
${sameInstance(uuid)}
${notReplica}
${notCopying}
${startDetachedScript({ id, unitPrefix: MOVE_UNIT, script: moveScript(dialect, instance, uuid, request) })}`;
}

function moveScript(dialect: Dialect, instance: Instance, uuid: string, request: MigrationRequest): string {
  const id = copyIdOf(dialect, request.id);
  return `(
${clientScript(dialect, ASK_S)}
${instanceScript(instance)}
${AT}
there=${quote(`${remoteNameOf(request.destination.name)}:`)}
printf '%s\\n' ${quote(uuid)} "$name" "$project" > ${detachedDir(id)}/move
state=$(status_of "") || exit $?
[ "$state" = Running ] || end ${EXIT.notDone} "$name is $state: only what runs moves live"
answer=$(client query "$there$path" 2>&1) && end ${EXIT.otherInstance} "the destination has an instance named $name already"
case $answer in *"not found"*) ;; *) echo "$answer" >&2; exit 1 ;; esac
others=$(client query "\${there}/1.0/instances?recursion=1&project=$project&filter=config.volatile.uuid+eq+${uuid}") || exit $?
case $others in *'"name"'*) end ${EXIT.otherInstance} "the destination has a copy of $name by another name" ;; esac
# What may be left over at either end must not be started by its host at boot.
( ${autostartScript(uuid, false)} ) || exit $?
# After a failure one stays listed until the daemon is started anew: those of before are not this one.
operations "" ${LIVE} > ${detachedDir(id)}/before || exit $?
limit=0
client move -q "$name" "$there$name" --mode push --project "$project" --target-project "$project"
)`;
}

/**
 * Prints "sending SECONDS" while a move of that workload goes on: while our command runs; and where that was ended from outside, as long as the daemon itself says so. Else
 * its list is not believed: after a failure a `Live-migrating` stays in it until the daemon is started anew (seen with LXD 5.0.2).
 */
export function moveProgressScript(dialect: Dialect, uuid: string): string {
  return `${INSTANCE_FUNCTIONS}
for file in ${movesOf(dialect)}; do
  [ -s "$file" ] || continue
  { read -r of && read -r name && read -r project; } < "$file"
  [ "$of" = ${quote(uuid)} ] || continue
  dir=\${file%/move}
  age=$(( $(date +%s) - $(stat -c %Y "$file") ))
  code=
  if [ -e "$dir/exit" ]; then read -r code < "$dir/exit"
  elif read -r pid 2>/dev/null < "$dir/pid" && [ -d "/proc/$pid" ]; then echo "sending $age"; exit 0
  else code=-1; fi
  case $code in -1|${ENDED_FROM_OUTSIDE.join('|')}) ;; *) continue ;; esac
  path="/1.0/instances/$name?project=$project"
  left=$(operations "" ${LIVE}) || exit $?
  for one in $left; do grep -qxF "$one" "$dir/before" 2>/dev/null || { echo "sending $age"; exit 0; }; done
done`;
}

/** How much is left the daemons do not tell. */
export function parseMoveProgress(answer: string): MigrationProgress | null {
  if (answer.trim() === '') return null;
  const seconds = /^sending (\d+)$/m.exec(answer)?.[1];
  if (seconds === undefined) throw new OperationalError('failed', `unreadable answer about a move: ${answer.slice(0, 80)}`);
  return { elapsedMs: Number(seconds) * 1000, totalBytes: 0, processedBytes: 0, remainingBytes: 0, iteration: 0, dirtyRatePagesPerSecond: null, isUnmeasured: true };
}

/** Prints the id of the command that moves it; nothing when none does. */
export const movingCommandScript = (dialect: Dialect, uuid: string): string => `for file in ${movesOf(dialect)}; do
  { [ -s "$file" ] && read -r of < "$file" && [ "$of" = ${quote(uuid)} ] && [ ! -e "\${file%/move}/exit" ]; } || continue
  one=\${file%/move}
  echo "\${one##*/}"
done`;

/** The client is ended. What the daemons can still be told to end, they are; the rest goes on, and is seen to. */
export const abortMoveScript = (id: string, instance: Instance): string => `${instanceScript(instance)}
left=$(operations "" ${LIVE}) || exit $?
${endDetachedScript(id, MOVE_UNIT, ABORTED)}
for one in $left; do client query -X DELETE "/1.0/operations/$one" > /dev/null 2>&1; done
${ENDED_SCRIPT}`;
