// Who the members are, as last read from the store; told onward only when that changed.
import type { AgentMember } from '../../hosts/host-agent.js';
import type { Host } from '../../hosts/host.js';
import type { ClusterStore } from '../cluster-store.js';
import type { ClusterView } from '../cluster-view.js';
import type { VoterSet } from '../quorum-lease.js';

export interface MembersPorts {
  readonly store: Pick<ClusterStore, 'readView'>;
  /** The witnesses that have made themselves known. */
  readonly listWitnesses: () => Promise<readonly AgentMember[]>;
}

export class Members {
  hosts: readonly Host[] = [];
  witnesses: readonly AgentMember[];
  /** The set of voters that every host is to judge its lease by. */
  voters: VoterSet | null = null;
  /** Operations under way that write the configuration of all members: enrolments and removals. */
  writers: readonly string[] = [];
  onChange: (view: ClusterView) => Promise<void> = async () => undefined;
  #known = '';
  /** The same objects hold the same: a store that keeps its view gives it again. */
  #seen: { readonly view: ClusterView; readonly all: readonly AgentMember[] } | null = null;
  #looking: Promise<void> | null = null;

  constructor(
    private readonly ports: MembersPorts,
    private readonly own: AgentMember,
  ) {
    this.witnesses = [own];
  }

  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    let view: ClusterView;
    let all: readonly AgentMember[];
    try {
      view = await this.ports.store.readView();
      all = await this.ports.listWitnesses();
      this.witnesses = [this.own, ...all.filter((one) => one.id !== this.own.id)];
    } catch {
      return; // the store is away: the last known members stay
    }
    this.hosts = view.hosts;
    this.voters = view.voters.at(-1) ?? null;
    this.writers = view.operations.filter(({ kind }) => kind === 'enrol' || kind === 'remove').map(({ id }) => id);
    if (view === this.#seen?.view && all === this.#seen.all) return;
    this.#seen = { view, all };
    const now = JSON.stringify([this.voters, view.hosts.map(({ id, condition, hostEpoch, agentKey, links, ssh, address }) => [id, condition, hostEpoch, agentKey, links, ssh, address]), this.witnesses, view.operations.filter((one) => one.kind === 'enrol').map((one) => one.hostId)]);
    if (now === this.#known) return;
    this.#known = now;
    await this.onChange(view).catch(() => {
      this.#known = '';
      this.#seen = null;
    });
  }
}
