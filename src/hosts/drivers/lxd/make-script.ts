// A new instance, from an image or from another instance of the same host, as a detached command: a replica until it is whole.
import type { MakeRequest } from '../../hypervisor.js';
import { detachedDir, startDetachedScript } from '../ssh/detached-command.js';
import { quote } from '../ssh/shell-quote.js';
import { clientScript, instanceScript, WRITING } from './client-script.js';
import { COPY_UNIT, copyIdOf } from './copy-script.js';
import type { Dialect } from './dialect.js';
import type { Instance } from './instance.js';
import { readInstanceDefinition } from './instance-definition.js';
import { EXIT } from './lxd-failure.js';
import { MARKS, REPLICA, WAS_UNSET } from './marks.js';

/** Of each question before and after the making; the making itself is bounded by whoever waits for it. */
const ASK_S = 30;

const isFingerprint = (image: string): boolean => /^[0-9a-f]{12,64}$/.test(image);

/** What is asked of the API. The client's own `init` and `copy` take no uuid, and by its uuid alone what was made is found again. */
export function makeBody({ uuid, definition, source }: MakeRequest, copied: Pick<Instance, 'name'> | null): string {
  const { name, kind, architecture, profiles, config, devices } = readInstanceDefinition(definition);
  // Empty: what is copied may have marks of its own.
  const marks = { [MARKS.role]: REPLICA, [MARKS.copied]: '', [MARKS.autostart]: WAS_UNSET, 'boot.autostart': 'false' };
  const from = source.kind === 'copy' ? { type: 'copy', source: copied?.name ?? '', instance_only: true } : { type: 'image', ...(isFingerprint(source.image) ? { fingerprint: source.image } : { alias: source.image }) };
  return JSON.stringify({ name, type: kind === 'vm' ? 'virtual-machine' : 'container', architecture, profiles, devices, config: { ...config, ...marks, 'volatile.uuid': uuid }, source: from });
}

/** Asked first: of an alias that it does not have, Incus only says that no image was given. */
function imageIsThere(image: string): string {
  const path = `/1.0/images/${isFingerprint(image) ? '' : 'aliases/'}${encodeURIComponent(image)}?project=`;
  return `answer=$(client query ${quote(path)}"$project" 2>&1) || case $answer in *"not found"*) end ${EXIT.notDone} "image "${quote(image)}" not found" ;; *) printf '%s\\n' "$answer" >&2; exit 1 ;; esac\n`;
}

/** `member`: as which this host is in its cluster of daemons, which else would choose one of them; `none`: it stands alone. */
export function startMakeScript(dialect: Dialect, request: MakeRequest, copied: Instance | null, member: string): string {
  const id = copyIdOf(dialect, request.id);
  return startDetachedScript({ id, unitPrefix: COPY_UNIT, script: makeScript(dialect, request, copied, member) });
}

/**
 * Cut off anywhere, the daemon goes on making it by itself; what is there then is a replica without its mark of completeness: shown nowhere, started by
 * nothing, and taken away by the next try. Other instances of that name are left alone.
 */
function makeScript(dialect: Dialect, request: MakeRequest, copied: Instance | null, member: string): string {
  const { name, project } = readInstanceDefinition(request.definition);
  const { source } = request;
  return `(
${clientScript(dialect, ASK_S)}
${instanceScript({ name, project, location: member })}
printf '%s\\n' "$name" "$project" "$kernel_name" > ${detachedDir(copyIdOf(dialect, request.id))}/instance
if answer=$(client query "$path" 2>&1); then
  found=$(setting "" volatile.uuid) && role=$(setting "" ${MARKS.role}) && whole=$(setting "" ${MARKS.copied}) || exit $?
  [ "$found" = ${quote(request.uuid)} ] || end ${EXIT.otherInstance} "there is another instance named $name"
  [ "$role" = ${REPLICA} ] && [ -z "$whole" ] || exit 0
  # The daemon goes on by itself with what was cut off, and deletes nothing meanwhile.
  while making=$(operations "" ${quote(WRITING)}) && [ -n "$making" ]; do sleep 1; done
  client delete "$name" --project "$project" || exit $?
else
  case $answer in *"not found"*) ;; *) echo "$answer" >&2; exit 1 ;; esac
fi
${source.kind === 'copy' ? '' : imageIsThere(source.image)}limit=0
client query --wait -X POST "/1.0/instances?project=$project${member === 'none' ? '' : '&target=$member'}" -d ${quote(makeBody(request, copied))} > /dev/null || exit $?
limit=${ASK_S}
found=$(setting "" volatile.uuid) && role=$(setting "" ${MARKS.role}) && state=$(status_of "") || exit $?
[ "$found:$role:$state" = ${quote(`${request.uuid}:${REPLICA}:Stopped`)} ] || end ${EXIT.notDone} "what was made as $name is not what it should be: uuid $found, role $role, $state"
set_settings "" ${MARKS.copied}="$(date +%s%3N)"
)`;
}
