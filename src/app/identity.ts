// What a control plane makes for itself at its first start: API token and SSH key; in each cluster its id and the witness key.
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { AgentMember } from '../hosts/host-agent.js';
import type { PostgresSettings } from '../store/settings.js';
import type { ClusterConfig, Config } from './config.js';
import type { Logger } from './logger.js';

const run = promisify(execFile);

/** Of one replica in one cluster. */
export interface Identity {
  readonly clusterId: string;
  /** This replica's ear, as the agents know it. */
  readonly witness: AgentMember;
}

/** What all clusters of a control plane share: the SSH key, and the API token, which is returned. */
export async function makeAccess(config: Config, settings: PostgresSettings, log: Logger): Promise<string> {
  await mkdir(config.stateDir, { recursive: true, mode: 0o700 });
  await ensureSshKey(config, log);
  return ensureToken(config, settings, log);
}

export async function makeIdentity(replicaName: string, { stateDir, witness: { advertise } }: Pick<ClusterConfig, 'stateDir' | 'witness'>, settings: PostgresSettings): Promise<Identity> {
  const clusterId = await settings.setOnce('clusterId', randomUUID());
  // A replica that lost its folder has forgotten what it promised: it is another voter, and the old one's promises stay nobody's.
  const id = `witness:${replicaName}:${await instanceOf(stateDir)}`;
  const keyHex = await settings.setOnce(`witnessKey/${id}`, randomBytes(32).toString('hex'));
  const witness: AgentMember = { id, name: replicaName, role: 'witness', keyHex, links: advertise };
  await settings.set(`witness/${replicaName}`, witness);
  return { clusterId, witness };
}

async function instanceOf(stateDir: string): Promise<string> {
  const file = join(stateDir, 'witness-id');
  const known = await readFile(file, 'utf8').then((text) => text.trim(), () => '');
  const instance = known || randomBytes(4).toString('hex');
  if (!known) await put(file, `${instance}\n`);
  return instance;
}

async function ensureSshKey({ ssh }: Config, log: Logger): Promise<void> {
  if (existsSync(ssh.identityFile)) return;
  await mkdir(dirname(ssh.identityFile), { recursive: true, mode: 0o700 });
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'reeve', '-f', ssh.identityFile]);
  log.info(`made an SSH key; let it into your hosts: ${(await readFile(`${ssh.identityFile}.pub`, 'utf8')).trim()}`);
}

/** The store keeps only the token's hash; every replica takes the same one. */
async function ensureToken({ api }: Config, settings: PostgresSettings, log: Logger): Promise<string> {
  const known = await readFile(api.tokenFile, 'utf8').then((text) => text.trim(), () => '');
  const token = known || randomBytes(24).toString('base64url');
  if (!known) {
    await put(api.tokenFile, `${token}\n`);
    log.info(`made an API token; it is in ${api.tokenFile}`);
  }
  await settings.set('apiTokenHash', hashOf(token));
  return token;
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

export function tokenVerifier(token: string): (given: string) => string | null {
  const wanted = Buffer.from(hashOf(token), 'hex');
  return (given) => (timingSafeEqual(wanted, Buffer.from(hashOf(given), 'hex')) ? 'admin' : null);
}

/** For `reeve` on this machine. Written when the API listens, so that its presence means something. */
export async function writeCliFile(config: Config, server: string, token: string): Promise<void> {
  await put(join(config.stateDir, 'cli.json'), `${JSON.stringify({ server, token }, null, 2)}\n`);
}

async function put(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
