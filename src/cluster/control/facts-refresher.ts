// Keeps what is known of healthy hosts fresh: their sizes and pools, and the definitions of the workloads that run there.
import type { HostWorld } from '../execute/execute-ports.js';
import type { Change } from '../change.js';
import type { ClusterStore } from '../cluster-store.js';
import type { ClusterView } from '../cluster-view.js';
import type { Host } from '../../hosts/host.js';
import { messageOf } from '../../shared/errors.js';
import type { Log } from '../../shared/log.js';

export interface RefresherPorts {
  readonly store: ClusterStore;
  readonly world: HostWorld;
  /** Null: another replica leads, and refreshes. */
  readonly leaderEpoch: () => number | null;
}

export class FactsRefresher {
  #running = false;

  constructor(
    private readonly ports: RefresherPorts,
    private readonly log: Log,
  ) {}

  /** One host after the other: this is never urgent. Never throws. */
  async refresh(): Promise<void> {
    if (this.#running || this.ports.leaderEpoch() === null) return;
    this.#running = true;
    try {
      const view = await this.ports.store.readView();
      for (const host of view.hosts.filter((one) => one.condition === 'online')) await this.#refreshHost(view, host);
    } catch (error) {
      this.log.debug(`facts: ${messageOf(error)}`);
    } finally {
      this.#running = false;
    }
  }

  async #refreshHost(view: ClusterView, host: Host): Promise<void> {
    try {
      const hypervisor = this.ports.world.hypervisorOf(host);
      const changes: Change[] = [{ change: 'host', id: host.id, set: { facts: await hypervisor.facts() } }];
      for (const workload of view.workloads.filter((one) => one.hostId === host.id && one.state === 'running')) {
        const definition = await hypervisor.definition(workload.uuid);
        if (definition !== workload.definition) changes.push({ change: 'workload', id: workload.id, set: { definition, needs: this.ports.world.needsOf(host, definition) } });
      }
      const leaderEpoch = this.ports.leaderEpoch();
      if (leaderEpoch !== null) await this.ports.store.commit(changes, { viewVersion: null, leaderEpoch });
    } catch (error) {
      this.log.debug({ host: host.name }, `facts: ${messageOf(error)}`);
    }
  }
}
