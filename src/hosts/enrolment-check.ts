// Vocabulary of enrolment: each point that is checked on a host, and how it came out.

export type CheckCode = keyof typeof CHECKS;
export type CheckState = 'ok' | 'warn' | 'fail';

export interface CheckPoint {
  readonly code: CheckCode;
  readonly title: string;
  /** `fail` refuses the enrolment; `warn` says what will not work. */
  readonly state: CheckState;
  /** What was found, with the numbers. */
  readonly detail: string;
  /** A command that puts it right, on the host unless it says otherwise. */
  readonly remedy: string | null;
}

/** Every point, in the order in which it is shown. The text says why it is looked at. */
export const CHECKS = {
  ssh: { title: 'SSH', why: 'everything is done over SSH, with the host key that was pinned' },
  rights: { title: 'Rights', why: 'libvirt, the agent and the guard need root' },
  cluster: { title: 'Cluster', why: 'a host belongs to one cluster: two would fence and start on it without each other' },
  'cpu-virtualization': { title: 'CPU virtualization', why: 'without vmx or svm guests are emulated, many times slower' },
  kvm: { title: 'KVM', why: 'QEMU must be able to open /dev/kvm' },
  libvirt: { title: 'libvirt', why: 'VMs are run through it' },
  qemu: { title: 'QEMU', why: 'some versions corrupt memory when a migration takes several rounds' },
  containers: { title: 'Containers', why: 'LXD and Incus are looked at where they are installed: containers are run through them' },
  hostname: { title: 'Host name', why: 'libvirt tells it to the other side of a migration' },
  memory: { title: 'Free memory', why: 'workloads are placed by it' },
  pool: { title: 'Storage pool', why: 'a VM can be recovered only where its disks are' },
  bridges: { title: 'Bridges', why: 'a VM can go only where its network is' },
  clock: { title: 'Clock', why: 'events of several hosts are read side by side; certificates expire' },
  watchdog: { title: 'Watchdog', why: 'it resets the host when the agent is stuck' },
  'fence-device': { title: 'Fence device', why: 'without one, recovery waits for a person who confirms that the host is off' },
  'machine-id': { title: 'Machine id', why: 'hosts that were cloned from one image are taken for each other' },
  'libvirt-uuid': { title: 'libvirt host uuid', why: 'libvirt refuses to migrate to its own uuid' },
  'disk-locks': { title: 'Disk locks', why: 'a last barrier against a disk that is used twice' },
  autostart: { title: 'Autostart', why: 'a host that comes back must not start what runs elsewhere by now' },
  'migration-ssh': { title: 'SSH between hosts', why: 'libvirt reaches the other host over SSH when it migrates' },
} as const;

export const CHECK_CODES = Object.keys(CHECKS) as readonly CheckCode[];

export function point(code: CheckCode, state: CheckState, detail: string, remedy: string | null = null): CheckPoint {
  return { code, title: CHECKS[code].title, state, detail, remedy };
}

export const failedPoints = (points: readonly CheckPoint[]): readonly CheckPoint[] => points.filter((one) => one.state === 'fail');

/** One line for an operation's outcome. */
export function describeFailures(points: readonly CheckPoint[]): string {
  return failedPoints(points).map((one) => `${one.title}: ${one.detail}${one.remedy === null ? '' : ` (${one.remedy})`}`).join('; ');
}
