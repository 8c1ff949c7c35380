// What the kernel shows about this host: boot id, load, free memory, and the workloads whose processes run.
import { readdirSync, readFileSync } from 'node:fs';
import { isUuid } from '../../cluster/wire.js';
import type { Vitals } from '../agent-ports.js';
import type { Process } from './containers.js';
import { readText } from './read-text.js';

export function readBootId(procDir: string): string {
  return readFileSync(`${procDir}/sys/kernel/random/boot_id`, 'utf8').trim();
}

export function readVitals(procDir: string): Vitals {
  return { load1: Number(readText(`${procDir}/loadavg`).split(' ')[0]) || 0, freeMemoryMiB: availableMiB(readText(`${procDir}/meminfo`)) };
}

function availableMiB(meminfo: string): number {
  const match = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo);
  return match ? Math.floor(Number(match[1]) / 1024) : 0;
}

/** Null when the processes cannot be listed, which must not look like "none". */
export function readProcesses(procDir: string): readonly Process[] | null {
  const pids = processIds(procDir);
  return pids && pids.map((pid) => ({ pid: Number(pid), command: readText(`${procDir}/${pid}/cmdline`) }));
}

function processIds(procDir: string): readonly string[] | null {
  try {
    return readdirSync(procDir).filter((name) => /^\d+$/.test(name));
  } catch {
    return null;
  }
}

/** Process ids of all QEMU processes by their workload's uuid. The kernel knows them even when the hypervisor's daemon hangs. */
export function machinesOf(processes: readonly Process[]): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const { pid, command } of processes) {
    const uuid = uuidOfCommand(command);
    if (uuid) found.set(uuid, [...(found.get(uuid) ?? []), pid]);
  }
  return found;
}

/** The `-uuid` of a QEMU command line, as in /proc/PID/cmdline; null for anything else. */
export function uuidOfCommand(cmdline: string): string | null {
  const words = cmdline.split('\0');
  const program = (words[0] ?? '').split('/').at(-1) ?? '';
  if (!/^qemu(-system-|-kvm$|$)|^kvm$/.test(program)) return null;
  const uuid = words[words.indexOf('-uuid') + 1]?.toLowerCase() ?? '';
  return words.includes('-uuid') && isUuid(uuid) ? uuid : null;
}

/** The host epoch in the guard's record, if this boot is admitted; see the guard for its form. */
export function readHostEpoch(guardDir: string, bootId: string): number | null {
  const [version, boot, host] = readText(`${guardDir}/state`).trim().split(' ');
  const epoch = Number(host);
  return version === '1' && boot === bootId && Number.isInteger(epoch) && epoch >= 0 ? epoch : null;
}
