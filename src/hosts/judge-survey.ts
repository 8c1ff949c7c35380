// Judges what was seen on a host, alone and beside the hosts that are there already.
import { CHECK_CODES, point, type CheckPoint } from './enrolment-check.js';
import { judgeDaemons } from './judge-daemons.js';
import { judgeDiskLocks } from './judge-disk-locks.js';
import { AGENT_CONFIG_FILE } from './host-agent.js';
import { HYPERVISOR_NAMES } from './hypervisor.js';
import type { HostSurvey, SurveyedPool } from './host-survey.js';

/** What the host's fence device answered to a status query. */
export type FenceLook =
  | { readonly kind: 'none' }
  | { readonly kind: 'manual' }
  /** No device, but protected workloads run under its lease. */
  | { readonly kind: 'lease' }
  | { readonly kind: 'answered'; readonly device: string; readonly power: 'on' | 'off' }
  | { readonly kind: 'failed'; readonly device: string; readonly why: string; readonly remedy: string | null };

/** Another enrolled host; null: it could not be looked at. */
export interface OtherHost {
  readonly name: string;
  readonly survey: HostSurvey | null;
}

/** One real login from host to host. `why` null: it worked. */
export interface SshTrial {
  readonly from: string;
  readonly to: string;
  readonly toAddress: string;
  readonly why: string | null;
}

export interface SurveyToJudge {
  readonly host: string;
  /** Where the others reach it. */
  readonly address: string;
  /** Of the cluster that it is to join. */
  readonly clusterId: string;
  readonly survey: HostSurvey;
  readonly others: readonly OtherHost[];
  readonly fence: FenceLook;
  /** Null: not tried yet (the hosts' keys are exchanged after the other points). */
  readonly sshTrials: readonly SshTrial[] | null;
  readonly expectations: SurveyExpectations;
}

export interface SurveyExpectations {
  readonly minFreeMemoryMiB: number;
  readonly clockWarnMs: number;
  readonly clockFailMs: number;
}

export const DEFAULT_EXPECTATIONS: SurveyExpectations = { minFreeMemoryMiB: 1024, clockWarnMs: 500, clockFailMs: 5_000 };

type Check = (input: SurveyToJudge) => readonly CheckPoint[];

/** The order of CHECKS; a check may yield several points, or none. */
export function judgeSurvey(input: SurveyToJudge): readonly CheckPoint[] {
  const checks: readonly Check[] = [
    reached, cluster, ofLibvirt(virtualization), ofLibvirt(kvm), libvirt, ofLibvirt(qemu), ({ survey, address }) => judgeDaemons(survey, address), ofLibvirt(hostname), memory, ofLibvirt(pools), bridges, clock, watchdog, fence, machineId, ofLibvirt(libvirtUuid),
    ofLibvirt(({ survey, others }) => judgeDiskLocks(survey, others)), ofLibvirt(autostart), ofLibvirt(migrationSsh),
  ];
  const points = checks.flatMap((check) => check(input));
  return [...points].sort((one, other) => CHECK_CODES.indexOf(one.code) - CHECK_CODES.indexOf(other.code));
}

/** A survey that came back at all was made as root over a pinned connection. */
const reached: Check = () => [point('ssh', 'ok', 'reachable, host key pinned'), point('rights', 'ok', 'commands run as root')];

const cluster: Check = ({ survey, host, clusterId }) => {
  if (survey.agentClusterId === null) return [point('cluster', 'ok', 'of none so far')];
  if (survey.agentClusterId === clusterId) return [point('cluster', 'ok', 'of this one already')];
  return [point('cluster', 'fail', otherCluster(survey.agentClusterId), `take it out of that cluster there (reeve host remove); where that cluster is gone for good, on ${host}: systemctl disable --now reeve-agent; rm ${AGENT_CONFIG_FILE}`)];
};

export const otherCluster = (id: string): string => `the agent of another cluster (${id}) is installed here`;

/** What is said about VMs of libvirt only: on a host for containers alone, nothing. */
const ofLibvirt = (check: Check): Check => (input) => (input.survey.hasLibvirt ? check(input) : []);

const virtualization: Check = ({ survey }) => {
  if (survey.virtualization !== null) return [point('cpu-virtualization', 'ok', survey.virtualization)];
  const x86 = survey.architecture === 'x86_64';
  if (!x86 && survey.kvm === 'usable') return [point('cpu-virtualization', 'ok', `${survey.architecture}, KVM works`)];
  return [point('cpu-virtualization', 'warn', 'neither vmx nor svm: switched off in the firmware, or this is a VM itself; guests are emulated', 'switch on VT-x or AMD-V in the firmware')];
};

const kvm: Check = ({ survey, others }) => {
  if (survey.kvm === 'usable') return [point('kvm', 'ok', '/dev/kvm works')];
  const elsewhere = others.filter((other) => other.survey?.kvm === 'usable' && other.survey.hasLibvirt).map((other) => other.name);
  const consequence = elsewhere.length > 0 ? `; VMs of ${list(elsewhere)} use KVM and cannot come here` : '; guests are emulated (TCG)';
  if (survey.kvm === 'refused') return [point('kvm', 'warn', `/dev/kvm is there and cannot be opened${consequence}`, 'dmesg | grep -i kvm')];
  const module = survey.virtualization === 'svm' ? 'kvm_amd' : 'kvm_intel';
  return [point('kvm', 'warn', `no /dev/kvm${consequence}`, survey.virtualization === null ? null : `modprobe ${module}`)];
};

const INSTALL_LIBVIRT = 'apt-get install -y libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils && systemctl enable --now libvirtd';

const libvirt: Check = ({ survey, others }) => {
  if (!survey.hasLibvirt) return [withoutLibvirt(survey)];
  if (survey.libvirtVersion === null) return [point('libvirt', 'fail', survey.libvirtError ?? 'it does not answer', INSTALL_LIBVIRT)];
  const newer = others.filter((other) => major(other.survey?.libvirtVersion) > major(survey.libvirtVersion));
  if (newer.length === 0) return [point('libvirt', 'ok', survey.libvirtVersion)];
  return [point('libvirt', 'warn', `${survey.libvirtVersion} is older than on ${list(names(newer))}: what a newer one defined may not come here`, 'apt-get update && apt-get install -y libvirt-daemon-system')];
};

/** What is to run there, if not VMs? */
function withoutLibvirt({ daemons }: HostSurvey): CheckPoint {
  const answering = daemons.filter(({ error }) => error === null).map(({ driver }) => HYPERVISOR_NAMES[driver]);
  if (answering.length > 0) return point('libvirt', 'ok', `none: instances of ${list(answering)} run here, and no VM of libvirt comes here`);
  const mute = daemons.map(({ driver }) => `${HYPERVISOR_NAMES[driver]} does not answer`);
  return point('libvirt', 'fail', `none, and ${mute.length > 0 ? list(mute) : 'neither LXD nor Incus'}: nothing could run here`, `${INSTALL_LIBVIRT} (for VMs); for containers: LXD or Incus, initialised`);
}

/** Fixed in QEMU 9: with TCG, older ones lose memory writes when a migration takes more than one round. */
const TCG_MIGRATION_FIXED = 9;

const qemu: Check = ({ survey, others }) => {
  if (survey.qemuVersion === null) return [point('qemu', 'fail', 'libvirt finds no QEMU', 'apt-get install -y qemu-system-x86 qemu-utils')];
  if (survey.kvm !== 'usable' && major(survey.qemuVersion) < TCG_MIGRATION_FIXED) {
    return [point('qemu', 'warn', `${survey.qemuVersion} without KVM corrupts guest memory in live migrations that take several rounds; 9 and later do not`, 'apt-get install -y -t bookworm-backports qemu-system-x86')];
  }
  const newer = others.filter((other) => major(other.survey?.qemuVersion) > major(survey.qemuVersion));
  if (newer.length === 0) return [point('qemu', 'ok', survey.qemuVersion)];
  return [point('qemu', 'warn', `${survey.qemuVersion} is older than on ${list(names(newer))}: VMs with newer machine types cannot come here`, 'apt-get update && apt-get install -y qemu-system-x86')];
};

const hostname: Check = ({ survey }) => {
  const loopback = survey.hostnameAddresses.find((address) => address.startsWith('127.') || address === '::1');
  if (loopback === undefined) return [point('hostname', 'ok', survey.hostnameAddresses.length > 0 ? `${survey.hostname} is ${survey.hostnameAddresses.join(', ')}` : `${survey.hostname}, not resolved here`)];
  const remedy = `sed -i '/^127\\.0\\.1\\.1[[:space:]]/d' /etc/hosts`;
  return [point('hostname', 'warn', `${survey.hostname} resolves to ${loopback}: migrations by hand to this host fail, since libvirt tells that address to the other side`, remedy)];
};

const memory: Check = ({ survey, expectations }) => {
  const detail = `${mib(survey.freeMemoryMiB)} free of ${mib(survey.memoryMiB)}`;
  if (survey.freeMemoryMiB >= expectations.minFreeMemoryMiB) return [point('memory', 'ok', detail)];
  return [point('memory', 'warn', `${detail}: hardly anything can be placed here`, 'ps -eo rss,comm --sort=-rss | head')];
};

const pools: Check = (input) => {
  const { survey } = input;
  if (survey.libvirtVersion === null) return [];
  if (survey.pools.length === 0) return [point('pool', 'warn', 'none: VMs with disks cannot be created here', 'virsh pool-define-as default dir --target /var/lib/libvirt/images && virsh pool-autostart default && virsh pool-start default')];
  return survey.pools.map((pool) => judgePool(input, pool));
};

function judgePool({ others }: SurveyToJudge, pool: SurveyedPool): CheckPoint {
  const title = `${pool.name} (${pool.path})`;
  if (!pool.active) return point('pool', 'warn', `${title} is not started`, `virsh pool-start ${pool.name} && virsh pool-autostart ${pool.name}`);
  if (!pool.writable) return point('pool', 'warn', `${title} cannot be written`, `ls -ld ${pool.path}; findmnt -T ${pool.path}`);
  if (pool.markerId === null) return point('pool', 'warn', `${title} has no marker file: whether it is shared cannot be told`);
  const seen = others.flatMap((other) => (other.survey?.pools ?? []).filter((one) => one.active).map((one) => ({ host: other.name, pool: one })));
  const namesakes = seen.filter((one) => one.pool.name === pool.name || one.pool.path === pool.path);
  const apart = unique(namesakes.filter((one) => one.pool.markerId !== pool.markerId).map((one) => one.host));
  if (apart.length > 0) {
    return point('pool', 'warn', `${title} is not the same storage as on ${list(apart)}: VMs with disks in it can neither move between them live nor be recovered there`, `findmnt -T ${pool.path} (here and on ${list(apart)}: mount the same storage)`);
  }
  const same = seen.filter((one) => one.pool.markerId === pool.markerId);
  const misnamed = same.find((one) => one.pool.name !== pool.name || one.pool.path !== pool.path);
  if (misnamed) return point('pool', 'warn', `${title} is the same storage as ${misnamed.pool.name} (${misnamed.pool.path}) on ${misnamed.host}: name and path must be the same on all hosts`, `virsh pool-destroy ${pool.name} && virsh pool-undefine ${pool.name} && virsh pool-define-as ${misnamed.pool.name} dir --target ${misnamed.pool.path}`);
  if (others.length === 0) return point('pool', 'ok', `${title}; whether it is shared is seen when the next host is added`);
  return point('pool', 'ok', same.length > 0 ? `${title} is shared with ${list(unique(same.map((one) => one.host)))}` : `${title} is on this host only: VMs with disks in it cannot be recovered elsewhere`);
}

const bridges: Check = ({ survey, others }) => {
  const wanted = unique(others.flatMap((other) => other.survey?.bridges ?? []));
  const lacking = wanted.filter((bridge) => !survey.bridges.includes(bridge));
  const have = survey.bridges.length > 0 ? survey.bridges.join(', ') : 'none';
  if (lacking.length > 0) return [point('bridges', 'warn', `${have}; the other hosts have ${lacking.join(', ')} too: VMs on ${lacking.length === 1 ? 'it' : 'them'} cannot come here`, `add ${lacking.join(', ')} to /etc/netplan, then: netplan apply`)];
  if (survey.bridges.length > 0) return [point('bridges', 'ok', have)];
  return [point('bridges', 'warn', 'none: VMs have no network here', 'add a bridge to /etc/netplan, then: netplan apply')];
};

const clock: Check = ({ survey, expectations }) => {
  // Half the round trip may be all on one way: what is within that is no offset.
  const sure = Math.max(0, Math.abs(survey.clockOffsetMs) - survey.clockRoundTripMs / 2);
  const direction = survey.clockOffsetMs > 0 ? 'ahead of' : 'behind';
  const detail = `${Math.round(Math.abs(survey.clockOffsetMs))} ms ${direction} the control plane (± ${Math.round(survey.clockRoundTripMs / 2)} ms)`;
  const state = sure > expectations.clockFailMs ? 'fail' : sure > expectations.clockWarnMs ? 'warn' : 'ok';
  return [point('clock', state, detail, state === 'ok' ? null : 'timedatectl set-ntp true')];
};

const watchdog: Check = ({ survey }) =>
  survey.watchdogDevice
    ? [point('watchdog', 'ok', '/dev/watchdog')]
    : [point('watchdog', 'warn', 'no /dev/watchdog: the host cannot reset itself when its agent is stuck', 'modprobe softdog && echo softdog > /etc/modules-load.d/softdog.conf')];

const fence: Check = ({ fence: look, host, survey }) => {
  switch (look.kind) {
    case 'lease':
      return survey.watchdogDevice
        ? [point('fence-device', 'ok', 'its lease, with a watchdog behind it; a power device would be faster')]
        : [point('fence-device', 'warn', 'its lease needs a watchdog, and there is none: when this host is lost, recovery waits for a person', 'modprobe softdog && echo softdog > /etc/modules-load.d/softdog.conf')];
    case 'answered':
      if (look.power === 'on') return [point('fence-device', 'ok', `${look.device} answers: power is on`)];
      return [point('fence-device', 'fail', `${look.device} says that the power is off, and the host answers: it belongs to another machine, or lies`, 'compare the address of the BMC: ipmitool lan print')];
    case 'failed':
      return [point('fence-device', 'fail', `${look.device}: ${look.why}`, look.remedy)];
    case 'manual':
      return [point('fence-device', 'warn', 'confirmation by hand only: when this host is lost, recovery waits for a person', `reeve host confirm-off ${host} (once it is surely off)`)];
    case 'none':
      return [point('fence-device', 'warn', 'none: when this host is lost, recovery waits for a person who confirms that it is off', `reeve host set-fence ${host} --fence ipmi:address=…,user=…,passwordFile=…`)];
  }
};

const machineId: Check = ({ survey, others }) => {
  const sameMachine = names(others.filter((other) => survey.machineId !== '' && other.survey?.machineId === survey.machineId));
  return [
    sameMachine.length === 0
      ? point('machine-id', 'ok', survey.machineId)
      : point('machine-id', 'warn', `the same as on ${list(sameMachine)}: cloned from one image`, 'rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup && reboot'),
  ];
};

const libvirtUuid: Check = ({ survey, others }) => {
  const sameUuid = names(others.filter((other) => survey.libvirtUuid !== null && other.survey?.libvirtUuid === survey.libvirtUuid));
  return [
    sameUuid.length === 0
      ? point('libvirt-uuid', 'ok', survey.libvirtUuid ?? 'unknown')
      : point('libvirt-uuid', 'fail', `the same as on ${list(sameUuid)}: libvirt refuses every migration between them`, `echo "host_uuid = \\"$(uuidgen)\\"" >> /etc/libvirt/libvirtd.conf && systemctl restart libvirtd`),
  ];
};

const autostart: Check = ({ survey }) => {
  if (survey.autostart.length === 0) return [point('autostart', 'ok', 'no VM starts by itself')];
  return [point('autostart', 'ok', `${survey.autostart.join(', ')} start by themselves at boot; Reeve switches that off for what it protects`)];
};

const migrationSsh: Check = ({ sshTrials, others }) => (sshTrials === null ? [] : judgeLogins(names(others.filter(({ survey }) => survey?.hasLibvirt !== false)), sshTrials));

/** Logins from host to host, which are tried once the hosts know each other's keys. */
export function judgeLogins(others: readonly string[], trials: readonly SshTrial[]): readonly CheckPoint[] {
  const failed = trials
    .filter((trial) => trial.why !== null)
    .map((trial) => point('migration-ssh', 'fail', `${trial.from} cannot log in to ${trial.to}: ${trial.why}`, `ssh -v ${trial.toAddress} true (as root on ${trial.from})`));
  const untried = others.filter((name) => !trials.some((trial) => trial.from === name || trial.to === name));
  const away = untried.length > 0 ? [point('migration-ssh', 'warn', `not tried with ${list(untried)}, which could not be reached`)] : [];
  if (failed.length + away.length > 0 || others.length === 0) return [...failed, ...away];
  return [point('migration-ssh', 'ok', `works both ways with ${list(others)}`)];
}

const names = (hosts: readonly OtherHost[]): readonly string[] => hosts.map((host) => host.name);
const unique = (values: readonly string[]): readonly string[] => [...new Set(values)].sort();
const list = (values: readonly string[]): string => values.join(', ');
const mib = (value: number): string => `${value.toLocaleString('en-US')} MiB`;
/** "10.0.2" → 10; unknown → 0. */
const major = (version: string | null | undefined): number => Number.parseInt(version ?? '0', 10) || 0;
