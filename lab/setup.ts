// Installs what the lab needs and is missing, saying what it does; or says in one line why there can be no lab here.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './shell.js';

type Say = (line: string) => void;

/** A program of each package that is needed, and the package that brings it. */
const PROGRAMS: readonly (readonly [string, string])[] = [
  ['ipmi_sim', 'openipmi'],
  ['ipmitool', 'ipmitool'],
  ['fence_ipmilan', 'fence-agents'],
  ['nft', 'nftables'],
  ['ip', 'iproute2'],
  ['sshd', 'openssh-server'],
  ['ssh', 'openssh-client'],
  ['openssl', 'openssl'],
  ['lz4', 'lz4'],
  ['zstd', 'zstd'],
  ['cpio', 'cpio'],
  ['gcc', 'gcc'],
  ['strip', 'binutils'],
  ['python3', 'python3-minimal'],
  ['flock', 'util-linux'],
];

/** For hosts with containers. Only Debian has LXD as packages; elsewhere it is a snap, which needs a running systemd. */
const CONTAINERS: readonly (readonly [string, string])[] = [
  ['lxd', 'lxd'],
  ['lxc', 'lxd-client'],
  ['newuidmap', 'uidmap'],
  ['setfattr', 'attr'],
  ['rsync', 'rsync'],
  ['mkfs.btrfs', 'btrfs-progs'],
];

/** Beside LXD, or without it. Optional: where they can't be had, hosts with Incus are left out. */
const INCUS_PACKAGES = ['incus-base', 'incus-client'];
/** In no folder of the PATH. */
const INCUS_DAEMON = '/usr/libexec/incus/incusd';

/** Below these, a TCG guest's memory is corrupted by migration (QEMU), or a shared directory can't be declared as such (libvirt). */
const LEAST_LIBVIRT = 11;
const LEAST_QEMU = 9;
const VIRTUALIZATION = ['libvirt-daemon-system', 'libvirt-clients', 'qemu-system-x86', 'qemu-utils'];
/** virtlockd and libvirt's driver for it: packages of their own since libvirt 11. */
const LOCKS = ['libvirt-daemon-lock', 'libvirt-daemon-plugin-lockd'];
/** Debian signs all its suites with the same keys. */
const ARCHIVE_KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
const INSTALL_MS = 900_000;

/** Null: a lab can be had. Asks nothing of the network. */
export function whyNoLab(): string | null {
  if (process.platform !== 'linux') return 'the lab needs Linux';
  if (process.getuid?.() !== 0) return 'the lab needs root (namespaces, overlay mounts); run it with sudo';
  if (process.arch !== 'x64') return `its guests are built for x86-64, this machine is ${process.arch}`;
  if (!existsSync('/usr/bin/apt-get')) return 'the lab installs Debian or Ubuntu packages, and there is no apt-get';
  if (!existsSync('/proc/self/ns/net')) return 'this kernel has no network namespaces';
  if (!readFileSync('/proc/filesystems', 'utf8').includes('overlay') && !existsSync('/sys/module/overlay')) return 'this kernel has no overlayfs';
  if (!existsSync('/dev/net/tun')) return 'this machine has no /dev/net/tun, which guests need for their network';
  return null;
}

/** Null: hosts with containers can be had, as soon as everything is installed. Asks nothing of the network. */
export function whyNoContainers(): string | null {
  if (isDebian() || CONTAINERS.every(([program]) => onPath(program))) return null;
  return `LXD comes as packages on Debian alone; this machine lacks one of ${CONTAINERS.map(([program]) => program).join(', ')}`;
}

/** Null: hosts with Incus can be had now. Asks nothing of the network. */
export function whyNoIncus(): string | null {
  if (onPath('incus') && existsSync(INCUS_DAEMON)) return null;
  return `Incus is not installed here, and no package of it was found (on Debian 12: apt-get install -t bookworm-backports ${INCUS_PACKAGES.join(' ')})`;
}

/** Quick when it is there; never fails: without it, what needs it is left out. Null: it is there now. */
export async function ensureIncus(say: Say): Promise<string | null> {
  if (whyNoIncus() === null) return null;
  try {
    if (!isDebian()) throw new Error('only Debian has it as packages of this name');
    const suite = await backportsSuite();
    await install(say, INCUS_PACKAGES, suite === null ? [] : await backportsOptions(suite, say));
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    say(`no hosts with Incus here: ${line}`);
  }
  return whyNoIncus();
}

/** Quick when everything is there. */
export async function ensureLabPackages(say: Say): Promise<void> {
  const wanted = whyNoContainers() === null ? [...PROGRAMS, ...CONTAINERS] : PROGRAMS;
  const missing = wanted.filter(([program]) => !onPath(program)).map(([, name]) => name);
  if (onPath('gcc') && !existsSync('/usr/include/stdio.h')) missing.push('libc6-dev');
  if (missing.includes('gcc')) missing.push('libc6-dev');
  if (missing.length > 0) await install(say, missing, []);
  await ensureVirtualization(say);
}

function onPath(program: string): boolean {
  return ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((dir) => existsSync(join(dir, program)));
}

function isDebian(): boolean {
  return /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
}

async function ensureVirtualization(say: Say): Promise<void> {
  const libvirt = await majorOf('libvirtd', ['--version']);
  const qemu = await majorOf('qemu-system-x86_64', ['--version']);
  if (libvirt !== null && qemu !== null && onPath('virsh') && onPath('qemu-img')) {
    if (libvirt < LEAST_LIBVIRT || qemu < LEAST_QEMU) {
      throw new Error(`the lab needs libvirt ${LEAST_LIBVIRT} and QEMU ${LEAST_QEMU} or newer, this machine has ${libvirt} and ${qemu}; on Debian 12: apt-get install -t bookworm-backports ${VIRTUALIZATION.join(' ')}`);
    }
    if (onPath('virtlockd')) return;
  }
  const suite = await backportsSuite();
  // Of the same version as what is there: apt takes all from one suite.
  await install(say, [...VIRTUALIZATION, ...LOCKS], suite === null ? [] : await backportsOptions(suite, say));
}

async function majorOf(program: string, args: readonly string[]): Promise<number | null> {
  if (!onPath(program)) return null;
  const { stdout } = await run(program, args, { okCodes: 'any' });
  const major = /(\d+)\.\d+/.exec(stdout)?.[1];
  return major === undefined ? null : Number(major);
}

/** Debian 12 has libvirt 9 and QEMU 7.2; its backports have 11 and 10. */
async function backportsSuite(): Promise<string | null> {
  const release = readFileSync('/etc/os-release', 'utf8');
  return isDebian() && /^VERSION_CODENAME=bookworm$/m.test(release) ? 'bookworm-backports' : null;
}

/** The suite lies beside the one that this machine uses already: its address is taken from there. The machine's own list is not changed. */
async function backportsOptions(suite: string, say: Say): Promise<readonly string[]> {
  const uri = (await bookwormUri()) ?? (await afterUpdate(say));
  if (!uri) throw new Error('apt knows no Debian 12 archive beside which the backports could lie');
  const signedBy = existsSync(ARCHIVE_KEYS) ? `[signed-by=${ARCHIVE_KEYS}] ` : '';
  const dir = await mkdtemp(join(tmpdir(), 'reeve-apt-'));
  await run('cp', ['-r', '/etc/apt/.', dir]);
  await run('mkdir', ['-p', join(dir, 'sources.list.d')]);
  await writeFile(join(dir, 'sources.list.d', 'reeve-backports.list'), `deb ${signedBy}${uri} ${suite} main\n`);
  const options = ['-o', `Dir::Etc=${dir}`, '-t', suite];
  say(`asking ${suite} for its package lists`);
  await run('apt-get', ['-qq', ...options.slice(0, 2), 'update'], { timeoutMs: INSTALL_MS, env: quietEnv() });
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  return options;
}

/** Null when apt has no lists yet, as on a new machine. */
async function bookwormUri(): Promise<string | null> {
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(RELEASE) $(COMPONENT)', 'Created-By: Packages'], { okCodes: 'any' });
  return stdout.split('\n').map((one) => one.split(' ')).find(([, release, component]) => release === 'bookworm' && component === 'main')?.[0] ?? null;
}

async function afterUpdate(say: Say): Promise<string | null> {
  say('asking apt for its package lists');
  await run('apt-get', ['-qq', 'update'], { timeoutMs: INSTALL_MS, env: quietEnv() });
  return bookwormUri();
}

/** No service that comes with a package is started on this machine. */
async function install(say: Say, packages: readonly string[], options: readonly string[]): Promise<void> {
  say(`installing ${[...new Set(packages)].join(' ')}`);
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    if (options.length === 0) await run('apt-get', ['-qq', 'update'], { timeoutMs: INSTALL_MS, env: quietEnv() });
    await run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...options, 'install', '-y', '-qq', '--no-install-recommends', ...new Set(packages)], { timeoutMs: INSTALL_MS, env: quietEnv() });
  } finally {
    if (ours) await rm(policy, { force: true });
  }
}

const quietEnv = (): NodeJS.ProcessEnv => ({ ...process.env, DEBIAN_FRONTEND: 'noninteractive' });
