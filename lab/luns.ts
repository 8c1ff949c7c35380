// LUNs: block devices that every host of the lab sees by the same name, on files of the machine; and pools of LXD and Incus on them.
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clientOf } from './containers.js';
import { DAEMON_FILES, type InstanceDaemon } from './daemons.js';
import type { Lab, LabHost } from './lab.js';
import { run } from './shell.js';
import { waitUntil } from './wait-until.js';

const DEFAULT_MIB = 512;
/** The daemons wait 10 s for udev's name of the file system that it made. */
const CREATE_MS = 30_000;
const UNMOUNTED_MS = 15_000;

export const lunPath = (name: string): string => `/dev/lun-${name}`;
const dirOf = (lab: Lab): string => join(lab.stateDir, 'luns');
const imageOf = (lab: Lab, name: string): string => join(dirOf(lab), `${name}.img`);

/** Every host sees it as `/dev/lun-NAME` from now on, also after a power cycle: what is written on it stays. */
export async function addLun(lab: Lab, name: string, sizeMiB = DEFAULT_MIB): Promise<string> {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) throw new Error(`name of a LUN: lower-case letters, digits and hyphens, not "${name}"`);
  if (existsSync(imageOf(lab, name))) throw new Error(`there is a LUN ${name} already`);
  await mkdir(dirOf(lab), { recursive: true });
  await run('truncate', ['-s', `${sizeMiB}M`, imageOf(lab, name)]);
  const device = (await run('losetup', ['-f', '--show', imageOf(lab, name)])).stdout.trim();
  await writeFile(join(dirOf(lab), `${name}.device`), device);
  const [major, minor] = (await run('stat', ['-c', '%t %T', device])).stdout.trim().split(' ').map((hex) => String(Number.parseInt(hex, 16)));
  for (const host of lab.hosts) if ((await lab.powerState(host)) === 'on') await lab.exec(host, ['mknod', '-m', '660', lunPath(name), 'b', major ?? '', minor ?? '']);
  return lunPath(name);
}

/** A pool of a daemon of that host on a LUN of its own, known by the UUID of its file system, as the daemon keeps it wherever there is an udev. */
export async function addLunPool(lab: Lab, host: LabHost, { pool = `ha-${host.name}`, sizeMiB = DEFAULT_MIB, daemon = 'lxd' }: { readonly pool?: string; readonly sizeMiB?: number; readonly daemon?: InstanceDaemon } = {}): Promise<string> {
  const device = await addLun(lab, pool, sizeMiB);
  // udev would see the new file system by itself.
  const script = '"$3" storage create -q "$1" btrfs source="$2" & pid=$!; while kill -0 $pid 2>/dev/null; do udevadm trigger; sleep 0.1; done; wait $pid';
  await lab.exec(host, ['env', 'HOME=/root', 'sh', '-c', script, 'sh', pool, device, DAEMON_FILES[daemon].client], { timeoutMs: CREATE_MS, input: '' });
  for (const one of lab.hosts) if ((await lab.powerState(one)) === 'on') await lab.exec(one, ['udevadm', 'trigger']);
  const source = (await clientOf(lab, host, daemon, ['storage', 'get', pool, 'source'])).stdout.trim();
  if (source.startsWith('/')) throw new Error(`${daemon} knows the pool ${pool} by its path ${source}`);
  return pool;
}

/**
 * A power cut after which there is on the LUN what was on it at that moment. Elsewhere in the lab a cut takes the processes, and the machine's
 * kernel writes what they had not synced; here that is taken back, so what a guest was told to be on the disk has to be there by itself.
 */
export async function powerCutWithLun(lab: Lab, host: LabHost, name: string): Promise<void> {
  const image = imageOf(lab, name);
  const device = (await readFile(join(dirOf(lab), `${name}.device`), 'utf8')).trim();
  await lab.hang(host);
  // The kernel's own threads go on, and may write a superblock in the middle of the copy.
  for (;;) {
    const before = await superblock(image);
    await cp(image, `${image}.cut`);
    if ((await superblock(image)) === before) break;
  }
  await lab.powerCut(host);
  const uuid = (await run('blkid', ['-p', '-o', 'value', '-s', 'UUID', device])).stdout.trim();
  await waitUntil(`${name} to be unmounted`, async () => !existsSync(`/sys/fs/btrfs/${uuid}`), { timeoutMs: UNMOUNTED_MS });
  await run('dd', [`if=${image}.cut`, `of=${device}`, 'bs=1M', 'oflag=direct', 'conv=notrunc', 'status=none']);
}

async function superblock(image: string): Promise<string> {
  return (await run('sh', ['-c', 'dd if="$1" bs=4096 skip=16 count=1 status=none | sha256sum', 'sh', image])).stdout;
}
