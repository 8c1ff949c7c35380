// The MigrationTrust port over SSH.
import { OperationalError } from '../../../shared/errors.js';
import type { MigrationPeer, MigrationTrust } from '../../migration-trust.js';
import type { RootShell } from './ssh-host-survey.js';
import { changePeersScript, peerLine, publicKeyScript, reachScript, revokeScript } from './trust-script.js';

/** Above the 10 s that the scripts wait for each other. */
const CHANGE_MS = 20_000;
/** Above the script's own bounds for the login and for libvirt. */
const REACH_MS = 45_000;

export class SshMigrationTrust implements MigrationTrust {
  readonly #shell: RootShell;
  readonly #user: string;

  /** `user`: whom Reeve logs in as, and so whom the other hosts' libvirt logs in as. */
  constructor({ shell, user }: { readonly shell: RootShell; readonly user: string }) {
    this.#shell = shell;
    this.#user = user;
  }

  async publicKey(): Promise<string> {
    const { stdout } = await this.#shell.run(publicKeyScript(this.#user), { timeoutMs: CHANGE_MS, what: 'migration key' });
    const key = stdout.trim();
    if (!/^ssh-ed25519 [A-Za-z0-9+/=]+$/.test(key)) throw new OperationalError('failed', `the migration key could not be read: ${key.slice(0, 80)}`);
    return key;
  }

  async admitPeers(peers: readonly MigrationPeer[]): Promise<void> {
    const script = changePeersScript(this.#user, peers.map((peer) => peer.hostId));
    await this.#shell.run(script, { timeoutMs: CHANGE_MS, input: peers.map(peerLine).join(''), what: 'trust for migration' });
  }

  async dropPeers(hostIds: readonly string[]): Promise<void> {
    await this.#shell.run(changePeersScript(this.#user, hostIds), { timeoutMs: CHANGE_MS, input: '', what: 'removal of trust for migration' });
  }

  async revoke(): Promise<void> {
    await this.#shell.run(revokeScript(this.#user), { timeoutMs: CHANGE_MS, what: 'removal of trust for migration' });
  }

  async reach(peer: Omit<MigrationPeer, 'publicKey'>): Promise<string | null> {
    const { stdout } = await this.#shell.run(reachScript(peer), { timeoutMs: REACH_MS, what: `login to ${peer.name}` });
    const why = stdout.trim();
    return why === '' ? null : why;
  }
}
