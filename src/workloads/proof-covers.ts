// What the proof about a host says of one workload.
import { isOff, type Host } from '../hosts/host.js';
import type { Workload } from './workload.js';

/** The end of a lease says nothing about what did not run under it: that may run on. Every other proof is about the whole host. */
export function proofCovers({ id, proof }: Pick<Host, 'id' | 'proof'>, { leasedOn }: Pick<Workload, 'leasedOn'>): boolean {
  return proof !== null && (proof.kind !== 'lease-expired' || leasedOn === id);
}

/** The host is known to be off, as far as this workload is concerned: nothing of it runs there. */
export function isOffFor(host: Pick<Host, 'id' | 'condition' | 'proof'>, workload: Pick<Workload, 'leasedOn'>): boolean {
  return isOff(host) && proofCovers(host, workload);
}
