// Judges what stands between a disk and a second writer: the lock manager of a host, beside its neighbours', and real trials between hosts.
import { point, type CheckPoint } from './enrolment-check.js';
import type { HostSurvey, SurveyedLocks, TrialLock, TrialMeeting } from './host-survey.js';

/** A pool of this host that others have too. */
export interface SharedPool {
  readonly name: string;
  readonly path: string;
  /** The other hosts, which mount it at the same path. */
  readonly hosts: readonly string[];
}

/** `host` null: this host could not hold the disk in the first place. */
export interface LockTrial {
  readonly pool: SharedPool;
  readonly host: string | null;
  readonly outcome: Exclude<TrialLock, { kind: 'held' }> | TrialMeeting;
}

interface Neighbour {
  readonly name: string;
  readonly survey: HostSurvey | null;
}

const QEMU_ALONE = "QEMU's image locks";
const RESTART = 'systemctl enable --now virtlockd.socket && systemctl restart libvirtd';
const INSTALL = 'apt-get install -y libvirt-daemon-lock libvirt-daemon-plugin-lockd && ';

/** The same storage under the same path, as the markers tell. */
export function sharedPools(survey: HostSurvey, others: readonly Neighbour[]): readonly SharedPool[] {
  return survey.pools.filter((pool) => pool.active && pool.markerId !== null).flatMap((pool) => {
    const hosts = others.filter((other) => other.survey?.pools.some((one) => one.active && one.markerId === pool.markerId && one.path === pool.path)).map((other) => other.name);
    return hosts.length === 0 ? [] : [{ name: pool.name, path: pool.path, hosts: [...hosts].sort() }];
  });
}

export function judgeDiskLocks(survey: HostSurvey, others: readonly Neighbour[]): readonly CheckPoint[] {
  const { locks } = survey;
  // Wherever its pools are: without its daemon nothing starts at all.
  if (locks.manager === 'lockd' && !locks.answers) return [point('disk-locks', 'fail', 'libvirt is to lock disks through virtlockd, which does not answer: no VM starts here', `${locks.isInstalled ? '' : INSTALL}${RESTART}`)];
  const shared = sharedPools(survey, others);
  if (shared.length === 0) return [point('disk-locks', 'ok', `${described(locks)}; no pool is shared with another host`)];
  if (locks.manager === null) return [qemuAlone(locks, shared)];
  return [lockspaceTrouble(locks, shared) ?? differing(locks, others, shared) ?? point('disk-locks', 'ok', described(locks))];
}

function described({ manager, lockspaceDir }: SurveyedLocks): string {
  if (manager === null) return `${QEMU_ALONE}, no lock manager`;
  if (manager !== 'lockd') return `${manager} (not looked at), and ${QEMU_ALONE}`;
  return `virtlockd with its locks ${lockspaceDir === null ? 'on the images themselves' : `in ${lockspaceDir}`}, and ${QEMU_ALONE}`;
}

function qemuAlone({ isInstalled }: SurveyedLocks, shared: readonly SharedPool[]): CheckPoint {
  const detail = `${QEMU_ALONE} alone guard ${names(shared)}: they hold for files, not for disks that are devices, and nothing stands behind them`;
  const dir = lockspaceIn(shared);
  const setUp = `mkdir -p ${dir} && echo 'file_lockspace_dir = "${dir}"' >> /etc/libvirt/qemu-lockd.conf && echo 'lock_manager = "lockd"' >> /etc/libvirt/qemu.conf && ${RESTART}`;
  return point('disk-locks', 'warn', detail, `${isInstalled ? '' : INSTALL}${setUp}`);
}

/** Locks in a folder that other hosts do not see lock nothing for them. */
function lockspaceTrouble({ manager, lockspaceDir }: SurveyedLocks, shared: readonly SharedPool[]): CheckPoint | null {
  if (manager !== 'lockd' || lockspaceDir === null || shared.some((pool) => lockspaceDir.startsWith(`${pool.path}/`))) return null;
  const remedy = `mkdir -p ${lockspaceIn(shared)} && sed -i 's#^[[:space:]]*file_lockspace_dir.*#file_lockspace_dir = "${lockspaceIn(shared)}"#' /etc/libvirt/qemu-lockd.conf && systemctl restart libvirtd`;
  return point('disk-locks', 'warn', `virtlockd keeps its locks in ${lockspaceDir}, which lies in no pool that another host shares: other hosts do not see them`, remedy);
}

function differing(locks: SurveyedLocks, others: readonly Neighbour[], shared: readonly SharedPool[]): CheckPoint | null {
  const neighbours = others.filter((other) => other.survey && shared.some((pool) => pool.hosts.includes(other.name)));
  const different = neighbours.filter((other) => other.survey?.locks.manager !== locks.manager || other.survey.locks.lockspaceDir !== locks.lockspaceDir);
  const [first] = different;
  if (!first?.survey) return null;
  const remedy = `the same lock_manager in /etc/libvirt/qemu.conf and file_lockspace_dir in /etc/libvirt/qemu-lockd.conf on all hosts, then on each: ${RESTART}`;
  return point('disk-locks', 'warn', `${described(locks)}; on ${different.map((other) => other.name).join(', ')}: ${described(first.survey.locks)}. Only QEMU's locks are seen on both sides`, remedy);
}

/** A disk that a QEMU of this host had open, and how others fared that opened it for writing. */
export function judgeTrials(self: string, trials: readonly LockTrial[]): readonly CheckPoint[] {
  const pools = [...new Map(trials.map(({ pool }) => [pool.path, pool])).values()];
  return pools.map((pool) => judgePool(self, pool, trials.filter((one) => one.pool.path === pool.path)));
}

function judgePool(self: string, pool: SharedPool, trials: readonly LockTrial[]): CheckPoint {
  const look = `findmnt -T ${pool.path} -o TARGET,FSTYPE,OPTIONS (on both: mount it with locks that all clients see; for NFS, version 4, or 3 without nolock and local_lock)`;
  const through = trials.filter((one) => one.outcome.kind === 'let-through').map((one) => one.host ?? self);
  if (through.length > 0) return point('disk-locks', 'warn', `a disk in ${pool.name} that ${self} had open was opened for writing on ${through.join(', ')} too: locks do not reach from host to host`, look);
  const [open] = trials.filter((one) => one.outcome.kind === 'not-held');
  if (open && 'why' in open.outcome) return point('disk-locks', 'warn', `a disk in ${pool.name} that is open here is not locked: ${open.outcome.why}`, look);
  const [untried] = trials.filter((one) => one.outcome.kind === 'untried');
  if (untried && 'why' in untried.outcome) return point('disk-locks', 'warn', `not tried in ${pool.name}${untried.host === null ? '' : ` with ${untried.host}`}: ${untried.outcome.why}`);
  return point('disk-locks', 'ok', `tried in ${pool.name}: a disk that is open on ${self} is refused on ${trials.map((one) => one.host).join(', ')}`);
}

/** Where virtlockd's locks belong. */
export const lockspaceIn = (shared: readonly SharedPool[]): string => `${shared[0]?.path ?? ''}/lockspace`;
const names = (shared: readonly SharedPool[]): string => shared.map((pool) => pool.name).join(', ');
