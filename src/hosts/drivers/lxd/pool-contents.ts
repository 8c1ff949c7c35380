// What lies in a pool that no daemon has: which instances, and what they need of the daemon that is to take them up. Shell, for a pool that is mounted at $dir.
import { EXIT } from './lxd-failure.js';

/** `instances_in DIR`: their folders. A daemon writes the settings of each into its backup.yaml. */
const INSTANCES_IN = `instances_in() { for one in "$1"/containers/* "$1"/virtual-machines/*; do [ ! -d "$one" ] || printf '%s\\n' "$one"; done; }`;

/**
 * `wants_of FILE`: lines "project what name", from a backup.yaml. Nothing else of it is read: `container:` is its part about the instance, also of a virtual machine and of
 * Incus; keys are two blanks in, and a list's dashes at the same place or further in.
 */
const WANTS_OF = `wants_of() { sed 's/["'"'"']//g' "$1" | awk '
/^[a-z_]+:/ { top = $1; key = "" }
top != "container:" && top != "instance:" { next }
/^  [a-z_]+:/ { key = $1; if (key == "name:") name = $2; if (key == "project:") project = $2; next }
key == "profiles:" && /^ +- / { profiles[$2] }
key == "expanded_devices:" && /^ +network: / { networks[$2] }
END { if (project == "") project = "default"; print project, "instance", name; for (one in profiles) print project, "profile", one; for (one in networks) print project, "network", one }'; }`;

/**
 * `lacks WANTED`: what the daemon would stumble on if it took up what wants these, in words; empty: nothing. Asked before the pool is claimed, which can't be taken back. A
 * daemon itself would say so too, but has to mount the pool for it, at a time of its own.
 */
const LACKS = `listed() { case $1 in *"\\"$2\\""*|*"\\"$2?"*) ;; *) return 1 ;; esac; }
lacks() {
  projects=$(client query /1.0/projects) || exit $?
  for project in $(printf '%s\\n' "$1" | cut -d ' ' -f 1 | sort -u); do
    listed "$projects" "/1.0/projects/$project" || { echo "it has no project $project"; continue; }
    instances=$(client query "/1.0/instances?project=$project") && profiles=$(client query "/1.0/profiles?project=$project") && networks=$(client query "/1.0/networks?project=$project") || exit $?
    printf '%s\\n' "$1" | sort -u | while read -r of what name; do
      [ "$of" = "$project" ] || continue
      case $what in
        instance) ! listed "$instances" "/1.0/instances/$name" || echo "it has an instance $name already" ;;
        profile) listed "$profiles" "/1.0/profiles/$name" || echo "it has no profile $name" ;;
        network) listed "$networks" "/1.0/networks/$name" || echo "it has no network $name" ;;
      esac
    done
  done
}`;

export const CONTENTS_FUNCTIONS = [INSTANCES_IN, WANTS_OF, LACKS].join('\n');

/** Ends the script if the daemon here could not take up what lies in the pool at $dir. Whatever is mounted must be given back first: \`release\`. */
export const mustLackNothing = (pool: string): string => `wanted=$(instances_in "$dir" | while read -r one; do [ ! -s "$one/backup.yaml" ] || wants_of "$one/backup.yaml"; done)
release
missing=$(lacks "$wanted") || exit $?
[ -z "$missing" ] || end ${EXIT.notDone} "what lies in ${pool} can't be taken up here: $(printf '%s' "$missing" | tr '\\n' ',' | sed 's/,/, /g')"`;
