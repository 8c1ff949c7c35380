// The hosts as one replica of the control plane reaches them: the same ports as over SSH, through the simulated network.
import type { HostWorld } from '../cluster/execute/execute-ports.js';
import type { FenceDevice } from '../fencing/fence-device.js';
import { simulatedNeeds } from './simulated-needs.js';
import type { ContainerTrust } from '../hosts/container-trust.js';
import type { EnrolmentSide } from '../hosts/enrolment-side.js';
import type { AgentConfig, HostAgent } from '../hosts/host-agent.js';
import type { Host } from '../hosts/host.js';
import type { HostSurveyor } from '../hosts/host-survey.js';
import type { BlockPools, Hypervisor, InstanceCopies } from '../hosts/hypervisor.js';
import type { MigrationTrust } from '../hosts/migration-trust.js';
import { Defect } from '../shared/errors.js';
import type { WorkloadNeeds } from '../workloads/workload.js';
import type { SimProcess } from './engine/sim-process.js';
import type { Position } from './network.js';
import { guestDefinition } from './scenario/setup-cluster.js';
import { SimulatedHostAgent } from './simulated-host-agent.js';
import { SimulatedHypervisor } from './simulated-hypervisor.js';
import type { SimulatedWorld } from './simulated-world.js';

export interface HostWorldParts {
  readonly world: SimulatedWorld;
  /** Shared by all replicas: a device that hangs, hangs for everybody. */
  readonly fenceDevicesOf: (host: string) => readonly FenceDevice[];
  readonly agentConfigOf: (host: Host, members: readonly Host[]) => AgentConfig;
}

export class SimulatedHostWorld implements HostWorld {
  readonly #hypervisors = new Map<string, Hypervisor>();
  readonly #agents = new Map<string, HostAgent>();

  constructor(
    private readonly process: SimProcess,
    private readonly from: Position,
    private readonly parts: HostWorldParts,
  ) {}

  hypervisorOf(host: Host): Hypervisor {
    const known = this.#hypervisors.get(host.name) ?? this.#reach(host);
    this.#hypervisors.set(host.name, known);
    return known;
  }

  #reach({ name }: Host): Hypervisor {
    const hypervisor = new SimulatedHypervisor(this.parts.world, name, this.from);
    return this.process.through<Hypervisor>(hypervisor, { copies: this.process.through<InstanceCopies>(hypervisor.copies), pools: this.process.through<BlockPools>(hypervisor.pools) });
  }

  agentOf(host: Host): HostAgent {
    const known = this.#agents.get(host.name) ?? this.process.through<HostAgent>(new SimulatedHostAgent(this.parts.world, host.name, this.from));
    this.#agents.set(host.name, known);
    return known;
  }

  fenceDevicesOf(host: Host): readonly FenceDevice[] {
    return this.parts.fenceDevicesOf(host.name).map((device) => this.process.through(device));
  }

  sideOf(host: Host, members: readonly Host[]): EnrolmentSide {
    const { id, name, address, ssh } = host;
    return {
      host: { hostId: id, name, address, user: ssh.user, port: ssh.port, hostKey: ssh.hostKey },
      surveyor: noSurveyor,
      trust: this.process.through(this.#trust(host)),
      containers: noContainers,
      agent: this.agentOf(host),
      config: this.parts.agentConfigOf(host, members),
    };
  }

  makerOf(_host: Host): ReturnType<HostWorld['makerOf']> {
    return {
      definition: (vm) => guestDefinition(vm.uuid, { name: vm.spec.name, kind: 'vm', cpus: vm.spec.vcpus, memoryMiB: vm.spec.memoryMiB }, vm.disks[0]?.path),
      seed: () => Promise.reject(new Defect('no simulated guest has a seed')),
      instance: ({ uuid, spec }) => guestDefinition(uuid, { name: spec.name, kind: 'container', storage: 'local', cpus: spec.vcpus ?? 1, memoryMiB: spec.memoryMiB ?? 64 }),
    };
  }

  needsOf(host: Host, definition: string): WorkloadNeeds {
    return simulatedNeeds(definition, host.facts?.pools ?? []);
  }

  async follow(): Promise<void> {
    // Simulated connections are not kept.
  }

  /** Keys are not simulated; that the host must be reached for them is. */
  #trust({ name }: Host): MigrationTrust {
    const ask = <Answer>(method: string, answer: Answer): Promise<Answer> => this.parts.world.command({ host: name, from: this.from, method, timeoutMs: 8_000 }, () => answer);
    return {
      publicKey: () => ask('publicKey', `key of ${name}`),
      admitPeers: () => ask('admitPeers', undefined),
      dropPeers: () => ask('dropPeers', undefined),
      revoke: () => ask('revoke', undefined),
      reach: () => ask('reach', null),
    };
  }
}

const noContainers: ContainerTrust = {
  doors: async () => [],
  whyNotIn: () => Promise.reject(new Defect('no simulated host has a daemon for containers')),
  invite: () => Promise.reject(new Defect('no simulated host has a daemon for containers')),
  join: () => Promise.reject(new Defect('no simulated host has a daemon for containers')),
  drop: async () => undefined,
  revoke: async () => undefined,
  certificates: {
    own: async () => null,
    prepare: () => Promise.reject(new Defect('no simulated host has a daemon for containers')),
    whyPreparedNotIn: () => Promise.reject(new Defect('no simulated host has a daemon for containers')),
    use: () => Promise.reject(new Defect('no simulated host has a daemon for containers')),
    isOlderUsed: async () => false,
    clear: async () => undefined,
    letIn: () => Promise.reject(new Defect('no simulated host has a daemon for containers')),
    forget: async () => undefined,
  },
};

/** Hosts are members from the beginning of a scenario: none is enrolled. */
const noSurveyor: HostSurveyor = {
  survey: () => Promise.reject(new Defect('no simulated host is enrolled')),
  markPools: () => Promise.reject(new Defect('no simulated host is enrolled')),
  unmarkPools: () => Promise.reject(new Defect('no simulated host is enrolled')),
  setUpLocks: () => Promise.reject(new Defect('no simulated host is enrolled')),
  holdTrialLock: () => Promise.reject(new Defect('no simulated host is enrolled')),
  meetTrialLock: () => Promise.reject(new Defect('no simulated host is enrolled')),
  dropTrialLock: () => Promise.reject(new Defect('no simulated host is enrolled')),
};
