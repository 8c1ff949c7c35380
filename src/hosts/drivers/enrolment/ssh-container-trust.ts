// The ContainerTrust port over SSH: what LXD's and Incus' own commands do, as root on the host.
import { z } from 'zod';
import { OperationalError } from '../../../shared/errors.js';
import type { ContainerDriver, ContainerTrust, DaemonDoor, DaemonPeer } from '../../container-trust.js';
import { HYPERVISOR_NAMES } from '../../hypervisor.js';
import { remoteNameOf } from '../lxd/remotes.js';
import { DAEMONS_SCRIPT, doorsOf } from './container-daemons.js';
import { certificatesScript, dropScript, inviteScript, joinScript, OURS, reachScript } from './container-trust-script.js';
import { SshClientCertificates } from './ssh-client-certificates.js';
import type { RootShell } from './ssh-host-survey.js';
import { splitLine } from './survey-script.js';

/** Above the scripts' own bounds for the daemon, and for others that change the same files. */
const ASK_MS = 60_000;
const CHANGE_MS = 120_000;

const certificatesSchema = z.array(z.object({ name: z.string().default(''), fingerprint: z.string() }));

export class SshContainerTrust implements ContainerTrust {
  readonly certificates: SshClientCertificates;

  constructor(private readonly shell: RootShell) {
    this.certificates = new SshClientCertificates(shell, (driver) => this.#certificates(driver));
  }

  async doors(): Promise<readonly DaemonDoor[]> {
    const { stdout } = await this.shell.run(DAEMONS_SCRIPT, { timeoutMs: ASK_MS, what: 'look for daemons for containers' });
    return doorsOf(stdout.split('\n').map(splitLine));
  }

  async whyNotIn(peer: DaemonPeer): Promise<string | null> {
    const { stdout } = await this.shell.run(reachScript(remoteNameOf(peer.hostName), peer), { timeoutMs: ASK_MS, what: `look at the remote for ${peer.hostName}` });
    return stdout.trim() || null;
  }

  async invite(driver: ContainerDriver, hostName: string): Promise<string> {
    const name = remoteNameOf(hostName);
    const known = (await this.#certificates(driver)).filter((one) => one.name === name).map(({ fingerprint }) => fingerprint);
    const { stdout } = await this.shell.run(inviteScript(driver, name, known), { timeoutMs: CHANGE_MS, what: `a token for ${hostName}` });
    const token = stdout.trim();
    if (!/^[A-Za-z0-9+/=]{40,}$/.test(token)) throw new OperationalError('failed', `${HYPERVISOR_NAMES[driver]} gave no token for ${hostName}`);
    return token;
  }

  async join(peer: DaemonPeer, token: string): Promise<void> {
    await this.shell.run(joinScript(remoteNameOf(peer.hostName), peer), { timeoutMs: CHANGE_MS, input: `${token}\n`, what: `the remote for ${peer.hostName}` });
  }

  async drop(hostNames: readonly string[]): Promise<void> {
    const names = hostNames.map(remoteNameOf);
    await this.#drop((name) => names.includes(name), names);
  }

  async revoke(): Promise<void> {
    await this.#drop((name) => name.startsWith(OURS), null);
  }

  async #drop(isTheirs: (name: string) => boolean, names: readonly string[] | null): Promise<void> {
    for (const { driver } of await this.doors()) {
      const known = (await this.#certificates(driver)).filter((one) => isTheirs(one.name)).map(({ fingerprint }) => fingerprint);
      await this.shell.run(dropScript(driver, names, known), { timeoutMs: CHANGE_MS, what: 'removal of remotes' });
    }
  }

  async #certificates(driver: ContainerDriver): Promise<z.infer<typeof certificatesSchema>> {
    const { stdout } = await this.shell.run(certificatesScript(driver), { timeoutMs: ASK_MS, what: `who is known to ${HYPERVISOR_NAMES[driver]}` });
    try {
      return certificatesSchema.parse(JSON.parse(stdout));
    } catch {
      throw new OperationalError('failed', `${HYPERVISOR_NAMES[driver]} gave an answer that cannot be read: ${stdout.slice(0, 80)}`);
    }
  }
}
