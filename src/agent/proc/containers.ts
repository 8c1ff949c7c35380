// The processes of containers, as the kernel shows them: the daemon that runs them is not asked, it may hang. Looked for by two ways, and gone only when neither shows any.
import { mayBeGroupOf, monitorOf, ownerByMounts, payloadOf, starterOf, type InstanceWord } from '../../hosts/instance-word.js';
import { readText } from './read-text.js';

export interface Process {
  readonly pid: number;
  /** As in /proc/PID/cmdline. */
  readonly command: string;
}

export interface ContainerProcesses {
  /** Process 1 of the container. With it the kernel ends all that are in its pid namespace. */
  readonly inits: readonly number[];
  /** All that are in its control group: they show it also when its monitor was killed. */
  readonly payload: readonly number[];
  /** About to make it run. */
  readonly starting: readonly number[];
}

/** What must be ended, so that it ends. */
export function toKill({ inits, payload, starting }: ContainerProcesses): readonly number[] {
  return [...(inits.length > 0 ? inits : payload), ...starting];
}

interface Monitor {
  readonly pid: number;
  readonly word: InstanceWord;
  readonly inits: readonly number[];
}

/** Of the containers that are asked for, those of which anything lives. */
export function containersOf(procDir: string, processes: readonly Process[], words: readonly InstanceWord[]): ReadonlyMap<InstanceWord, ContainerProcesses> {
  const payloads = groupByPayload(procDir, processes);
  const monitors = processes.flatMap((process) => monitorsAt(procDir, process));
  const owners = ownersOf(procDir, monitors);
  const starters = processes.map(({ pid, command }) => ({ pid, word: starterOf(command) })).filter(({ word }) => word !== null);
  const found = new Map<InstanceWord, ContainerProcesses>();
  for (const word of words) {
    const own = monitors.filter((one) => one.word === word);
    const inits = own.flatMap((one) => one.inits);
    const payload = [...payloads].filter(([name, pids]) => isOf(procDir, { word, name, pids }, owners)).flatMap(([, pids]) => pids);
    const starter = starters.filter((one) => one.word === word);
    // A monitor alone is about to start it, or about to end: the first only beside the command that starts it.
    const starting = starter.length === 0 ? [] : [...starter, ...own.filter((one) => one.inits.length === 0)].map(({ pid }) => pid);
    if (starting.length > 0 || [...inits, ...payload].some((pid) => isAlive(procDir, pid))) found.set(word, { inits, payload, starting });
  }
  return found;
}

function groupByPayload(procDir: string, processes: readonly Process[]): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>();
  for (const { pid } of processes) {
    const name = payloadOf(readText(`${procDir}/${pid}/cgroup`));
    if (name === null) continue;
    const group = groups.get(name);
    if (group) group.push(pid);
    else groups.set(name, [pid]);
  }
  return groups;
}

function monitorsAt(procDir: string, { pid, command }: Process): readonly Monitor[] {
  const word = monitorOf(command);
  if (word === null || !isHostsOwn(procDir, pid)) return [];
  // Its hooks are its children too; only process 1 is in the container's group.
  const children = readText(`${procDir}/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return [{ pid, word, inits: children.filter((child) => payloadOf(readText(`${procDir}/${child}/cgroup`)) !== null) }];
}

/** Anybody can take such a title: here only root's count, and none that is in a container itself, where LXD may run too. */
function isHostsOwn(procDir: string, pid: number): boolean {
  const status = readText(`${procDir}/${pid}/status`);
  return /^Uid:\s+0\s/m.test(status) && !/^NSpid:\s+\d+\s+\d/m.test(status);
}

/** Whose a group is beyond doubt: it holds the child of a living monitor. */
function ownersOf(procDir: string, monitors: readonly Monitor[]): ReadonlyMap<string, InstanceWord> {
  return new Map(monitors.flatMap(({ word, inits }) => inits.map((pid) => [payloadOf(readText(`${procDir}/${pid}/cgroup`)) ?? '', word] as const)));
}

interface Group {
  readonly word: InstanceWord;
  readonly name: string;
  readonly pids: readonly number[];
}

/** Without a monitor the mounts tell, and where they do not, a name that may be its own counts as its own: nothing of ours is missed. */
function isOf(procDir: string, { word, name, pids }: Group, owners: ReadonlyMap<string, InstanceWord>): boolean {
  const owner = owners.get(name);
  if (owner !== undefined) return owner === word;
  if (!mayBeGroupOf(name, word)) return false;
  for (const pid of pids) {
    const shown = ownerByMounts(readText(`${procDir}/${pid}/mountinfo`));
    if (shown !== null) return shown === word;
  }
  return true;
}

/** One that has ended and waits for its parent does nothing any more. Of one with several threads the first may have ended alone. */
function isAlive(procDir: string, pid: number): boolean {
  const status = readText(`${procDir}/${pid}/status`);
  return status !== '' && !(/^State:\s+[ZX]/m.test(status) && !/^Threads:\s+([2-9]|\d\d)/m.test(status));
}
