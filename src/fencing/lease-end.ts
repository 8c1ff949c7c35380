// The LeaseEnd port: has the lease of a host surely ended? Sought beside the fence devices; the faster proof wins.

export type LeaseEndState =
  | { readonly kind: 'over'; readonly evidence: string }
  /** It will be over in a known time. */
  | { readonly kind: 'running-out'; readonly why: string }
  /** Promises are still missing: it may take for ever. */
  | { readonly kind: 'asking'; readonly why: string }
  /** The host enforces no lease: there is no such proof. */
  | { readonly kind: 'none'; readonly why: string };

export interface LeaseEnd {
  /** Has the voters asked, and says how far that is. Safe to call again and again, also by another worker. */
  look(): Promise<LeaseEndState>;
  /** Nobody is asked any more. Promises that were made stand. */
  withdraw(): void;
}
