// The agent's files in its run directory: a pid file and a socket that tells its status.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';

export function writePidFile(file: string): void {
  writeFileSync(file, `${process.pid}\n`);
}

export function makeRunDir(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o755 });
}

export function removeFile(file: string): void {
  rmSync(file, { force: true });
}

/** Writes one line of JSON to whoever connects. A socket file that a killed agent left is replaced. */
export function serveStatus(file: string, status: () => unknown, onTrouble: (line: string) => void): Server {
  removeFile(file);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(`${JSON.stringify(status())}\n`);
  });
  server.on('error', (error) => onTrouble(`no status on ${file}: ${error.message}`));
  server.listen(file);
  return server;
}

/** An agent that runs answers at once. */
const ASK_MS = 2_000;

export async function askStatus(file: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(file);
    socket.setEncoding('utf8');
    socket.setTimeout(ASK_MS, () => socket.destroy(new Error(`no answer within ${ASK_MS} ms`)));
    socket.on('data', (part: string) => {
      text += part;
    });
    socket.on('error', reject);
    socket.on('end', () => resolve(text.trim()));
  });
}
