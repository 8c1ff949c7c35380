// A quick look at a host that needs neither libvirt nor the agent, and how its answer is read.
import { OperationalError } from '../../../shared/errors.js';
import type { HostProbe } from '../../host-agent.js';
import { AGENT_FILES } from './agent-files.js';

/**
 * The kernel's own list of processes: QEMU carries the workload's uuid on its command line. `grep -z` reads the
 * arguments as lines, so the one after `-uuid` follows it; one process for all of them.
 */
export const PROBE_SCRIPT = `export LC_ALL=C
read -r boot < /proc/sys/kernel/random/boot_id
echo "boot $boot"
if read -r pid 2>/dev/null < ${AGENT_FILES.pid} && grep -qaz agent "/proc/$pid/cmdline" 2>/dev/null; then echo "agent yes"; else echo "agent no"; fi
grep -hazA1 -x -e -uuid /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'
echo end`;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function parseProbe(output: string): HostProbe {
  const lines = output.split('\n');
  const word = (key: string): string | undefined => lines.find((line) => line.startsWith(`${key} `))?.slice(key.length + 1);
  const bootId = word('boot');
  // Without the last line the list may be cut short, and a workload that is missing in it would look stopped.
  if (!bootId || !lines.includes('end')) throw new OperationalError('failed', 'the look at the host ended before its end');
  return { bootId, agentAlive: word('agent') === 'yes', runningUuids: [...new Set(lines.filter((line) => UUID.test(line)))].sort() };
}
