// What is left on the machine of a lab that was taken down: it must be nothing.
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../lab/shell.js';

const GROUPS = '/sys/fs/cgroup';

/** Everything on the machine that bears a lab's name. */
export async function leftOf(name: string): Promise<readonly string[]> {
  const lines = async (command: string, ...args: readonly string[]): Promise<readonly string[]> => (await run(command, args)).stdout.split('\n');
  const namespaces = (await lines('ip', 'netns', 'list')).filter((line) => line.startsWith(`${name}-`));
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').filter((line) => line.includes(`/reeve-lab/${name}/`) || line.startsWith(`lab-${name} `));
  const processes = (await lines('ps', '-e', '-o', 'args')).filter((line) => line.includes(`/reeve-lab/${name}`));
  const loops = (await lines('losetup', '-l', '-n', '-O', 'BACK-FILE')).filter((line) => line.includes(`/reeve-lab/${name}/`));
  const files = existsSync(`/var/lib/reeve-lab/${name}`) ? [`/var/lib/reeve-lab/${name}`] : [];
  return [...namespaces, ...mounts, ...processes, ...loops, ...(await groupsOf(name)), ...files];
}

/** In every hierarchy that the machine has. */
async function groupsOf(name: string): Promise<readonly string[]> {
  const hierarchies = existsSync(join(GROUPS, 'freezer')) ? (await readdir(GROUPS)).map((one) => join(GROUPS, one)) : [GROUPS];
  const found = await Promise.all(hierarchies.map(async (one) => (await readdir(one).catch(() => [])).filter((group) => group.startsWith(`reeve-${name}-`)).map((group) => join(one, group))));
  return found.flat();
}
