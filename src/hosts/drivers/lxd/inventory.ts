// What the daemon of a host has, in one command, and how its answer is read.
import { z } from 'zod';
import { OperationalError } from '../../../shared/errors.js';
import { ENDINGS_DIR, instanceKey, readEnding, type InstanceEnding } from '../../instance-endings.js';
import type { InstanceDriver } from './dialect.js';
import { instanceSchema, type Instance } from './instance.js';
import { ownInstances, type ElsewhereInstance } from './own-instances.js';
import { jsonOf, sectionsOf, SECTION_MARK } from './sections.js';
import type { HostSizes } from './sizes.js';

/**
 * Stops that go on, by the instances' paths: until then it is not known how it ends. They are asked first, then the instances, and last what the agent has
 * heard: a stop that is over by then was heard of.
 */
const STOPPING = `awk '
/^\\t"/ { group = $0 }
/^\\t\\t\\t"description": / { what = $0 }
/^\\t\\t\\t\\t\\t"\\/1\\.0\\/instances\\// { split($0, part, "\\""); of = of part[2] "\\n" }
/^\\t\\t}/ { if (group !~ /success|failure|cancelled/ && what ~ /"(Stopping|Restarting) (instance|container)"/) printf "%s", of; of = ""; what = "" }'`;

/** Names of the containers that have a monitor: by the kernel's processes, whatever the daemon says. One that is in a container itself, with a daemon of its own, has a number there too. */
const MONITORS = `for file in $(grep -l -a -s '^\\[lxc monitor\\] ' /proc/[0-9]*/cmdline); do [ "$(sed -n 's/^NSpid://p' "\${file%/cmdline}/status" 2>/dev/null | wc -w)" = 1 ] || continue; tr '\\0' ' ' 2>/dev/null < "$file" && echo; done | sed -n "s|^\\[lxc monitor\\] $state_dir/containers \\([^ ]*\\) *$|\\1|p"`;

/** Needs the client's words before it. The instances of all projects: one that runs uses the host, whoever has it in which project. */
export const inventoryScript = (driver: InstanceDriver): string => `echo "${SECTION_MARK}sizes"
getconf _NPROCESSORS_ONLN
while read -r key value rest; do [ "$key" != MemTotal: ] || echo "$value"; done < /proc/meminfo
echo "${SECTION_MARK}server"
server=$(client query /1.0) || exit $?
printf '%s\n' "$server"
clustered=
case $server in *'"server_clustered": true'*)
  echo "${SECTION_MARK}monitors"
  ${MONITORS}
  clustered=yes
esac
members() { [ -z "$clustered" ] || { echo "${SECTION_MARK}$1"; client query '/1.0/cluster/members?recursion=1' || exit $?; }; }
members members
echo "${SECTION_MARK}stopping"
client query '/1.0/operations?recursion=1&all-projects=true' 2>/dev/null | ${STOPPING}
echo "${SECTION_MARK}instances"
client query '/1.0/instances?recursion=1&all-projects=true' || exit $?
members members-after
echo "${SECTION_MARK}endings"
for file in ${ENDINGS_DIR}/${driver}/*; do
  case $file in *~) continue ;; esac
  [ ! -f "$file" ] || ! read -r line 2>/dev/null < "$file" || printf '%s %s\\n' "\${file##*/}" "$line"
done
echo "${SECTION_MARK}end"`;

export interface Inventory {
  readonly host: HostSizes;
  readonly server: Server;
  readonly instances: readonly Instance[];
  /** In a cluster of daemons: what it has on other members. */
  readonly elsewhere: readonly ElsewhereInstance[];
  /** What was heard of how they ended last, by their kernel's name. */
  readonly endings: ReadonlyMap<string, InstanceEnding>;
  /** By their kernel's name: somebody's stop of it goes on. */
  readonly stopping: ReadonlySet<string>;
}

export const serverSchema = z.object({
  config: z.record(z.string(), z.unknown()).transform((config) => config as Readonly<Record<string, unknown>>),
  environment: z.object({
    server_name: z.string().default(''),
    server_version: z.string(),
    server_clustered: z.boolean().default(false),
    certificate_fingerprint: z.string().default(''),
    driver: z.string(),
    architectures: z.array(z.string()),
    storage_supported_drivers: z.array(z.object({ Name: z.string(), Remote: z.boolean() })).nullish().transform((drivers) => drivers ?? []),
  }),
});

export type Server = Readonly<z.infer<typeof serverSchema>>;

export function parseInventory(output: string): Inventory {
  const sections = sectionsOf(output);
  // Without the last mark the answer is cut short, and a workload that is missing in it would look gone.
  if (!sections.has('end')) throw new OperationalError('failed', 'the inventory of instances ended before its end');
  const [cpus = NaN, memoryKiB = NaN] = (sections.get('sizes') ?? '').trim().split('\n').map(Number);
  if (!(cpus > 0 && memoryKiB > 0)) throw new OperationalError('failed', 'the host did not say how many CPUs and how much memory it has');
  const server = jsonOf(serverSchema, sections.get('server') ?? '', 'the daemon about itself');
  const { instances, elsewhere } = server.environment.server_clustered
    ? ownInstances(sections, server.environment.server_name)
    : { instances: jsonOf(z.array(instanceSchema), sections.get('instances') ?? '', 'the daemon about its instances'), elsewhere: [] };
  return { host: { cpus, memoryMiB: Math.floor(memoryKiB / 1024) }, server, instances, elsewhere, endings: endingsOf(sections.get('endings') ?? ''), stopping: stoppingOf(sections.get('stopping') ?? '') };
}

function endingsOf(lines: string): ReadonlyMap<string, InstanceEnding> {
  return new Map(lines.split('\n').flatMap((line): [string, InstanceEnding][] => {
    const at = line.indexOf(' ');
    const ending = at < 0 ? null : readEnding(line.slice(at + 1));
    return ending === null ? [] : [[decodeURIComponent(line.slice(0, at)), ending]];
  }));
}

function stoppingOf(paths: string): ReadonlySet<string> {
  return new Set(paths.split('\n').flatMap((path) => {
    const [, name, project] = /^\/1\.0\/instances\/([^?]+)(?:\?project=(.*))?$/.exec(path) ?? [];
    return name === undefined ? [] : [instanceKey(decodeURIComponent(project ?? 'default'), decodeURIComponent(name))];
  }));
}
