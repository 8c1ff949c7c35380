// Each wrong setting that shows before the start is told by its name.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { preflight } from './preflight.js';

let dir = '';
const servers: Server[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reeve-preflight-'));
});

afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
  rmSync(dir, { recursive: true, force: true });
});

type Given = Parameters<typeof preflight>[0];

const given = (more: Partial<Given> = {}): Given => ({
  stateDir: join(dir, 'state'),
  api: { listen: { kind: 'unix', path: join(dir, 'api.sock') }, tokenFile: join(dir, 'token') },
  ssh: { identityFile: join(dir, 'id'), makeIdentity: true },
  ...more,
});
const at = (listen: Given['api']['listen']): Given => given({ api: { listen, tokenFile: '' } });

async function listening(where: string | number): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((done) => (typeof where === 'string' ? server.listen(where, done) : server.listen(where, '127.0.0.1', done)));
  const bound = server.address();
  return typeof bound === 'object' && bound ? bound.port : 0;
}

describe('before the start', () => {
  it('all is well, and the port is free again afterwards', async () => {
    await preflight(given());
    const port = await listening(0);
    await new Promise((done) => servers.pop()?.close(done));
    await preflight(at({ kind: 'tcp', host: '127.0.0.1', port }));
    await preflight(at({ kind: 'tcp', host: '127.0.0.1', port }));
  });

  it('a port that is taken, an address that is another machine’s', async () => {
    const port = await listening(0);
    await expect(preflight(at({ kind: 'tcp', host: '127.0.0.1', port }))).rejects.toMatchObject({ name: 'UserError', message: expect.stringContaining(`api.listen: 127.0.0.1:${port} is in use already`) as string });
    await expect(preflight(at({ kind: 'tcp', host: '203.0.113.7', port }))).rejects.toThrow('api.listen: 203.0.113.7');
  });

  it('a socket that answers is another program’s; one that was left behind is not', async () => {
    const path = join(dir, 'api.sock');
    writeFileSync(path, '');
    await preflight(given());
    rmSync(path);
    await expect(preflight(at({ kind: 'unix', path: join(dir, 'none', 'api.sock') }))).rejects.toThrow('api.listen: there is no folder');
    await listening(path);
    await expect(preflight(given())).rejects.toThrow(`another program answers on ${path}`);
  });

  it('a key that was named and is not there, a folder that can’t be', async () => {
    await expect(preflight(given({ ssh: { identityFile: join(dir, 'none'), makeIdentity: false } }))).rejects.toThrow('ssh.identityFile: there is no file');
    writeFileSync(join(dir, 'file'), '');
    await expect(preflight(given({ stateDir: join(dir, 'file', 'state') }))).rejects.toThrow("stateDir: ");
  });
});
