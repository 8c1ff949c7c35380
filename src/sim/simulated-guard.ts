// The guard's rules without a host: the same refusals as the script that runs on real ones.
import { OperationalError } from '../shared/errors.js';
import type { GuardState } from '../hosts/host-agent.js';
import type { CommandToken } from '../hosts/hypervisor.js';

/** Lies on the host's disk: it survives a power cycle, and no admission of an older boot counts after it. */
export class SimulatedGuard {
  #bootId: string | null = null;
  #hostEpoch = -1;
  #leaderEpoch = 0;
  readonly #workloads = new Map<string, number>();
  readonly #hostName: string;

  constructor(hostName: string) {
    this.#hostName = hostName;
  }

  check(token: CommandToken, currentBootId: string): void {
    if (this.#hostEpoch < 0) throw this.#refused('this host was never admitted');
    if (this.#bootId !== currentBootId) throw this.#refused('this boot of the host is not admitted');
    if (token.hostEpoch !== this.#hostEpoch) throw this.#refused(`host epoch ${token.hostEpoch} is not the admitted one, ${this.#hostEpoch}`);
    this.#checkLeader(token);
    this.#leaderEpoch = token.leaderEpoch;
    if (!token.workload) return;
    const seen = this.#workloads.get(token.workload.uuid) ?? 0;
    if (token.workload.epoch < seen) throw this.#refused(`epoch ${token.workload.epoch} of workload ${token.workload.uuid} is over, ${seen} was seen`);
    this.#workloads.set(token.workload.uuid, token.workload.epoch);
  }

  admit(token: CommandToken, bootId: string, currentBootId: string): void {
    if (bootId !== currentBootId) throw this.#refused(`asked to admit boot ${bootId}, this is boot ${currentBootId}`);
    this.#checkLeader(token);
    if (token.hostEpoch < this.#hostEpoch) throw this.#refused(`host epoch ${token.hostEpoch} is over, ${this.#hostEpoch} was seen`);
    if (this.#bootId !== currentBootId && token.hostEpoch === this.#hostEpoch) throw this.#refused(`a new boot needs a host epoch above ${this.#hostEpoch}`);
    this.#bootId = bootId;
    this.#hostEpoch = token.hostEpoch;
    this.#leaderEpoch = token.leaderEpoch;
  }

  state(currentBootId: string): GuardState {
    return { admittedBootId: this.#bootId === currentBootId ? this.#bootId : null, hostEpoch: Math.max(0, this.#hostEpoch), leaderEpoch: this.#leaderEpoch };
  }

  #checkLeader(token: CommandToken): void {
    if (token.leaderEpoch < this.#leaderEpoch) throw this.#refused(`leader epoch ${token.leaderEpoch} is over, ${this.#leaderEpoch} was seen`);
  }

  #refused(why: string): OperationalError {
    return new OperationalError('guard-refused', `${this.#hostName} refused: ${why}`);
  }
}
