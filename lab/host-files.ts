// The files that make a lab host itself: keys, network, libvirt's configuration, pools. They go into its overlay's upper layer.
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DAEMONS, DAEMON_FILES, type InstanceDaemon } from './daemons.js';
import { run } from './shell.js';

export interface HostPlan {
  readonly name: string;
  readonly index: number;
  readonly links: readonly [string, string];
}

export interface FilesInput {
  readonly upper: string;
  readonly host: HostPlan;
  /** The lab's control key, which may log in as root. */
  readonly controlPublicKey: string;
  readonly keysDir: string;
  readonly initScript: string;
  readonly hostsFile: string;
  /** Of the others it has none, as far as anybody on it can see. */
  readonly daemons: readonly InstanceDaemon[];
  /** What starts a daemon for containers. */
  readonly daemonScript: string;
  readonly hasLibvirt: boolean;
  /** Its LXD is initialised with the others', as one cluster. */
  readonly isClustered: boolean;
  /** What stands for udev. */
  readonly udevScript: string;
}

export async function writeHostFiles({ upper, host, controlPublicKey, keysDir, initScript, hostsFile, daemons, daemonScript, hasLibvirt, isClustered, udevScript }: FilesInput): Promise<void> {
  const key = join(keysDir, `${host.name}.ed25519`);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', host.name, '-f', key]);
  const machineId = `${'0'.repeat(24)}${(0xabc00000 + host.index).toString(16)}`;
  const put = async (path: string, content: string, mode = 0o644): Promise<void> => {
    const file = join(upper, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { mode });
    await chmod(file, mode);
  };
  await put('etc/hostname', `${host.name}\n`);
  await put('etc/machine-id', `${machineId}\n`);
  await put('etc/hosts', hostsFile);
  await put('etc/resolv.conf', '');
  await put('etc/lab-network', `LINK0=${host.links[0]}\nLINK1=${host.links[1]}\n`);
  await put('usr/sbin/lab-init', await readFile(initScript, 'utf8'), 0o755);
  await put('usr/bin/udevadm', await readFile(udevScript, 'utf8'), 0o755);
  await put('root/.bashrc', '');
  await put('root/.profile', '');
  await put('root/.ssh/authorized_keys', `${controlPublicKey}\n`, 0o600);
  await chmod(join(upper, 'root/.ssh'), 0o700);
  await mkdir(join(upper, 'etc/ssh'), { recursive: true });
  await copyFile(key, join(upper, 'etc/ssh/ssh_host_ed25519_key'));
  await chmod(join(upper, 'etc/ssh/ssh_host_ed25519_key'), 0o600);
  await put('etc/ssh/sshd_config', SSHD);
  await put('etc/libvirt/libvirtd.conf', libvirtd(host.index));
  await put('etc/libvirt/qemu.conf', qemu(host.links[0]));
  await put('etc/libvirt/qemu-lockd.conf', LOCKD);
  for (const [name, path, digit] of POOLS) {
    await put(`etc/libvirt/storage/${name}.xml`, pool(name, path, digit, host.index));
    await mkdir(join(upper, 'etc/libvirt/storage/autostart'), { recursive: true });
    await symlink(`/etc/libvirt/storage/${name}.xml`, join(upper, `etc/libvirt/storage/autostart/${name}.xml`)).catch(() => undefined);
  }
  await mkdir(join(upper, 'var/log/libvirt'), { recursive: true });
  await mkdir(join(upper, 'srv/local'), { recursive: true });
  await mkdir(join(upper, 'srv/shared'), { recursive: true });
  for (const daemon of daemons) {
    await put(`usr/sbin/lab-${daemon}`, await readFile(daemonScript, 'utf8'), 0o755);
    await put(`etc/lab-${daemon}.yaml`, isClustered && daemon === 'lxd' ? '' : daemonPreseed(host.links[0], DAEMON_FILES[daemon].port));
  }
  await hide(upper, [...DAEMONS.filter((daemon) => !daemons.includes(daemon)).flatMap((daemon) => DAEMON_FILES[daemon].programs), ...(hasLibvirt ? [] : LIBVIRT_PROGRAMS)]);
}

const LIBVIRT_PROGRAMS = ['usr/sbin/libvirtd', 'usr/sbin/virtlockd', 'usr/bin/virsh', 'usr/bin/virt-admin', 'usr/bin/qemu-system-x86_64', 'usr/bin/qemu-img'];

/** As overlayfs has it: a device 0,0 in the upper layer is a file that is not there. */
async function hide(upper: string, programs: readonly string[]): Promise<void> {
  for (const program of programs) {
    await mkdir(join(upper, dirname(program)), { recursive: true });
    await run('mknod', [join(upper, program), 'c', '0', '0']);
  }
}

/** No trust between hosts, and no remotes: who needs them makes them. Containers join br0 as guests do, and keep MAC and address when they move. */
export function daemonPreseed(address: string, port: number): string {
  return `config: {core.https_address: "${address}:${port}", images.auto_update_interval: "0"}
networks: []
storage_pools:
- {name: default, driver: dir, config: {rsync.compression: "false"}}
profiles:
- name: default
  devices:
    root: {path: /, pool: default, type: disk}
    eth0: {name: eth0, nictype: bridged, parent: br0, type: nic}
`;
}

const POOLS = [
  ['shared', '/srv/shared', '1'],
  ['local', '/srv/local', '2'],
] as const;

function pool(name: string, path: string, digit: string, index: number): string {
  const uuid = `5555555${digit}-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;
  return `<pool type='dir'><name>${name}</name><uuid>${uuid}</uuid><source/><target><path>${path}</path></target></pool>\n`;
}

/** The default key exchange costs 90 ms of CPU here; the rest is what a hardened host has. Limits are OpenSSH's own defaults. */
const SSHD = `HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PidFile none
KexAlgorithms curve25519-sha256
Subsystem sftp internal-sftp
`;

function libvirtd(index: number): string {
  return `host_uuid = "0000${index.toString(16).padStart(4, '0')}-aaaa-4bbb-8ccc-${index.toString(16).padStart(12, '0')}"
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_group = "root"
max_clients = 500
max_workers = 30
min_workers = 4
prio_workers = 4
keepalive_interval = 5
keepalive_count = 3
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
`;
}

/** No cgroups, no security driver, root: the host is a set of namespaces. migration_host is what a real host would resolve. */
function qemu(address: string): string {
  return `user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
migration_address = "0.0.0.0"
migration_host = "${address}"
keepalive_interval = 5
keepalive_count = 3
shared_filesystems = [ "/srv/shared" ]
lock_manager = "lockd"
`;
}

/** Locks lie beside the disks, so that all hosts see them; of disks that are devices as well, which no host could lock for another otherwise. */
const LOCKD = `auto_disk_leases = 1
require_lease_for_disks = 1
file_lockspace_dir = "/srv/shared/lockspace"
`;
