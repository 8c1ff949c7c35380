// ReplayGuard: accepts each message of a sender once, and none from before its restart.

interface Seen {
  startStamp: number;
  /** Per link: datagrams of different links may overtake each other. */
  readonly sequences: Map<number, number>;
}

export class ReplayGuard {
  readonly #seen = new Map<bigint, Seen>();

  accept(message: { readonly sender: bigint; readonly link: number; readonly startStamp: number; readonly sequence: number }): boolean {
    const seen = this.#seen.get(message.sender);
    if (seen && message.startStamp < seen.startStamp) return false;
    if (!seen || message.startStamp > seen.startStamp) {
      this.#seen.set(message.sender, { startStamp: message.startStamp, sequences: new Map([[message.link, message.sequence]]) });
      return true;
    }
    if (message.sequence <= (seen.sequences.get(message.link) ?? -1)) return false;
    seen.sequences.set(message.link, message.sequence);
    return true;
  }

  /** A host that was removed and enrolled anew has a new key, and may have a clock from before. */
  forget(sender: bigint): void {
    this.#seen.delete(sender);
  }
}
