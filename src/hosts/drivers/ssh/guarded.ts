// Puts the guard in front of a command, and reads its refusals.
import { OperationalError } from '../../../shared/errors.js';
import type { CommandToken } from '../../hypervisor.js';
import { GUARD_BUSY, GUARD_PATH, GUARD_REFUSED } from './guard-script.js';
import type { RunResult } from './ssh-connection.js';

export interface GuardOptions {
  /** Gives up the guard's locks before the command starts: only for long work that is harmless when late. */
  readonly release?: boolean;
  /** `hold`: only while the host's lease holds, and the workload is under it from now on. `drop`: it is under it no longer. */
  readonly lease?: 'hold' | 'drop';
  /** Of a container: by what name its processes are known to the kernel, "lxd:NAME". QEMU's carry the uuid. */
  readonly instance?: string;
}

/** The words of a guarded command. */
export function guarded(token: CommandToken, command: readonly string[], options: GuardOptions = {}): string[] {
  const workload = token.workload ? ['--workload', `${token.workload.uuid}:${token.workload.epoch}`] : [];
  const release = [...(options.release ? ['--release'] : []), ...(options.lease ? [`--lease-${options.lease}`] : []), ...(options.instance === undefined ? [] : ['--instance', options.instance])];
  return [GUARD_PATH, 'run', '--leader', String(token.leaderEpoch), '--host', String(token.hostEpoch), ...workload, ...release, '--', ...command];
}

/** The guard's own answer, as an error; null when the command was let through. */
export function guardRefusal(result: RunResult, hostName: string): OperationalError | null {
  const line = result.stderr.split('\n').find((text) => text.startsWith('reeve-guard: '));
  if (line !== undefined) {
    const words = line.slice('reeve-guard: '.length);
    if (result.code === GUARD_REFUSED) return new OperationalError('guard-refused', `${hostName} ${words}`, remedyOf(words, hostName));
    if (result.code === GUARD_BUSY) return new OperationalError('busy', `${hostName} is ${words}`);
    return new OperationalError('failed', `${hostName}: the guard: ${words}`);
  }
  if (result.code === 127 && result.stderr.includes(GUARD_PATH)) {
    return new OperationalError('guard-refused', `${hostName} has no guard: its agent is not installed`, `reeve host add ${hostName}`);
  }
  return null;
}

function remedyOf(words: string, hostName: string): string | null {
  if (words.includes('damaged')) return `on ${hostName}, when nothing of it runs elsewhere: rm -r /var/lib/reeve/guard; then: reeve host add ${hostName}`;
  if (words.includes('was seen')) return `if this control plane was set up anew for the same hosts, on ${hostName}: rm -r /var/lib/reeve/guard`;
  return null;
}
