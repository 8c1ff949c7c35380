// Everything a host reports about itself, in one command, and how its answer is read.
import { OperationalError } from '../../../shared/errors.js';
import type { HostFacts, StoragePool } from '../../host-facts.js';
import { POOL_MARKER_FILE } from '../../host-survey.js';
import { CPU_FLAGS_SCRIPT, cpuFlagsOf } from './cpu-flags.js';
import { KERNEL_MEMORY_SCRIPT, parseKernelMemory } from './kernel-memory.js';
import { LIBVIRT_ABSENT } from './presence-script.js';
import { all, first, parseXml, type XmlElement } from './xml.js';

const MARK = '@@reeve-section ';

/** Sections, each begun by a line with the mark. One that fails is empty: a host without pools or bridges is a host. */
export const FACTS_SCRIPT = `export LC_ALL=C LIBVIRT_DEFAULT_URI=qemu:///system
${LIBVIRT_ABSENT}
mark() { echo "${MARK}$1"; }
mark plain
echo "hostname $(uname -n)"
echo "kernel $(uname -r)"
echo "architecture $(uname -m)"
echo "cpus $(getconf _NPROCESSORS_ONLN)"
read -r id < /proc/sys/kernel/random/boot_id && echo "boot $id"
read -r id < /etc/machine-id && echo "machine $id"
[ ! -e /dev/watchdog ] || echo "watchdog yes"
if libvirt_absent; then echo "libvirt none"; fi
# -c first: <> would create the file.
if [ -c /dev/kvm ] && ( : <> /dev/kvm ) 2>/dev/null; then echo "kvm yes"; fi
while read -r key value rest; do case $key in MemTotal:|MemAvailable:|Hugepagesize:) echo "$key $value" ;; esac; done < /proc/meminfo
${KERNEL_MEMORY_SCRIPT}
for bridge in /sys/class/net/*/bridge; do
  [ ! -d "$bridge" ] || { bridge=\${bridge%/bridge}; echo "bridge \${bridge##*/}"; }
done
mark version
virsh -q version
mark capabilities
capabilities=$(virsh -q capabilities)
printf '%s\\n' "$capabilities"
mark domcapabilities
domcapabilities=$(virsh -q domcapabilities)
printf '%s\\n' "$domcapabilities"
${CPU_FLAGS_SCRIPT}
virsh -q pool-list --name | while read -r pool; do
  [ -n "$pool" ] || continue
  mark pool
  virsh -q pool-refresh "$pool" > /dev/null 2>&1
  xml=$(virsh -q pool-dumpxml "$pool") || continue
  path=\${xml#*<path>} path=\${path%%</path>*}
  marker=
  [ ! -r "$path/${POOL_MARKER_FILE}" ] || read -r marker < "$path/${POOL_MARKER_FILE}"
  echo "marker $marker"
  echo "$xml"
done
mark end`;

export function parseFacts(output: string, nowMs: number): HostFacts {
  const sections = sectionsOf(output);
  const section = (name: string): string => sections.find(([key]) => key === name)?.[1] ?? '';
  if (!sections.some(([key]) => key === 'end')) throw new OperationalError('failed', "the host's answer about itself ended before its end");
  const plain = wordsOf(section('plain'));
  const word = (key: string): string => plain.find(([name]) => name === key)?.[1] ?? '';
  const capabilities = xmlOrNull(section('capabilities'));
  const domain = xmlOrNull(section('domcapabilities'));
  const version = section('version');
  const accelerator = word('kvm') === 'yes' && offersKvm(capabilities, domain) ? 'kvm' : 'tcg';
  const cpuFlags = cpuFlagsOf({ ofHost: xmlOrNull(section('cpu-of-host')), ofGuests: xmlOrNull(section('cpu-of-guests')), accelerator });
  return {
    cpus: Number(word('cpus')),
    memoryMiB: Math.floor(Number(word('MemTotal:')) / 1024),
    freeMemoryMiB: Math.floor(Number(word('MemAvailable:')) / 1024),
    ...parseKernelMemory(plain),
    cpuModel: (capabilities && first(capabilities, 'host/cpu/model')?.text) || 'unknown',
    usableCpuModels: usableModels(domain),
    architecture: word('architecture'),
    accelerator,
    ...(cpuFlags === null ? {} : { cpuFlags }),
    libvirtVersion: word('libvirt') === 'none' ? null : (/library: libvirt ([\d.]+)/.exec(version)?.[1] ?? 'unknown'),
    qemuVersion: word('libvirt') === 'none' ? null : (/hypervisor: QEMU ([\d.]+)/.exec(version)?.[1] ?? 'unknown'),
    kernelVersion: word('kernel'),
    bootId: word('boot'),
    machineId: word('machine'),
    hostname: word('hostname'),
    bridges: plain.filter(([name]) => name === 'bridge').map(([, bridge]) => bridge).sort(),
    pools: sections.filter(([key]) => key === 'pool').flatMap(([, text]) => poolOf(text)),
    containerDaemons: [],
    watchdogDevice: word('watchdog') === 'yes',
    refreshedAtMs: nowMs,
  };
}

function sectionsOf(output: string): readonly (readonly [string, string])[] {
  return output.split(MARK).slice(1).map((part) => {
    const end = part.indexOf('\n');
    return end < 0 ? ([part.trim(), ''] as const) : ([part.slice(0, end).trim(), part.slice(end + 1)] as const);
  });
}

function wordsOf(text: string): readonly (readonly [string, string])[] {
  return text.split('\n').flatMap((line) => {
    const space = line.indexOf(' ');
    return space < 0 ? [] : [[line.slice(0, space), line.slice(space + 1).trim()] as const];
  });
}

function xmlOrNull(text: string): XmlElement | null {
  return text.trim().startsWith('<') ? parseXml(text) : null;
}

function usableModels(domain: XmlElement | null): readonly string[] {
  if (!domain) return [];
  const custom = all(domain, 'cpu/mode').find(({ attributes }) => attributes['name'] === 'custom');
  return custom ? all(custom, 'model').filter(({ attributes }) => attributes['usable'] === 'yes').map(({ text }) => text) : [];
}

function offersKvm(capabilities: XmlElement | null, domain: XmlElement | null): boolean {
  const listed = capabilities !== null && all(capabilities, 'guest/arch/domain').some(({ attributes }) => attributes['type'] === 'kvm');
  return listed && domain !== null && first(domain, 'domain')?.text === 'kvm';
}

const MIB = 1024 * 1024;

function poolOf(text: string): readonly StoragePool[] {
  const end = text.indexOf('\n');
  const marker = text.slice('marker '.length, end).trim();
  const pool = xmlOrNull(text.slice(end + 1));
  const path = pool && first(pool, 'target/path')?.text;
  if (!pool || !path) return [];
  const mib = (name: string): number => Math.floor(Number(first(pool, name)?.text ?? 0) / MIB);
  return [{ name: first(pool, 'name')?.text ?? '', path, markerId: marker || null, freeMiB: mib('available'), totalMiB: mib('capacity') }];
}
