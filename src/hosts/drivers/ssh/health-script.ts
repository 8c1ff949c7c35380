// What a host can see of its own health, in one command that needs neither libvirt nor the agent, and how its answer is read.
import { OperationalError } from '../../../shared/errors.js';
import type { DeadBridge, HealthLook } from '../../host-health.js';

/** One file each: a name, and in it a sentence. Written by whatever watches the hardware (smartd, rasdaemon, ipmievd); removed when it is well again. */
export const HEALTH_DIR = '/run/reeve/health.d';

/**
 * Uplinks of a bridge: its ports that are no guest's (taps, and the veth… of containers). A port that is down has no carrier to read.
 * Failing hardware: memory errors that ECC could not correct, arrays that lost a disk, and what others have left in HEALTH_DIR.
 */
export const HEALTH_SCRIPT = `export LC_ALL=C
for bridge in /sys/class/net/*/brif; do
  [ -d "$bridge" ] || continue
  bridge=\${bridge%/brif}
  dead= alive=
  for port in "$bridge"/brif/*; do
    port=\${port##*/}
    [ -e "/sys/class/net/$port" ] && [ ! -e "/sys/class/net/$port/tun_flags" ] || continue
    case $port in veth*) continue ;; esac
    carrier=0
    { read -r carrier < "/sys/class/net/$port/carrier"; } 2>/dev/null
    if [ "$carrier" = 1 ]; then alive=$port; else dead="$dead $port"; fi
  done
  [ -n "$alive" ] || [ -z "$dead" ] || echo "bridge \${bridge##*/}$dead"
done
for file in /sys/devices/system/edac/mc/mc*/ue_count; do
  { read -r count < "$file"; } 2>/dev/null && [ "$count" -gt 0 ] || continue
  file=\${file%/ue_count}
  echo "failing memory controller \${file##*/} counts uncorrectable errors ($count)"
done
for file in /sys/block/md*/md/degraded; do
  { read -r count < "$file"; } 2>/dev/null && [ "$count" -gt 0 ] 2>/dev/null || continue
  file=\${file%/md/degraded}
  echo "failing array \${file##*/} misses disks ($count)"
done
for file in ${HEALTH_DIR}/*; do
  [ -f "$file" ] || continue
  line=
  read -r line < "$file"
  # Others write these: echo would obey their backslashes, and one could cut the answer short.
  printf 'failing %s: %s\\n' "\${file##*/}" "\${line:-no reason given}"
done
echo end`;

const LONGEST_LINE = 300;
const MOST_LINES = 20;

export function parseHealth(output: string): HealthLook {
  const lines = output.split('\n').map((line) => line.trim());
  // Without the last line the answer may be cut short, and what is missing in it would look well.
  if (!lines.includes('end')) throw new OperationalError('failed', "the host's answer about its health ended before its end");
  const after = (key: string): readonly string[] => lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1, LONGEST_LINE)).slice(0, MOST_LINES).sort();
  return { deadBridges: after('bridge').flatMap(deadBridge), failing: after('failing').map(printable) };
}

function deadBridge(line: string): readonly DeadBridge[] {
  const [bridge, ...ports] = line.split(' ');
  if (!bridge || ports.length === 0) return [];
  return [{ bridge, why: ports.length === 1 ? `its uplink ${ports.join()} has no carrier` : `none of its uplinks ${ports.join(', ')} has a carrier` }];
}

/** Others write these lines: what a terminal would obey is left out. */
const printable = (line: string): string => line.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '');
