// The words with which every script begins that speaks to a host's LXD or Incus: which client, with what bounds, about which instance.
import { OUR_STOPS_DIR } from '../../instance-endings.js';
import { quote } from '../ssh/shell-quote.js';
import type { Dialect } from './dialect.js';
import { kernelNameOf, pathOf, type Instance } from './instance.js';
import { EXIT } from './lxd-failure.js';
import { MARKS } from './marks.js';

/**
 * No client is called where no daemon has its state: on Ubuntu, `lxc` in the PATH may be a program that installs LXD when it is called.
 * `client` has a bound of its own on the host: a daemon that hangs must not gather commands of ours. HOME: the client's remotes lie in it,
 * and a unit of systemd has none.
 */
export function clientScript({ driver, clients, stateDirs, title }: Dialect, limitS: number): string {
  return `export LC_ALL=C HOME=/root
end() { code=$1; shift; echo "reeve: $*" >&2; exit "$code"; }
state_dir=
for one in ${stateDirs.map(quote).join(' ')}; do if [ -d "$one/database" ]; then state_dir=$one; break; fi; done
program=
[ -z "$state_dir" ] || for one in ${clients.map(quote).join(' ')}; do program=$(command -v "$one") && break; done
[ -n "$state_dir" ] || end ${EXIT.noClient} "there is no ${title} on this host"
# As while its package is being renewed: what runs in it runs on.
[ -n "$program" ] || end ${EXIT.clientGone} "${title} has its state on this host, and its client is not there"
limit=${limitS}
client() { timeout --foreground -k 2 "$limit" "$program" "$@"; }
# So that the host's agent does not take it for a person's stop.
our_stop() { mkdir -p ${OUR_STOPS_DIR}/${driver} && : > "${OUR_STOPS_DIR}/${driver}/$ending_key" || :; }`;
}

/** With a tab for each level, as the client prints it; keys of settings have a point in them, so they are never taken for one of these. */
const STATUS_LINE = `sed -n 's/^[[:space:]]*"status": "\\([^"]*\\)",\\{0,1\\}$/\\1/p' | head -n 1`;

const LOCATION_LINE = `sed -n 's/^\t"location": "\\([^"]*\\)",\\{0,1\\}$/\\1/p' | head -n 1`;

/** Its state, and when it was started last, of one and the same moment. The daemon notes a start; of its end it keeps no time. */
const LIFE_LINES = `sed -n -e 's/^\t"\\(status\\)": "\\([^"]*\\)",\\{0,1\\}$/\\1=\\2/p' -e 's/^\t"\\(last_used_at\\)": "\\([^"]*\\)",\\{0,1\\}$/\\1=\\2/p'`;

/** What writes into an instance: while one goes on, its data are not whole. */
export const WRITING = 'Creating|Copying|Refreshing|Restoring|Renaming|Deleting';
/** What reads an instance for a copy elsewhere. `Live-migrating` is not among them: after a failure it stays listed for ever. */
export const SENDING = 'Migrating';

/** Ids of operations under way on the instance NAME (empty: on any) whose description begins with one of the words. Prints ids alone: other operations carry secrets. */
const OPERATIONS = `awk -v path="/1.0/instances/$1" -v words="^\\t\\t\\t\\"description\\": \\"($2) (instance|container)\\"" '
/^\\t"/ { group = $0 }
/^\\t\\t\\t"description": / { what = $0 }
/^\\t\\t\\t"id": / { split($0, part, "\\""); id = part[4] }
/^\\t\\t\\t\\t\\t"\\/1\\.0\\/instances\\// { split($0, part, "\\""); of = part[2]; sub(/\\?.*/, "", of); if (of == path || path == "/1.0/instances/") own = 1 }
/^\\t\\t}/ { if (own && group !~ /success|failure|cancelled/ && what ~ words) print id; own = 0; what = "" }'`;

/** What the client says when something else, the daemon's own notes too, was written between its look and its writing: nothing was changed, and it is asked again. */
export const OVERTAKEN = "ETag doesn't match";
export const OVERTAKEN_TRIES = 8;

/** About the instance that $name, $project and $path name. Their first word is empty for the host's own daemon, else "remote:". */
export const INSTANCE_FUNCTIONS = `setting() { client config get "$1$name" "$2" --project "$project"; }
set_settings() {
  remote=$1 overtaken=0
  shift
  until set_said=$(client config set "$remote$name" "$@" --project "$project" 2>&1); do
    set_code=$? overtaken=$((overtaken + 1))
    case $overtaken:$set_said in ${OVERTAKEN_TRIES}:*) false ;; *"${OVERTAKEN}"*) sleep 0.1 ;; *) false ;; esac || { printf '%s\\n' "$set_said" >&2; return "$set_code"; }
  done
}
status_of() { answer=$(client query "$1$path") && printf '%s\\n' "$answer" | ${STATUS_LINE}; }
life_of() { answer=$(client query "$1$path") && printf '%s\\n' "$answer" | ${LIFE_LINES}; }
of_life() { printf '%s\\n' "$1" | sed -n "s/^$2=//p"; }
location_of() { answer=$(client query "$1$path") && printf '%s\\n' "$answer" | ${LOCATION_LINE}; }
operations() { answer=$(client query "$1/1.0/operations?recursion=1&project=$project") && printf '%s\\n' "$answer" | operations_of "$name" "$2"; }
operations_of() { ${OPERATIONS}; }`;

/** From here on another instance of the same project is meant. Names of instances need no escaping in a path. */
export const AT = `at() { name=$1 path="/1.0/instances/$1?\${path#*\\?}"; }`;

export function instanceScript(instance: Pick<Instance, 'name' | 'project' | 'location'>): string {
  return `member=${quote(instance.location)} name=${quote(instance.name)} project=${quote(instance.project)} kernel_name=${quote(kernelNameOf(instance))} ending_key=${quote(encodeURIComponent(kernelNameOf(instance)))} path=${quote(pathOf(instance))}
${INSTANCE_FUNCTIONS}`;
}

/**
 * What was looked at before the command was sent may have another name by now, or be another instance. In a cluster of daemons it may be on another member, too: this host's client would
 * start it there all the same, past that host's guard.
 */
export function sameInstance(uuid: string): string {
  return `found=$(setting "" volatile.uuid) || exit $?
[ "$found" = ${quote(uuid)} ] || end ${EXIT.otherInstance} "$name is another instance by now"
[ "$member" = none ] || { there=$(location_of "") || exit $?; [ "$there" = "$member" ] || end ${EXIT.otherInstance} "$name is on the member $there by now"; }`;
}

/**
 * The daemon itself starts an instance into which a copy is still being written (seen with LXD 5.0.2): the copying would go on
 * under the running workload. So nothing is started, and nothing made the workload, while one goes on.
 */
export const notCopying = `copying=$(operations "" ${quote(WRITING)}) || exit $?
[ -z "$copying" ] || end ${EXIT.copying} "data are being copied into $name (operation $(echo $copying))"`;

export const notReplica = `role=$(setting "" ${MARKS.role}) || exit $?
[ -z "$role" ] || end ${EXIT.notReplica} "$name is a replica"`;
