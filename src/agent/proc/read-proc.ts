// What the kernel shows about this host: boot id, load, free memory, and the workloads whose processes run.
import { readdirSync, readFileSync } from 'node:fs';
import { isUuid } from '../../cluster/wire.js';
import type { Vitals } from '../agent-ports.js';

export function readBootId(procDir: string): string {
  return readFileSync(`${procDir}/sys/kernel/random/boot_id`, 'utf8').trim();
}

export function readVitals(procDir: string): Vitals {
  return { load1: Number(textOf(`${procDir}/loadavg`).split(' ')[0]) || 0, freeMemoryMiB: availableMiB(textOf(`${procDir}/meminfo`)) };
}

function availableMiB(meminfo: string): number {
  const match = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo);
  return match ? Math.floor(Number(match[1]) / 1024) : 0;
}

/**
 * Process ids of all QEMU processes by their workload's uuid; null when the processes cannot be listed, which must not look
 * like "none". The kernel knows them even when the hypervisor's daemon hangs.
 */
export function readRunning(procDir: string): ReadonlyMap<string, readonly number[]> | null {
  const pids = processIds(procDir);
  if (!pids) return null;
  const found = new Map<string, number[]>();
  for (const pid of pids) {
    const uuid = uuidOfCommand(textOf(`${procDir}/${pid}/cmdline`));
    if (uuid) found.set(uuid, [...(found.get(uuid) ?? []), Number(pid)]);
  }
  return found;
}

function processIds(procDir: string): readonly string[] | null {
  try {
    return readdirSync(procDir).filter((name) => /^\d+$/.test(name));
  } catch {
    return null;
  }
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
  const [version, boot, host] = textOf(`${guardDir}/state`).trim().split(' ');
  const epoch = Number(host);
  return version === '1' && boot === bootId && Number.isInteger(epoch) && epoch >= 0 ? epoch : null;
}

/** Empty when it cannot be read: a process may end between listing and reading. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
