// Promises of one voter: whom it acknowledges at no epoch up to which, and who has stopped enforcing its lease. Kept durably.
//
// A promise is on disk before anybody hears of it, and holds through every restart of the voter: the take-over counts on it.

export interface KeptPromises {
  /** By host id: acknowledged at no epoch up to this one. */
  readonly excluded: Readonly<Record<string, number>>;
  /** By host id: the start stamp of the agent that said it enforces its lease no longer (a planned stop). */
  readonly unenforced: Readonly<Record<string, number>>;
  /** Requests of older leaders are refused. */
  readonly leaderEpoch: number;
}

export const NO_PROMISES: KeptPromises = { excluded: {}, unenforced: {}, leaderEpoch: 0 };

export interface PromiseStore {
  load(): KeptPromises;
  /** Returns once it is durable; throws when it can't be made so. */
  save(kept: KeptPromises): void;
}

export interface ExclusionRequest {
  readonly hostId: string;
  readonly epoch: number;
  readonly leaderEpoch: number;
}

interface Said {
  readonly startStamp: number;
  readonly enforcing: boolean;
}

export class Promises {
  #kept: KeptPromises;
  readonly #said = new Map<string, Said>();
  /** From the configuration: epochs that are over for good. */
  #leastEpochs: ReadonlyMap<string, number> = new Map();

  constructor(private readonly store: PromiseStore) {
    this.#kept = store.load();
  }

  /** Epochs below these are never acknowledged; promises about them are no longer needed. */
  setLeastEpochs(leastEpochs: ReadonlyMap<string, number>): void {
    this.#leastEpochs = leastEpochs;
  }

  /** Makes the promise, durably; false when the request comes from an older leader. Throws when it can't be written down. */
  promise({ hostId, epoch, leaderEpoch }: ExclusionRequest): boolean {
    if (leaderEpoch < this.#kept.leaderEpoch) return false;
    if ((this.#kept.excluded[hostId] ?? -1) >= epoch && leaderEpoch === this.#kept.leaderEpoch) return true;
    const excluded = { ...this.#kept.excluded, [hostId]: Math.max(epoch, this.#kept.excluded[hostId] ?? -1) };
    this.#save({ ...this.#kept, excluded, leaderEpoch });
    return true;
  }

  /** Is the lease of this host at this epoch acknowledged no more? A host that was not admitted has none. */
  isExcluded(hostId: string, epoch: number | null): boolean {
    if (epoch === null) return true;
    return epoch <= (this.#kept.excluded[hostId] ?? -1) || epoch < (this.#leastEpochs.get(hostId) ?? 0);
  }

  /** What a host says about its own enforcing. That it stops is written down: a take-over must hear of it. */
  heard(hostId: string, startStamp: number, enforcing: boolean): void {
    const before = this.#said.get(hostId);
    if (before?.startStamp === startStamp && before.enforcing === enforcing) return;
    const isKept = this.#kept.unenforced[hostId] !== undefined;
    if (!enforcing && !isKept) this.#save({ ...this.#kept, unenforced: { ...this.#kept.unenforced, [hostId]: startStamp } });
    if (enforcing && isKept) {
      const { [hostId]: _over, ...unenforced } = this.#kept.unenforced;
      this.#save({ ...this.#kept, unenforced });
    }
    this.#said.set(hostId, { startStamp, enforcing });
  }

  /** Null: it has said nothing since our start, and nothing is written down. */
  isEnforcing(hostId: string): boolean | null {
    if (this.#kept.unenforced[hostId] !== undefined) return false;
    return this.#said.get(hostId)?.enforcing ?? null;
  }

  #save(kept: KeptPromises): void {
    this.store.save(kept);
    this.#kept = kept;
  }
}
