// The clusters of one control plane, as they keep out of each other's way: a host belongs to one of them.
import type { ClusterStore } from '../cluster/cluster-store.js';
import type { Host } from '../hosts/host.js';
import { UserError } from '../shared/errors.js';

export interface Neighbour {
  readonly name: string;
  readonly store: Pick<ClusterStore, 'readView'>;
}

/** Where a machine is reached by SSH. */
export interface Reachable {
  readonly address: string;
  readonly ssh: { readonly port: number };
}

export class Neighbours {
  readonly #all: Neighbour[] = [];
  #last: Promise<unknown> = Promise.resolve();

  join(cluster: Neighbour): void {
    this.#all.push(cluster);
  }

  /**
   * Adds a host, while no other cluster of this process does. Throws UserError when another cluster has it. A replica that adds it elsewhere at
   * the same moment is not seen; then the enrolment that comes second finds the other cluster's agent.
   */
  adding<T>(to: string, host: Reachable, add: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(async () => {
      await this.assertFree(to, host);
      return add();
    });
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  /** Throws UserError when a cluster other than `own` has a host there. */
  async assertFree(own: string, { address, ssh }: Reachable): Promise<void> {
    for (const { name, store } of this.#all.filter((one) => one.name !== own)) {
      const same = (await store.readView()).hosts.find((host: Host) => host.address === address && host.ssh.port === ssh.port);
      if (same) throw new UserError('conflict', `address: ${address} (SSH port ${ssh.port}) is ${same.name} of the cluster ${name}; a host belongs to one cluster`, `reeve --cluster ${name} host show ${same.name}`);
    }
  }
}
