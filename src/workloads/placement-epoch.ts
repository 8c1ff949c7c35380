// Epochs of a workload's placement: which commands belong to which try of which operation, as the guards on the hosts compare them.
import type { CommandToken } from '../hosts/hypervisor.js';

/**
 * Each try of an operation has two: one for the way there, and the next for the way back. A command that was sent on the way there and
 * comes late, after the way back was begun or another worker took over, is older than what the host has seen by then.
 */
export const EPOCHS_PER_TRY = 2;

/** The epoch of the next try: above both of this one. */
export const nextTry = (epoch: number): number => epoch + EPOCHS_PER_TRY;

/** For commands that take back what this try did. */
export function wayBackToken(token: CommandToken): CommandToken {
  return token.workload ? { ...token, workload: { ...token.workload, epoch: token.workload.epoch + 1 } } : token;
}
