// The MigrationTrust port: lets libvirt on one host reach libvirt on the others over SSH. Real adapter: drivers/enrolment.

/** Another host, as this one reaches it. */
export interface MigrationPeer {
  /** Tags what is written for it, so that it can be removed again. */
  readonly hostId: string;
  readonly name: string;
  readonly address: string;
  readonly user: string;
  readonly port: number;
  /** The pinned host key: "ssh-ed25519 AAAA…". */
  readonly hostKey: string;
  /** Its migration key, which may come here: "ssh-ed25519 AAAA…". */
  readonly publicKey: string;
}

/** One host's side. Every call is bounded, may be made twice, and throws OperationalError. */
export interface MigrationTrust {
  /** This host's migration key; made if there is none. */
  publicKey(): Promise<string>;
  /** Lets these hosts come here, and makes them known here. What was written for them before is replaced. */
  admitPeers(peers: readonly MigrationPeer[]): Promise<void>;
  /** Removes what was written for these hosts. */
  dropPeers(hostIds: readonly string[]): Promise<void>;
  /** Removes everything that Reeve put there for migration, the key included. */
  revoke(): Promise<void>;
  /** Really logs in to the other host, the way libvirt will. Null: it worked; else why not. */
  reach(peer: Omit<MigrationPeer, 'publicKey'>): Promise<string | null>;
}
