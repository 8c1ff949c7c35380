// One look at a host as a shell script, and how its answer is read.
import { OperationalError } from '../../../shared/errors.js';
import { INSTALLED_CLUSTER } from '../ssh/agent-files.js';
import { LIBVIRT_ABSENT } from '../libvirt/presence-script.js';
import { daemonsOf, DAEMONS_SCRIPT } from './container-daemons.js';
import { POOL_MARKER_FILE, type HostSurvey, type SurveyedPool } from '../../host-survey.js';

/** A pool on storage that hangs must not take the whole look with it. */
const STORAGE_S = 5;
/** libvirtd asks QEMU for its capabilities on the first call after its start. */
const LIBVIRT_S = 15;

/** Lines of "key value"; the lines of a pool follow its `pool` line. */
export const SURVEY_SCRIPT = `export LC_ALL=C LIBVIRT_DEFAULT_URI=qemu:///system
${LIBVIRT_ABSENT}
plain() { sed "s/&lt;/</g; s/&gt;/>/g; s/&apos;/'/g; s/&quot;/\\"/g; s/&amp;/\\&/g"; }
name=$(uname -n)
echo "hostname $name"
getent ahosts "$name" | while read -r address rest; do echo "address $address"; done
echo "architecture $(uname -m)"
echo "virtualization $(grep -m1 -o -w -E 'vmx|svm' /proc/cpuinfo | head -n1)"
if [ ! -e /dev/kvm ]; then echo "kvm absent"; elif ( : <> /dev/kvm ) 2>/dev/null; then echo "kvm usable"; else echo "kvm refused"; fi
while read -r key value rest; do case $key in MemTotal:|MemAvailable:) echo "$key $value" ;; esac; done < /proc/meminfo
for bridge in /sys/class/net/*/bridge; do
  [ ! -d "$bridge" ] || { bridge=\${bridge%/bridge}; echo "bridge \${bridge##*/}"; }
done
[ ! -e /dev/watchdog ] || echo "watchdog yes"
id=; read -r id < /etc/machine-id; echo "machine $id"
id=; read -r id < /proc/sys/kernel/random/boot_id; echo "boot $id"
echo "agent-cluster $(${INSTALLED_CLUSTER})"
echo "lock-manager $(sed -n 's/^[[:space:]]*lock_manager[[:space:]]*=[[:space:]]*"\\([^"]*\\)".*/\\1/p' /etc/libvirt/qemu.conf 2>/dev/null | tail -n1)"
echo "lockspace $(sed -n 's/^[[:space:]]*file_lockspace_dir[[:space:]]*=[[:space:]]*"\\([^"]*\\)".*/\\1/p' /etc/libvirt/qemu-lockd.conf 2>/dev/null | tail -n1)"
[ ! -x /usr/sbin/virtlockd ] || echo "virtlockd yes"
if command -v virt-admin > /dev/null; then ! timeout ${STORAGE_S} virt-admin -q -c virtlockd:///system server-list > /dev/null 2>&1 || echo "lock-daemon yes"
elif [ -S /run/libvirt/virtlockd-sock ]; then echo "lock-daemon yes"; fi
if libvirt_absent; then
  echo "libvirt-absent yes"
elif version=$(timeout ${LIBVIRT_S} virsh -q version 2>&1); then
  echo "$version" | sed -n 's/^Using library: libvirt /libvirt /p; s/^Running hypervisor: QEMU /qemu /p'
  echo "uuid $(timeout ${LIBVIRT_S} virsh -q capabilities 2>/dev/null | sed -n 's/.*<uuid>\\(.*\\)<\\/uuid>.*/\\1/p' | head -n1)"
  timeout ${LIBVIRT_S} virsh -q list --all --autostart --name | while read -r domain; do [ -z "$domain" ] || echo "autostart $domain"; done
  active=$(timeout ${LIBVIRT_S} virsh -q pool-list --name)
  timeout ${LIBVIRT_S} virsh -q pool-list --all --name | while read -r pool; do
    [ -n "$pool" ] || continue
    path=$(virsh -q pool-dumpxml "$pool" | sed -n 's/.*<path>\\(.*\\)<\\/path>.*/\\1/p' | head -n1 | plain)
    [ -n "$path" ] || continue
    echo "pool $pool"
    echo "pool-path $path"
    ! echo "$active" | grep -q -x -F -- "$pool" || echo "pool-active yes"
    ! timeout ${STORAGE_S} test -w "$path" || echo "pool-writable yes"
    echo "pool-marker $(timeout ${STORAGE_S} head -c 200 "$path/${POOL_MARKER_FILE}" 2>/dev/null | head -n1)"
  done
else
  echo "libvirt-error $(echo "$version" | tail -n1)"
fi
${DAEMONS_SCRIPT}
echo "end yes"`;

export interface ClockReading {
  readonly offsetMs: number;
  readonly roundTripMs: number;
}

export function parseSurvey(output: string, clock: ClockReading): HostSurvey {
  const lines = output.split('\n').map(splitLine);
  const all = (key: string): readonly string[] => lines.filter(([name, value]) => name === key && value !== '').map(([, value]) => value);
  const first = (key: string): string | null => all(key)[0] ?? null;
  if (first('end') === null) throw new OperationalError('failed', 'the look at the host ended before its end');
  const virtualization = first('virtualization');
  const kvm = first('kvm');
  return {
    hostname: first('hostname') ?? '',
    hostnameAddresses: [...new Set(all('address'))],
    architecture: first('architecture') ?? '',
    virtualization: virtualization === 'vmx' || virtualization === 'svm' ? virtualization : null,
    kvm: kvm === 'usable' || kvm === 'refused' ? kvm : 'absent',
    hasLibvirt: first('libvirt-absent') !== 'yes',
    libvirtVersion: first('libvirt'),
    libvirtError: first('libvirt-error'),
    qemuVersion: first('qemu'),
    libvirtUuid: first('uuid'),
    locks: { manager: first('lock-manager'), isInstalled: first('virtlockd') === 'yes', answers: first('lock-daemon') === 'yes', lockspaceDir: first('lockspace') },
    memoryMiB: Math.floor(Number(first('MemTotal:') ?? 0) / 1024),
    freeMemoryMiB: Math.floor(Number(first('MemAvailable:') ?? 0) / 1024),
    pools: poolsOf(lines),
    bridges: [...all('bridge')].sort(),
    clockOffsetMs: clock.offsetMs,
    clockRoundTripMs: clock.roundTripMs,
    watchdogDevice: first('watchdog') === 'yes',
    machineId: first('machine') ?? '',
    bootId: first('boot') ?? '',
    agentClusterId: first('agent-cluster'),
    daemons: daemonsOf(lines),
    autostart: all('autostart'),
  };
}

export function splitLine(line: string): readonly [string, string] {
  const space = line.indexOf(' ');
  return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1).trim()];
}

function poolsOf(lines: readonly (readonly [string, string])[]): readonly SurveyedPool[] {
  const pools: SurveyedPool[] = [];
  for (const [key, value] of lines) {
    if (key === 'pool') pools.push({ name: value, path: '', active: false, writable: false, markerId: null });
    const pool = pools.at(-1);
    const change = pool ? poolChange(key, value) : null;
    if (pool && change) pools[pools.length - 1] = { ...pool, ...change };
  }
  return pools;
}

function poolChange(key: string, value: string): Partial<SurveyedPool> | null {
  switch (key) {
    case 'pool-path': return { path: value };
    case 'pool-active': return { active: true };
    case 'pool-writable': return { writable: true };
    case 'pool-marker': return { markerId: value === '' ? null : value };
    default: return null;
  }
}
