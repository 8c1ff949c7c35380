// A quick look at a host that needs neither libvirt nor the agent, and how its answer is read.
import { OperationalError } from '../../../shared/errors.js';
import type { HostProbe } from '../../host-agent.js';
import { isInstanceWord, mayBeGroupOf, monitorOf, type InstanceWord } from '../../instance-word.js';
import { AGENT_FILES } from './agent-files.js';
import { GUARD_DIR } from './guard-script.js';

/**
 * The kernel's own list of processes: QEMU carries the workload's uuid on its command line. `grep -z` reads the
 * arguments as lines, so the one after `-uuid` follows it; one process for all of them. Containers carry no uuid: those that the guard has noted
 * by name are looked for by their monitor, whose child is in the container's control group, and by that group.
 */
export const PROBE_SCRIPT = `export LC_ALL=C
read -r boot < /proc/sys/kernel/random/boot_id
echo "boot $boot"
if read -r pid 2>/dev/null < ${AGENT_FILES.pid} && grep -qaz agent "/proc/$pid/cmdline" 2>/dev/null; then echo "agent yes"; else echo "agent no"; fi
grep -hazA1 -x -e -uuid /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'
marks=$(grep -H . ${GUARD_DIR}/leases/*-*-*-*-???????????? 2>/dev/null | sed 's|^.*/leases/\\([^:]*\\):|mark \\1 |')
if [ -n "$marks" ]; then
  echo "$marks"
  payload() { awk -F'lxc[.]payload[.]' -v say="$1" 'NF > 1 { split($2, of, "/"); if (!(of[1] in seen)) { seen[of[1]]; print say " " of[1] } }'; }
  cat /proc/[0-9]*/cgroup 2>/dev/null | payload payload
  grep -laz -e '^\\[lxc monitor\\] ' /proc/[0-9]*/cmdline 2>/dev/null | while read -r file; do
    dir=\${file%/cmdline}
    # One that is in a container itself has a number there too.
    [ "$(awk '/^NSpid:/ { print NF }' "$dir/status" 2>/dev/null)" = 2 ] || continue
    echo "monitor $(tr -d '\\0' < "$file")"
    for child in $(cat "$dir/task/\${dir#/proc/}/children" 2>/dev/null); do payload owned < "/proc/$child/cgroup"; done
  done
fi
echo end`;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function parseProbe(output: string): HostProbe {
  const lines = output.split('\n');
  const word = (key: string): string | undefined => lines.find((line) => line.startsWith(`${key} `))?.slice(key.length + 1);
  const bootId = word('boot');
  // Without the last line the list may be cut short, and a workload that is missing in it would look stopped.
  if (!bootId || !lines.includes('end')) throw new OperationalError('failed', 'the look at the host ended before its end');
  const machines = lines.filter((line) => UUID.test(line));
  return { bootId, agentAlive: word('agent') === 'yes', runningUuids: [...new Set([...machines, ...containersIn(lines)])].sort() };
}

/** Of the containers that are noted by name, those that run; one that may run counts as running. */
function containersIn(lines: readonly string[]): readonly string[] {
  const valuesOf = (key: string): readonly string[] => lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const owners = ownersIn(lines);
  const owned = new Set([...owners.values()].flat());
  const unowned = valuesOf('payload').filter((payload) => !owned.has(payload));
  const runs = (word: InstanceWord): boolean => (owners.get(word) ?? []).length > 0 || unowned.some((payload) => mayBeGroupOf(payload, word));
  return valuesOf('mark').map((line) => line.split(' ')).flatMap(([uuid = '', word = '']) => (UUID.test(uuid) && (!isInstanceWord(word) || runs(word)) ? [uuid] : []));
}

/** The groups that each monitor's children are in. */
function ownersIn(lines: readonly string[]): ReadonlyMap<InstanceWord | null, readonly string[]> {
  const owners = new Map<InstanceWord | null, string[]>();
  let monitor: InstanceWord | null = null;
  for (const line of lines) {
    if (line.startsWith('monitor ')) monitor = monitorOf(line.slice('monitor '.length));
    if (line.startsWith('owned ')) owners.set(monitor, [...(owners.get(monitor) ?? []), line.slice('owned '.length)]);
  }
  return owners;
}
