// The lab's containers: their image, making and ending them on a host, and what is seen of them from outside of LXD and Incus.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DAEMON_FILES, type InstanceDaemon } from './daemons.js';
import { cacheDir, guestAddress } from './guest.js';
import type { Lab, LabHost } from './lab.js';
import { run, type Ran, type RunOptions } from './shell.js';
import { REPO_ROOT } from './ticks.js';

export const CONTAINER_IMAGE = 'reeve-guest';

export interface ContainerPlan {
  readonly name: string;
  /** Of its address, as for guests: 10.66.0.100 + index. */
  readonly index: number;
  /** Default: no limit. */
  readonly memoryMiB?: number;
  /** In a cluster of daemons: the member that has it. */
  readonly target?: string;
  /** Default: it is started at once. */
  readonly start?: boolean;
  /** More of its settings: `key=value`. */
  readonly config?: readonly string[];
  /** Default: LXD. */
  readonly daemon?: InstanceDaemon;
}

/** As its daemon tells it. */
export interface ListedContainer {
  readonly name: string;
  /** `Running`, `Stopped`, `Frozen` … */
  readonly status: string;
  readonly config: Readonly<Record<string, string>>;
}

const BUILD_MS = 120_000;
const LXC_MS = 60_000;
const TICKS_TO = '10.66.0.254';
const GROUPS = '/sys/fs/cgroup';
/** liblxc's name for the control group of a container's processes. */
const PAYLOAD = 'lxc.payload.';

// --- the image ---
/** Built once and kept in the cache; built anew when its sources change. */
export async function ensureContainerTarball(log: (line: string) => void = () => undefined): Promise<string> {
  const cache = cacheDir();
  const tarball = join(cache, 'container.tar.gz');
  const known = await readFile(join(cache, 'container.sum'), 'utf8').catch(() => '');
  if (existsSync(tarball) && known.trim() === (await sourcesSum())) return tarball;
  await mkdir(cache, { recursive: true });
  log('building the image of containers (once; kept in the cache)');
  await run(join(REPO_ROOT, 'lab/guest/build-container.sh'), [cache], { timeoutMs: BUILD_MS });
  return tarball;
}

/** The same sum as build-container.sh writes: sha256 over `sha256sum`'s lines, without paths. */
async function sourcesSum(): Promise<string> {
  const dir = join(REPO_ROOT, 'lab/guest');
  const lines = await Promise.all(['init.c', 'build-container.sh'].map(async (name) => `${createHash('sha256').update(await readFile(join(dir, name))).digest('hex')}  ${name}\n`));
  return createHash('sha256').update(lines.join('')).digest('hex');
}

const importing = new Map<string, Promise<void>>();

/** Into the host's daemon as `reeve-guest`, when it is not there yet; once, also when several ask at a time. */
export async function ensureContainerImage(lab: Lab, host: LabHost, daemon: InstanceDaemon = 'lxd'): Promise<void> {
  const key = `${lab.name}/${host.name}/${daemon}`;
  const now = importing.get(key) ?? importImage(lab, host, daemon).finally(() => importing.delete(key));
  importing.set(key, now);
  await now;
}

async function importImage(lab: Lab, host: LabHost, daemon: InstanceDaemon): Promise<void> {
  if ((await clientOf(lab, host, daemon, ['image', 'info', CONTAINER_IMAGE], { okCodes: 'any' })).code === 0) return;
  const name = `container-${daemon}-${host.name}.tar.gz`;
  await cp(await ensureContainerTarball(), join(lab.stateDir, 'shared/boot', name));
  await clientOf(lab, host, daemon, ['image', 'import', `/srv/shared/boot/${name}`, '--alias', CONTAINER_IMAGE]);
}

// --- through LXD and Incus ---
/** The host's own client of it, past its network. Without an end of its input, `init` waits for settings there. */
export function clientOf(lab: Lab, host: LabHost, daemon: InstanceDaemon, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return lab.exec(host, ['env', 'HOME=/root', DAEMON_FILES[daemon].client, ...args], { timeoutMs: LXC_MS, input: '', ...options });
}

export const lxc = (lab: Lab, host: LabHost, args: readonly string[], options: RunOptions = {}): Promise<Ran> => clientOf(lab, host, 'lxd', args, options);
export const incus = (lab: Lab, host: LabHost, args: readonly string[], options: RunOptions = {}): Promise<Ran> => clientOf(lab, host, 'incus', args, options);

/** Never started by LXD itself: who keeps it running elsewhere would have it twice. */
export function containerConfig({ index, memoryMiB, config = [] }: ContainerPlan): readonly string[] {
  const memory = memoryMiB === undefined ? [] : [`limits.memory=${memoryMiB}MiB`];
  return ['boot.autostart=false', `environment.LAB_IP=${guestAddress(index)}`, `environment.LAB_TICK=${TICKS_TO}`, ...memory, ...config];
}

export async function createContainer(lab: Lab, host: LabHost, plan: ContainerPlan): Promise<void> {
  const { daemon = 'lxd' } = plan;
  await ensureContainerImage(lab, host, daemon);
  await clientOf(lab, host, daemon, ['init', '-q', CONTAINER_IMAGE, plan.name, ...(plan.target === undefined ? [] : ['--target', plan.target]), ...containerConfig(plan).flatMap((one) => ['-c', one])]);
  if (plan.start !== false) await clientOf(lab, host, daemon, ['start', plan.name]);
}

export async function listContainers(lab: Lab, host: LabHost, daemon: InstanceDaemon = 'lxd'): Promise<readonly ListedContainer[]> {
  const { stdout } = await clientOf(lab, host, daemon, ['query', '/1.0/instances?recursion=1']);
  return JSON.parse(stdout) as readonly ListedContainer[];
}

/** On every host that has power, and only where there is one. What a cut move or copy left in a pool without the daemon's knowing of it stays there, and is in nobody's way. */
export async function destroyAllContainers(lab: Lab): Promise<void> {
  await Promise.all(lab.hosts.flatMap((host) => lab.daemons.map(async (daemon) => {
    const names: readonly string[] = await readdir(join(lab.daemonDir(host, daemon), 'containers')).catch(() => []);
    if (names.length === 0 || (await lab.powerState(host)) !== 'on') return;
    const known = (await listContainers(lab, host, daemon)).map(({ name }) => name).filter((name) => names.includes(name));
    if (known.length > 0) await clientOf(lab, host, daemon, ['delete', '-f', ...known]);
  })));
}

const killing = (daemon: InstanceDaemon): string => `pid=$(cat /run/lab-${daemon}.pid); rm -f /run/lab-${daemon}-ready; kill -9 $pid; while [ -d /proc/$pid ]; do sleep 0.02; done`;

/** The daemon alone, at once; its containers run on. */
export async function killLxd(lab: Lab, host: LabHost, daemon: InstanceDaemon = 'lxd'): Promise<void> {
  await lab.exec(host, ['sh', '-c', killing(daemon)]);
}

/** Back after `killLxd`: containers that run are its again. */
export async function startLxd(lab: Lab, host: LabHost, daemon: InstanceDaemon = 'lxd'): Promise<void> {
  await lab.exec(host, ['sh', '-c', `exec /usr/sbin/lab-${daemon} < /dev/null >> /var/log/lab-${daemon}.log 2>&1`], { timeoutMs: LXC_MS });
}

/** At the moment when the host has begun to receive that instance's file system: in the middle of a copy or a move, however busy the machine is. */
export async function killLxdReceiving(lab: Lab, host: LabHost, prefix: string): Promise<void> {
  await lab.exec(host, ['sh', '-c', `until ls -d /var/lib/lxd/storage-pools/default/containers/${prefix}*; do sleep 0.02; done; ${killing('lxd')}`], { timeoutMs: LXC_MS });
}

/** After a test that did not come to start what it had killed. */
export async function reviveDaemons(lab: Lab, host: LabHost): Promise<void> {
  for (const daemon of lab.daemons) {
    const isDead = await lab.exec(host, ['sh', '-c', `[ -e /run/lab-${daemon}.pid ] && [ ! -d /proc/$(cat /run/lab-${daemon}.pid) ]`], { okCodes: 'any' });
    if (isDead.code === 0) await startLxd(lab, host, daemon);
  }
}

// --- past the daemons ---
/** Containers with a process on the host, by its control groups: also when its daemon is dead, and while it hangs. */
export async function runningContainers(lab: Lab, host: LabHost): Promise<readonly string[]> {
  const root = groupOf(lab, host, existsSync(join(GROUPS, 'freezer')) ? 'freezer' : '');
  const names = (await readdir(root).catch(() => [])).filter((one) => one.startsWith(PAYLOAD));
  const live = await Promise.all(names.map(async (one) => (await hasProcess(join(root, one))) ? [one.slice(PAYLOAD.length)] : []));
  return live.flat().sort();
}

/** In the group itself or one below: who runs systemd has all its processes below. */
async function hasProcess(group: string): Promise<boolean> {
  const groups = await readdir(group, { recursive: true, withFileTypes: true }).catch(() => []);
  const own = [group, ...groups.filter((one) => one.isDirectory()).map((one) => join(one.parentPath, one.name))];
  const procs = await Promise.all(own.map((one) => readFile(join(one, 'cgroup.procs'), 'utf8').catch(() => '')));
  return procs.some((one) => one.trim() !== '');
}

/** What the kernel keeps it to; null: no container of that name has processes there, or it has no limit. */
export async function memoryLimitBytes(lab: Lab, host: LabHost, name: string): Promise<number | null> {
  const [hierarchy, file] = existsSync(join(GROUPS, 'memory')) ? ['memory', 'memory.limit_in_bytes'] : ['', 'memory.max'];
  const text = await readFile(join(groupOf(lab, host, hierarchy), `${PAYLOAD}${name}`, file), 'utf8').catch(() => '');
  const bytes = Number(text.trim() || NaN);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** The count on its disk, also when the host is off; null: it has no disk there. */
export async function countOnDisk(lab: Lab, host: LabHost, name: string, daemon: InstanceDaemon = 'lxd'): Promise<number | null> {
  const file = join(lab.daemonDir(host, daemon), 'storage-pools/default/containers', name, 'rootfs/var/lab/heartbeat');
  return parseHeartbeat(await readFile(file, 'latin1').catch(() => ''));
}

/** What the guests' init writes: `HB NAME BOOT COUNT`, and zeros after it. */
export function parseHeartbeat(text: string): number | null {
  const count = /^HB \S+ \S+ (\d+)\0/.exec(text)?.[1];
  return count === undefined ? null : Number(count);
}

function groupOf(lab: Lab, host: LabHost, hierarchy: string): string {
  return join(GROUPS, hierarchy, `reeve-${lab.name}-${host.name}`);
}
