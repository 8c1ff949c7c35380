// What can be known before anything is started: each a wrong setting, told in one line that names it.
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname } from 'node:path';
import { messageOf, UserError } from '../shared/errors.js';
import type { Config } from './config.js';
import type { ListenOn } from './config-schema.js';

const CONNECT_MS = 1_000;

/** A program that can't listen must find out before it leads a cluster, not after. Throws UserError. */
export async function preflight({ api, stateDir, ssh }: Pick<Config, 'api' | 'stateDir' | 'ssh'>): Promise<void> {
  assertOwnFolder(stateDir);
  if (!ssh.makeIdentity && !existsSync(ssh.identityFile)) throw new UserError('invalid', `ssh.identityFile: there is no file ${ssh.identityFile}`);
  if (api.listen.kind === 'unix') await assertNobodyListens(api.listen.path);
  else await assertCanListen(api.listen);
}

function assertOwnFolder(stateDir: string): void {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    accessSync(stateDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new UserError('invalid', `stateDir: ${stateDir} can't be made or written to (${messageOf(error)})`);
  }
}

function assertCanListen({ host, port }: Extract<ListenOn, { kind: 'tcp' }>): Promise<void> {
  return new Promise((done, refuse) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => refuse(cannotListen(`${host}:${port}`, error)));
    server.listen(port, host, () => server.close(() => done()));
  });
}

function cannotListen(address: string, error: NodeJS.ErrnoException): UserError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new UserError('invalid', `api.listen: ${address} is in use already, perhaps by another control plane`, 'end that one, or set another address, e.g. REEVE_API_LISTEN=127.0.0.1:7490');
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new UserError('invalid', `api.listen: ${address} is no address of this machine`);
    case 'EACCES':
      return new UserError('invalid', `api.listen: ${address} is not for this user to listen on; ports below 1024 need root`);
    default:
      return new UserError('invalid', `api.listen: ${address}: ${error.message}`);
  }
}

/** A socket file that nobody answers on was left behind, and is replaced; one that answers belongs to a program that lives. */
async function assertNobodyListens(path: string): Promise<void> {
  if (!existsSync(dirname(path))) throw new UserError('invalid', `api.listen: there is no folder ${dirname(path)}`);
  const answers = await new Promise<boolean>((done) => {
    const socket = connect({ path, timeout: CONNECT_MS });
    const end = (answered: boolean) => () => {
      socket.destroy();
      done(answered);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(true));
  });
  if (answers) throw new UserError('invalid', `api.listen: another program answers on ${path}, perhaps another control plane`, 'end that one, or set another path');
}
