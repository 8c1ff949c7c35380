// The loss of hosts, tried: what has a place elsewhere, and what stays down.
import type { Workload } from '../../workloads/workload.js';
import { NOWHERE } from './cluster-model.js';
import type { Packing } from './packing.js';
import { placeBatch } from './place-batch.js';

export interface Loss {
  /** Units that are to run elsewhere. */
  readonly lost: readonly number[];
  /** Those of them that find no place, what matters most first. */
  readonly down: readonly number[];
}

/** What is not protected is nobody's to recover; what is in error waits for a person. */
export const isRecovered = ({ isProtected, desired, state }: Pick<Workload, 'isProtected' | 'desired' | 'state'>): boolean => isProtected && desired === 'running' && state !== 'error';

/** It is tried for every host of a cluster: what may stay down by this may yet find a place in a search that takes longer. */
const EFFORT = 300_000;

/** Leaves the packing as it was. `whileLost`: looks at it when what has a place has been put there. */
export function loseHosts(packing: Packing, hosts: readonly number[], whileLost: (loss: Loss) => void = () => {}): Loss {
  const { units } = packing.model;
  const gone = hosts.flatMap((host) => [...(packing.standing[host] ?? [])]).sort((one, other) => one - other);
  const lost = gone.filter((unit) => units[unit]?.workloads.some(isRecovered));
  const closedBefore = hosts.map((host) => packing.closed[host] ?? 0);
  const homes = gone.map((unit) => packing.take(unit));
  for (const host of hosts) packing.closed[host] = 1;
  const { unplaced: down } = placeBatch(packing, { units: lost, effort: EFFORT });
  whileLost({ lost, down });
  for (const unit of lost) packing.take(unit);
  hosts.forEach((host, nth) => {
    packing.closed[host] = closedBefore[nth] ?? 0;
  });
  gone.forEach((unit, nth) => packing.put(unit, homes[nth] ?? NOWHERE));
  return { lost, down };
}
