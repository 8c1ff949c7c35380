// An instance that does not run goes to another member of its cluster of daemons, as a detached command on the member that has it.
import type { MemberMoveRequest } from '../../hypervisor.js';
import { detachedDir, startDetachedScript } from '../ssh/detached-command.js';
import { quote } from '../ssh/shell-quote.js';
import { AT, clientScript, instanceScript, sameInstance } from './client-script.js';
import { COPY_UNIT, copyIdOf } from './copy-script.js';
import type { Dialect } from './dialect.js';
import type { Instance } from './instance.js';
import { EXIT } from './lxd-failure.js';
import { isPassingName, movingNameOf } from './marks.js';

/** Of each question before and after the moving; the moving itself is bounded by whoever waits for it. */
const ASK_S = 30;

/** Operations of a move, of the instance itself and of what it is called on its way. */
const MOVING = 'Migrating|Moving|Creating|Copying|Renaming|Deleting';

export function startMoveScript(dialect: Dialect, instance: Instance, uuid: string, request: MemberMoveRequest): string {
  const id = copyIdOf(dialect, request.id);
  return `[ ! -d ${detachedDir(id)} ] || exit 0
${sameInstance(uuid)}
${startDetachedScript({ id, unitPrefix: COPY_UNIT, script: moveScript(dialect, instance, uuid, request) })}`;
}

/**
 * LXD 5.0.2 copies it to the destination as `lxd-move-of-UUID`, deletes it here, and gives the copy its name. While it stands here under its own name, whatever is there of it is half
 * at most, of a move that was cut, and would be in the way of this one. From 5.0.3 on, and in Incus, the copy has its own name and is in no list until it is at home there (lxd/instance_post.go,
 * cmd/incusd/instance_post.go): nothing of a move is in the way of the next.
 */
function moveScript(dialect: Dialect, instance: Instance, uuid: string, request: MemberMoveRequest): string {
  const id = copyIdOf(dialect, request.id);
  return `(
${clientScript(dialect, ASK_S)}
${instanceScript(instance)}
${AT}
own=$name to=${quote(request.toMember)}
${isPassingName(instance.name) && instance.name !== request.name ? `end ${EXIT.otherInstance} "$own has not got its name back yet, after a move before"
` : ''}printf '%s\\n' "$name" "$project" "$kernel_name" > ${detachedDir(id)}/instance
${sameInstance(uuid)}
state=$(status_of "") || exit $?
[ "$state" = Stopped ] || end ${EXIT.notStopped} "$name is not stopped ($state): it stays where it is"
moving=$(operations "" '${MOVING}') || exit $?
at ${quote(movingNameOf(uuid))}
more=$(operations "" '${MOVING}') || exit $?
[ -z "$moving$more" ] || end ${EXIT.copying} "$own is being moved already (operation $(echo $moving $more))"
if answer=$(client query "$path" 2>&1); then
  found=$(setting "" volatile.uuid) || exit $?
  [ "$found" = ${quote(uuid)} ] || end ${EXIT.otherInstance} "$name is in the way, and is another instance"
  client delete -q "$name" --project "$project" || exit $?
else
  case $answer in *"not found"*) ;; *) printf '%s\\n' "$answer" >&2; exit 1 ;; esac
fi
at "$own"
limit=0
client move -q "$name" --target "$to" --project "$project"
code=$? limit=${ASK_S}
there=$(location_of "") || exit $?
[ "$there" = "$to" ] || { [ "$code" != 0 ] || code=${EXIT.notDone}; end "$code" "$name is on the member $there"; }
)`;
}

/** Prints the ids of what moves it. The name that it has on its way is asked for, too: there may be nothing else of it in a list. */
export function isMovingScript(dialect: Dialect, instance: Pick<Instance, 'name' | 'project' | 'location'>, uuid: string): string {
  return `${instanceScript(instance)}
${AT}
moving=$(operations "" '${MOVING}') || exit $?
at ${quote(movingNameOf(uuid))}
more=$(operations "" '${MOVING}') || exit $?
echo $moving $more`;
}

/** What a move left that was cut after the instance was gone at its old member, and before its copy had its name: the copy is whole. */
export function renameMovedScript(uuid: string, name: string): string {
  return `${sameInstance(uuid)}
moving=$(operations "" '${MOVING}') || exit $?
[ -z "$moving" ] || end ${EXIT.copying} "$name is being moved (operation $(echo $moving))"
state=$(status_of "") || exit $?
[ "$state" = Stopped ] || end ${EXIT.notStopped} "$name is not stopped ($state)"
client rename "$name" ${quote(name)} --project "$project"`;
}
