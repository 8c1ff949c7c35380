// What the suites of Hypervisor and HostAgent need of a world, real or simulated: two hosts that share a pool.
import type { AgentConfig, HostAgent } from '../../src/hosts/host-agent.js';
import type { CommandToken, Hypervisor, ObservedWorkload } from '../../src/hosts/hypervisor.js';

export interface RigHost {
  readonly name: string;
  readonly address: string;
  readonly hypervisor: Hypervisor;
  readonly agent: HostAgent;
}

export interface Guest {
  readonly uuid: string;
  readonly name: string;
  readonly memoryMiB?: number;
  /** Absolute path of a raw image. */
  readonly disk?: string;
  readonly bridge?: string;
  /** Has so much memory in use that a slow migration takes many seconds. */
  readonly isHeavy?: boolean;
}

/** What a hypervisor has not, by its own word: what needs it is not asked of it. */
export type Lack =
  | 'disks' // it makes the disks of its workloads itself
  | 'live-migration'
  | 'stop-reasons' // it does not keep how a workload came to its end
  | 'process-probe'; // its workloads' processes do not carry their uuid

export interface ConformanceRig {
  readonly hosts: readonly [RigHost, RigHost];
  readonly sharedPool: string;
  readonly localPool: string;
  definition(guest: Guest): string;
  /** What must be at a host before the guest can be defined there: the data, where a definition alone makes none. */
  prepare?(host: RigHost, guest: Guest): Promise<void>;
  /** Takes the power away and gives it back; resolves when SSH answers again. */
  powerCycle(host: RigHost): Promise<void>;
  /** The guests' bridge of a host loses its only uplink, or has it again. */
  cutUplink(host: RigHost, isCut: boolean): Promise<void>;
  /** Something on the host reports failing hardware; null: no more. */
  reportFailing(host: RigHost, reason: string | null): Promise<void>;
  sleepMs(ms: number): Promise<void>;
  close(): Promise<void>;
}

let guests = 0;

/** A new guest for each test, so that no epoch of an earlier test matters. */
export function newGuest(more: Partial<Guest> = {}): Guest {
  guests += 1;
  const tail = guests.toString(16).padStart(4, '0');
  const run = (process.pid % 65_536).toString(16).padStart(4, '0');
  return { uuid: `c0f0c0f0-0000-4000-8000-0000${run}${tail}`, name: `guest-${run}-${guests}`, memoryMiB: 16, ...more };
}

/** The control plane's side: epochs that only rise. */
export class Epochs {
  leader = 1;
  readonly #hosts = new Map<string, number>();
  readonly #workloads = new Map<string, number>();

  hostEpoch(host: RigHost): number {
    return this.#hosts.get(host.name) ?? 1;
  }

  raiseHost(host: RigHost): void {
    this.#hosts.set(host.name, this.hostEpoch(host) + 1);
  }

  raiseWorkload(guest: Guest): void {
    this.#workloads.set(guest.uuid, this.#epoch(guest) + 1);
  }

  token(host: RigHost, guest?: Guest): CommandToken {
    const base = { leaderEpoch: this.leader, hostEpoch: this.hostEpoch(host) };
    return guest ? { ...base, workload: { uuid: guest.uuid, epoch: this.#epoch(guest) } } : base;
  }

  #epoch(guest: Guest): number {
    return this.#workloads.get(guest.uuid) ?? 1;
  }
}

export function agentConfig(host: RigHost): AgentConfig {
  return { clusterId: 'conformance', hostId: host.name, name: host.name, keyHex: '00'.repeat(32), heartbeatMs: 500, watchdogMs: 3_000, enforcesLease: false, leaveWithinMs: 0, voters: null, silentMs: 2_000, listen: [], members: [] };
}

/** Installs, and admits the present boot with the next epoch when it is not admitted. */
export async function admit(host: RigHost, epochs: Epochs): Promise<void> {
  const { bootId } = await host.agent.probe(8_000);
  const state = await host.agent.guardState();
  if (state.admittedBootId === bootId && state.hostEpoch === epochs.hostEpoch(host)) return;
  while (epochs.hostEpoch(host) <= state.hostEpoch) epochs.raiseHost(host);
  await host.agent.admit(epochs.token(host), bootId);
}

/** As enrolment leaves a host: each has its agent, and is admitted. */
export async function admitAll({ hosts }: Pick<ConformanceRig, 'hosts'>, epochs: Epochs): Promise<void> {
  for (const host of hosts) {
    await host.agent.install(agentConfig(host));
    await admit(host, epochs);
  }
}

/** Polls until the answer is not null; a bound and a description, since a hang tells nobody anything. */
export async function eventually<Answer>(rig: ConformanceRig, what: string, look: () => Promise<Answer | null>, tries = 400): Promise<Answer> {
  for (let left = tries; left > 0; left -= 1) {
    const answer = await look();
    if (answer !== null) return answer;
    await rig.sleepMs(50);
  }
  throw new Error(`never happened: ${what}`);
}

export const seen = (workload: ObservedWorkload | null): string => (workload === null ? 'absent' : workload.runState);
