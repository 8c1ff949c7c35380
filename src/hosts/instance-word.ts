// What the kernel shows of a container of LXD or Incus: the title of its monitor, and the control group of its processes.

/** "lxd:NAME", "incus:NAME", as the guard notes it; NAME with its project's in front, as in "p_c1", where that is not the default one. */
export type InstanceWord = string;

const WORD = /^(lxd|incus):[A-Za-z0-9][A-Za-z0-9._-]*$/;

export const isInstanceWord = (text: string): boolean => WORD.test(text);

const nameOf = (word: InstanceWord): string => word.slice(word.indexOf(':') + 1);

/** Whatever the daemon's own directory is: /var/lib/lxd, /var/snap/lxd/common/lxd, /var/lib/incus. LXC's own containers lie in /var/lib/lxc. */
const CONTAINERS = /\/(lxd|incus)\/containers$/;

/** Of a line of /proc/PID/cmdline: the container whose monitor it is; its child is the container's process 1. */
export function monitorOf(command: string): InstanceWord | null {
  const [, path, name] = /^\[lxc monitor\] ([^\s\0]+) ([^\s\0]+)\0*$/.exec(command) ?? [];
  return wordOf(path, name);
}

/** The container that this command of the daemon is about to start. It ends once the container runs. */
export function starterOf(command: string): InstanceWord | null {
  if (!command.includes('\0forkstart\0')) return null;
  const [program = '', verb, name, path] = command.split('\0');
  return verb === 'forkstart' && /(^|\/)(lxd|incusd?)$/.test(program) ? wordOf(path, name) : null;
}

function wordOf(path: string | undefined, name: string | undefined): InstanceWord | null {
  const driver = CONTAINERS.exec(path ?? '')?.[1];
  const word = `${driver}:${name}`;
  return driver !== undefined && isInstanceWord(word) ? word : null;
}

/**
 * Of the text of /proc/PID/cgroup: what follows "lxc.payload." in the container's group. The outermost: a container in a container belongs to that.
 * Null: it is in no container.
 */
export function payloadOf(groups: string): string | null {
  return /lxc\.payload\.([^/\n]+)/.exec(groups)?.[1] ?? null;
}

/**
 * May the group be of this container? liblxc adds -1, -2 … to the name while groups of that name are left over. So the group "c1-1" may be of c1, or
 * of a container that is named c1-1.
 */
export function mayBeGroupOf(payload: string, word: InstanceWord): boolean {
  const name = nameOf(word);
  return payload === name || (payload.startsWith(`${name}-`) && /^\d{1,4}$/.test(payload.slice(name.length + 1)));
}

/** Of the text of /proc/PID/mountinfo of a process in a container: whose it is, by the directory that its daemon shares with it. Null: it has none, or no more. */
export function ownerByMounts(mounts: string): InstanceWord | null {
  const [, root, driver] = /^\S+ \S+ \S+ (\S+) \/dev\/\.(lxd|incus)-mounts /m.exec(mounts) ?? [];
  const word = `${driver}:${root?.split('/').at(-1)}`;
  return isInstanceWord(word) ? word : null;
}
