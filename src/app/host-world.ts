// The hosts as the control plane reaches them: one SSH connection each, and the real adapters on top of it.
import { readFile } from 'node:fs/promises';
import { hostMember } from '../agent/witness.js';
import { leaveWithinMs } from '../cluster/cluster-policy.js';
import type { HostWorld } from '../cluster/execute/execute-ports.js';
import type { FenceDevice } from '../fencing/fence-device.js';
import { createFenceDevice } from '../fencing/devices/create-fence-device.js';
import { composeHypervisor } from '../hosts/drivers/compose-hypervisor.js';
import { SshHostSurveyor } from '../hosts/drivers/enrolment/ssh-host-survey.js';
import { SshContainerTrust } from '../hosts/drivers/enrolment/ssh-container-trust.js';
import { SshMigrationTrust } from '../hosts/drivers/enrolment/ssh-migration-trust.js';
import { needsOf } from '../hosts/drivers/libvirt/domain-needs.js';
import { vmDefinition } from '../hosts/drivers/libvirt/vm-definition.js';
import { seedWriter } from '../hosts/drivers/libvirt/write-seed.js';
import { DIALECTS } from '../hosts/drivers/lxd/dialect.js';
import { takesDefinition } from '../hosts/drivers/lxd/instance-definition.js';
import { instanceNeedsOf } from '../hosts/drivers/lxd/instance-needs.js';
import { wantedDefinition } from '../hosts/drivers/lxd/wanted-definition.js';
import { SshConnection } from '../hosts/drivers/ssh/ssh-connection.js';
import { SshHostAgent } from '../hosts/drivers/ssh/ssh-host-agent.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import type { EnrolmentSide } from '../hosts/enrolment-side.js';
import type { AgentConfig, AgentMember, HostAgent } from '../hosts/host-agent.js';
import { enforcesLease, type Host } from '../hosts/host.js';
import { driversOf } from '../hosts/drivers-of.js';
import { hasLibvirt } from '../hosts/host-facts.js';
import type { DriverName, Hypervisor } from '../hosts/hypervisor.js';
import type { Clock } from '../shared/clock.js';
import { OperationalError } from '../shared/errors.js';
import type { WorkloadNeeds } from '../workloads/workload.js';
import type { Config } from './config.js';
import type { Logger } from './logger.js';

export interface HostWorldOptions {
  readonly config: Pick<Config, 'ssh' | 'timing' | 'shutdown'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly clusterId: string;
  /** The control planes' ears, that every agent sends its heartbeats to. */
  readonly witnesses: () => readonly AgentMember[];
  /** Who has a vote on leases now. */
  readonly voters: () => AgentConfig['voters'];
  /** Path of the agent's bundle. */
  readonly agentBundle: string;
}

interface Reached {
  /** What the connection was made from; another one means a new connection. */
  readonly target: string;
  readonly ssh: SshConnection;
  /** Which daemons the hypervisor was put together with. */
  readonly daemons: string;
  readonly hypervisor: Hypervisor;
  readonly agent: HostAgent;
  readonly sinceMs: number;
}

/** A machine is looked at before it is added, and one just added is in no view that was read before: longer than an enrolment takes. */
const UNLISTED_MS = 600_000;

export class RealHostWorld implements HostWorld {
  readonly #reached = new Map<string, Reached>();
  /** Ids that a view has shown: without them the host is gone, not yet to come. */
  #listed: ReadonlySet<string> = new Set();
  #drivers: ReadonlyMap<string, DriverName> = new Map();

  constructor(private readonly options: HostWorldOptions) {}

  hypervisorOf = (host: Host): Hypervisor => this.#reach(host).hypervisor;
  agentOf = (host: Host): HostAgent => this.#reach(host).agent;

  fenceDevicesOf(host: Host): readonly FenceDevice[] {
    return host.fenceDevices.flatMap((config) => {
      const device = createFenceDevice(config);
      if (device.ok) return [device.value];
      this.options.log.warn({ host: host.name }, `fence device left out: ${device.error}`);
      return [];
    });
  }

  sideOf(host: Host, members: readonly Host[]): EnrolmentSide {
    const { ssh, agent } = this.#reach(host);
    const { id: hostId, name, address } = host;
    return {
      host: { hostId, name, address, user: host.ssh.user, port: host.ssh.port, hostKey: host.ssh.hostKey },
      surveyor: new SshHostSurveyor({ shell: ssh, clock: this.options.clock }),
      trust: new SshMigrationTrust({ shell: ssh, user: host.ssh.user }),
      containers: new SshContainerTrust(ssh),
      agent,
      config: this.agentConfigOf(host, members),
    };
  }

  agentConfigOf(host: Host, members: readonly Host[]): AgentConfig {
    const { clusterId, config, witnesses } = this.options;
    return {
      clusterId,
      hostId: host.id,
      name: host.name,
      keyHex: host.agentKey,
      heartbeatMs: config.timing.heartbeatMs,
      silentMs: config.timing.silentMs,
      watchdogMs: config.timing.watchdogMs,
      enforcesLease: enforcesLease(host),
      leaveWithinMs: leaveWithinMs({ gracefulShutdown: config.shutdown.policy, migrateWithinMs: config.shutdown.migrateWithinS * 1_000 }),
      voters: this.options.voters(),
      listen: host.links.map((address) => ({ address, port: host.heartbeatPort })),
      members: [...members.map(agentMember), ...witnesses()],
    };
  }

  makerOf(host: Host): ReturnType<HostWorld['makerOf']> {
    const { facts } = host;
    if (!facts) throw new OperationalError('failed', `the sizes of ${host.name} are not known`, `reeve host refresh ${host.name}`);
    return { definition: (vm) => vmDefinition(vm, facts), seed: seedWriter(this.#reach(host).ssh), instance: (wanted) => wantedDefinition(wanted, facts.architecture) };
  }

  needsOf(host: Host, definition: string): WorkloadNeeds {
    if (!INSTANCE_DRIVERS.some((driver) => takesDefinition(driver, definition))) return needsOf(definition, host.facts?.pools ?? []);
    const { facts } = host;
    // Limits can be parts of the host, and without limits it is all of it: a size that is not known must not be taken for none.
    if (!facts) throw new OperationalError('failed', `the sizes of ${host.name} are not known`, `reeve host refresh ${host.name}`);
    const pools = facts.containerDaemons.find(({ driver }) => takesDefinition(driver, definition))?.pools ?? [];
    return instanceNeedsOf(definition, { cpus: facts.cpus, memoryMiB: facts.memoryMiB, pools });
  }

  /** Ends connections of hosts that are gone, or are reached another way now. Which hypervisor runs a workload is known of all: one is asked, not each. */
  async follow({ hosts: known, workloads }: Pick<ClusterView, 'hosts' | 'workloads'>): Promise<void> {
    this.#drivers = new Map(workloads.map(({ uuid, needs }) => [uuid, needs.driver]));
    const gone = this.#listed;
    this.#listed = new Set(known.map(({ id }) => id));
    for (const [id, reached] of this.#reached) {
      const host = known.find((one) => one.id === id);
      const isKept = host ? this.#targetOf(host) === reached.target : !gone.has(id) && this.options.clock.monotonicMs() - reached.sinceMs < UNLISTED_MS;
      if (!isKept) await this.#leave(id, reached);
    }
  }

  async close(): Promise<void> {
    for (const [id, reached] of this.#reached) await this.#leave(id, reached);
  }

  async #leave(id: string, { ssh }: Reached): Promise<void> {
    this.#reached.delete(id);
    await ssh.close().catch(() => undefined);
  }

  #targetOf(host: Host): string {
    return JSON.stringify([host.address, host.ssh]);
  }

  #reach(host: Host): Reached {
    const target = this.#targetOf(host);
    const known = this.#reached.get(host.id);
    if (known?.target === target) return this.#withDaemons(host, known);
    void known?.ssh.close().catch(() => undefined);
    const { config, agentBundle } = this.options;
    const { user, port, hostKey } = host.ssh;
    const ssh = new SshConnection({ name: host.name, address: host.address, port, user, hostKey, identityFile: host.ssh.identityFile ?? config.ssh.identityFile });
    return this.#keep(host, { target, ssh, agent: new SshHostAgent({ ssh, agentBundle: () => readFile(agentBundle) }), sinceMs: this.options.clock.monotonicMs() });
  }

  /** A daemon that has come or gone since: the same connection, other hypervisors on it. */
  #withDaemons(host: Host, known: Reached): Reached {
    return known.daemons === daemonsOf(host) ? known : this.#keep(host, known);
  }

  #keep(host: Host, { target, ssh, agent, sinceMs }: Pick<Reached, 'target' | 'ssh' | 'agent' | 'sinceMs'>): Reached {
    const hypervisor = composeHypervisor({ ssh, clock: this.options.clock, known: host.facts?.containerDaemons ?? [], hasLibvirt: hasLibvirt(host.facts), driverOf: (uuid) => this.#drivers.get(uuid) });
    const made: Reached = { target, ssh, agent, sinceMs, daemons: daemonsOf(host), hypervisor };
    this.#reached.set(host.id, made);
    return made;
  }
}

const INSTANCE_DRIVERS = Object.values(DIALECTS).map(({ driver }) => driver);

function daemonsOf(host: Host): string {
  return driversOf(host.facts).toSorted().join();
}

function agentMember(host: Host): AgentMember {
  const { isVoter: _isVoter, ...member } = hostMember(host);
  return member;
}
