// Keeps what is known of healthy hosts fresh: their sizes and pools, and the definitions of the workloads that run there.
import type { HostWorld } from '../execute/execute-ports.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import { healingNews } from '../healing.js';
import { certificateNews } from '../trust.js';
import type { ClusterStore } from '../cluster-store.js';
import type { ClusterView } from '../cluster-view.js';
import type { Host } from '../../hosts/host.js';
import { messageOf } from '../../shared/errors.js';
import type { Log } from '../../shared/log.js';
import type { Workload, WorkloadNeeds } from '../../workloads/workload.js';

export interface RefresherPorts {
  readonly store: ClusterStore;
  readonly world: HostWorld;
  /** Null: another replica leads, and refreshes. */
  readonly leaderEpoch: () => number | null;
}

export class FactsRefresher {
  #running = false;
  /** Workloads of which it was seen that nothing lacks: a definition that changes is read anew as a whole. */
  readonly #complete = new Set<string>();

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
      const facts = await hypervisor.facts();
      const changes: Change[] = [{ change: 'host', id: host.id, set: { facts } }, ...healingNews(host, facts), ...certificateNews(host, facts)];
      for (const workload of view.workloads.filter((one) => one.hostId === host.id && one.state === 'running')) {
        // One that can't be read now, because its hypervisor is mute, keeps nothing else from being known.
        const definition = await hypervisor.definition(workload.uuid).catch(() => workload.definition);
        const needs = definition === workload.definition ? this.#readAnew(host, workload) : changed(workload, this.ports.world.needsOf(host, definition));
        if (definition !== workload.definition || needs !== workload.needs) changes.push({ change: 'workload', id: workload.id, set: { definition, needs } });
      }
      await this.#autostartOff(view, host);
      const leaderEpoch = this.ports.leaderEpoch();
      if (leaderEpoch !== null) await this.ports.store.commit(changes, { viewVersion: null, leaderEpoch });
    } catch (error) {
      this.log.debug({ host: host.name }, `facts: ${messageOf(error)}`);
    }
  }

  /** What can't be read now was read when it was taken into care. */
  #readAnew(host: Host, { id, definition, needs }: Workload): WorkloadNeeds {
    if (this.#complete.has(id)) return needs;
    try {
      const now = completed(needs, this.ports.world.needsOf(host, definition));
      if (now === needs) this.#complete.add(id);
      return now;
    } catch (error) {
      this.log.debug({ host: host.name }, `definition: ${messageOf(error)}`);
      return needs;
    }
  }

  /** Whoever switched it on by hand: at its next boot the host would start what may run elsewhere by then. */
  async #autostartOff(view: ClusterView, host: Host): Promise<void> {
    if (view.disarm?.mode === 'ignore') return;
    const shown = view.inventories.find((one) => one.hostId === host.id && one.bootId === host.bootId)?.workloads ?? [];
    for (const { uuid } of shown.filter((one) => one.autostart)) {
      const workload = view.workloads.find((one) => one.uuid === uuid && one.isProtected && one.desired !== 'unmanaged');
      if (!workload || view.operations.some((operation) => operation.workloadId === workload.id)) continue;
      const token = { leaderEpoch: view.leaderEpoch, hostEpoch: host.hostEpoch, workload: { uuid, epoch: workload.workloadEpoch } };
      await this.ports.world.hypervisorOf(host).setAutostart(token, uuid, false);
      await this.ports.store.appendEvents([event('workload.autostart-off', `${workload.name} would have been started by ${host.name} itself at boot: switched off, as it is protected`, { severity: 'notice', workload: workload.name, host: host.name })]);
    }
  }
}

/** The definition has the sizes of the next start; those of now are what the inventory shows. */
const changed = ({ needs: { vcpus, memoryMiB } }: Workload, read: WorkloadNeeds): WorkloadNeeds => ({ ...read, vcpus, memoryMiB });

/** With what an older release did not read of the same definition. The same object: there is nothing of that. */
function completed(needs: WorkloadNeeds, read: WorkloadNeeds): WorkloadNeeds {
  const { hugepages, cpuFeatures } = read;
  const rootMiB = needs.instance?.rootMiB === undefined ? read.instance?.rootMiB : undefined;
  const lacking = { ...(hugepages && !needs.hugepages ? { hugepages } : {}), ...(cpuFeatures && !needs.cpuFeatures ? { cpuFeatures } : {}) };
  const instance = needs.instance && rootMiB !== undefined ? { instance: { ...needs.instance, rootMiB } } : {};
  return Object.keys({ ...lacking, ...instance }).length === 0 ? needs : { ...needs, ...lacking, ...instance };
}
