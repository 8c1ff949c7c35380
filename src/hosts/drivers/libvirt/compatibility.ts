// Would a definition start on a host? One command asks, and its answers become reasons with remedies.
import { quote } from '../ssh/shell-quote.js';
import { needsOf, parseDomain } from './domain-needs.js';
import { all, first, type XmlElement } from './xml.js';

export interface Incompatibility {
  readonly code: string;
  readonly why: string;
  readonly remedy: string | null;
}

/** Finds the definition in the file $input. Each failed check prints one line: code, tab, subject. */
export function compatibilityScript(definition: string): string {
  const domain = parseDomain(definition);
  const needs = needsOf(definition, []);
  const type = domain.attributes['type'] ?? 'qemu';
  const emulator = first(domain, 'devices/emulator')?.text;
  const machine = first(domain, 'os/type')?.attributes['machine'];
  const files = [...needs.disks.map(({ path }) => path), ...bootFiles(domain)].filter((path) => path.startsWith('/'));
  const target = [...(emulator ? ['--emulatorbin', emulator] : []), '--arch', needs.architecture, ...(machine ? ['--machine', machine] : [])];
  const asked = { domcapabilities: [...target, '--virttype', type].map(quote).join(' '), cpu: [...target.map((word) => (word === '--emulatorbin' ? '--emulator' : word)), '--virttype', type].map(quote).join(' ') };
  const lines = [
    'export LC_ALL=C LIBVIRT_DEFAULT_URI=qemu:///system',
    `no() { printf '%s\\t%s\\n' "$1" "$2"; }`,
    ...(emulator ? [`[ -x ${quote(emulator)} ] || no emulator ${quote(emulator)}`] : []),
    ...needs.bridges.map((bridge) => `[ -d ${quote(`/sys/class/net/${bridge}/bridge`)} ] || no bridge ${quote(bridge)}`),
    ...networksOf(domain).map((network) => `virsh -q net-info ${quote(network)} 2>/dev/null | grep -q '^Active: *yes' || no network ${quote(network)}`),
    ...files.map((path) => `[ -e ${quote(path)} ] || no file ${quote(path)}`),
    ...platformCheck(needs.cpuModel, type, asked),
    'echo end',
  ];
  return lines.join('\n');
}

/** One after the other: without the machine the CPU cannot be compared, and would only repeat the same words. */
function platformCheck(cpuModel: string | null, type: string, asked: { readonly domcapabilities: string; readonly cpu: string }): readonly string[] {
  const compare = cpuModel === 'host-passthrough' && type !== 'kvm'
    ? [`else no cpu "host-passthrough needs KVM"`]
    : cpuModel === null ? [] : [`elif said=$(virsh -q hypervisor-cpu-compare "$input" ${asked.cpu} --error 2>&1); then :`, `else no cpu "$(echo "$said" | tr '\\n\\t' '  ')"`];
  return [
    ...(type === 'kvm' ? ['if ! { [ -c /dev/kvm ] && ( : <> /dev/kvm ) 2>/dev/null; }; then no kvm /dev/kvm', 'elif'] : ['if']),
    `! said=$(virsh -q domcapabilities ${asked.domcapabilities} 2>&1 > /dev/null); then no machine "$(echo "$said" | tr '\\n\\t' '  ')"`,
    ...compare,
    'fi',
  ];
}

const REASONS: Readonly<Record<string, (subject: string, host: string) => Incompatibility>> = {
  emulator: (path, host) => ({ code: 'emulator-missing', why: `${host} has no emulator ${path}`, remedy: `on ${host}: apt-get install -y qemu-system-x86` }),
  kvm: (_path, host) => ({ code: 'kvm-missing', why: `${host} cannot use KVM: /dev/kvm does not open`, remedy: `on ${host}: enable virtualization in its firmware; modprobe kvm_amd || modprobe kvm_intel` }),
  bridge: (bridge, host) => ({ code: 'bridge-missing', why: `${host} has no bridge ${bridge}`, remedy: `on ${host}: ip link add ${bridge} type bridge && ip link set ${bridge} up (lasting: netplan)` }),
  network: (network, host) => ({ code: 'network-missing', why: `${host} has no active libvirt network ${network}`, remedy: `on ${host}: virsh net-start ${network} && virsh net-autostart ${network}` }),
  file: (path, host) => ({ code: 'file-missing', why: `${host} does not see ${path}`, remedy: `put it into a pool that both hosts share, or mount that pool on ${host}` }),
  machine: (said, host) => ({ code: 'machine-unsupported', why: `${host}: ${words(said)}`, remedy: `update QEMU on ${host}, or give the VM a machine type that both know (virsh capabilities)` }),
  cpu: (said, host) => ({ code: 'cpu-incompatible', why: `the CPU of ${host} lacks what the VM uses: ${words(said)}`, remedy: 'give the VM a CPU model that all hosts can run' }),
};

export function parseCompatibility(output: string, hostName: string): readonly Incompatibility[] {
  return output.split('\n').flatMap((line) => {
    const [code, subject] = line.split('\t');
    const reason = code !== undefined && subject !== undefined ? REASONS[code] : undefined;
    return reason ? [reason(subject ?? '', hostName)] : [];
  });
}

const words = (said: string): string => said.replace(/error: |Failed to compare hypervisor CPU with \S+|failed to get emulator capabilities|invalid argument: /g, '').replace(/\s+/g, ' ').trim();

function bootFiles(domain: XmlElement): readonly string[] {
  return ['os/kernel', 'os/initrd', 'os/loader'].flatMap((path) => all(domain, path).map(({ text }) => text)).filter(Boolean);
}

function networksOf(domain: XmlElement): readonly string[] {
  const names = all(domain, 'devices/interface').filter(({ attributes }) => attributes['type'] === 'network').map((element) => first(element, 'source')?.attributes['network']);
  return [...new Set(names.filter((name): name is string => name !== undefined))];
}
