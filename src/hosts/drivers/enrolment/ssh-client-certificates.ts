// The ClientCertificates port over SSH.
import { OperationalError } from '../../../shared/errors.js';
import type { ClientCertificates, ContainerDriver, DaemonPeer, ShownCertificate } from '../../container-trust.js';
import { HYPERVISOR_NAMES } from '../../hypervisor.js';
import { certificateOf } from '../lxd/read-trust.js';
import { remoteNameOf } from '../lxd/remotes.js';
import { clearCertificatesScript, forgetCertificatesScript, letInScript, NOT_THERE, olderUsedScript, ownCertificateScript, preparedReachScript, prepareCertificateScript, useCertificateScript } from './client-certificate-script.js';
import type { RootShell } from './ssh-host-survey.js';

/** Above the scripts' own bounds. */
const ASK_MS = 60_000;
const CHANGE_MS = 120_000;

export interface KnownCertificate {
  readonly name: string;
  readonly fingerprint: string;
}

export class SshClientCertificates implements ClientCertificates {
  /** `known`: whom the daemon of this host lets in. */
  constructor(
    private readonly shell: RootShell,
    private readonly known: (driver: ContainerDriver) => Promise<readonly KnownCertificate[]>,
  ) {}

  async own(driver: ContainerDriver): Promise<ShownCertificate | null> {
    const { stdout } = await this.shell.run(ownCertificateScript(driver), { timeoutMs: ASK_MS, what: `the certificate of ${HYPERVISOR_NAMES[driver]}'s client` });
    return shown(stdout);
  }

  async prepare(driver: ContainerDriver): Promise<ShownCertificate> {
    const { stdout } = await this.shell.run(prepareCertificateScript(driver), { timeoutMs: CHANGE_MS, what: `a new certificate for ${HYPERVISOR_NAMES[driver]}'s client` });
    const made = shown(stdout);
    if (made === null) throw new OperationalError('failed', `no certificate was made for ${HYPERVISOR_NAMES[driver]}'s client`);
    return made;
  }

  async whyPreparedNotIn(peer: DaemonPeer): Promise<string | null> {
    const { stdout } = await this.shell.run(preparedReachScript(peer), { timeoutMs: ASK_MS, what: `the new certificate at ${peer.hostName}` });
    return stdout.trim() || null;
  }

  async use(driver: ContainerDriver, fingerprint: string): Promise<void> {
    const { code, stderr } = await this.shell.run(useCertificateScript(driver, fingerprint), { timeoutMs: CHANGE_MS, okCodes: [0, NOT_THERE], what: `the change of ${HYPERVISOR_NAMES[driver]}'s client to another certificate` });
    if (code === NOT_THERE) throw new OperationalError('not-found', stderr.trim());
  }

  async isOlderUsed(driver: ContainerDriver): Promise<boolean> {
    const { stdout } = await this.shell.run(olderUsedScript(driver), { timeoutMs: ASK_MS, what: `who uses ${HYPERVISOR_NAMES[driver]}'s client` });
    return stdout.trim() !== '';
  }

  async clear(driver: ContainerDriver): Promise<void> {
    await this.shell.run(clearCertificatesScript(driver), { timeoutMs: CHANGE_MS, what: 'removal of certificates that are not used' });
  }

  async letIn(driver: ContainerDriver, hostName: string, { pem, fingerprint }: ShownCertificate): Promise<void> {
    if ((await this.known(driver)).some((one) => one.fingerprint === fingerprint)) return;
    await this.shell.run(letInScript(driver, remoteNameOf(hostName), pem), { timeoutMs: CHANGE_MS, what: `the certificate of ${hostName}` });
  }

  async forget(driver: ContainerDriver, hostName: string, { fingerprint, others }: { readonly fingerprint: string; readonly others: boolean }): Promise<void> {
    const name = remoteNameOf(hostName);
    const gone = (await this.known(driver)).filter((one) => one.name === name && (one.fingerprint === fingerprint) !== others).map((one) => one.fingerprint);
    if (gone.length > 0) await this.shell.run(forgetCertificatesScript(driver, gone), { timeoutMs: CHANGE_MS, what: `removal of certificates of ${hostName}` });
  }
}

function shown(pem: string): ShownCertificate | null {
  const found = certificateOf(pem);
  return found && { ...found, pem };
}
