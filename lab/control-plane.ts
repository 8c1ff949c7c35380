// Starts the product's control plane inside a lab's control namespace, as a user's service would run.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { apiClient, type ApiClient } from './client.js';
import { waitUntil } from './wait-until.js';

export interface LabForControlPlane {
  readonly ctlNetns: string;
  readonly stateDir: string;
  readonly identityFile: string;
}

export interface ControlPlaneOptions {
  readonly repoRoot: string;
  /** Redis to use for the queue; null: BullMQ on Postgres. */
  readonly redisUrl?: string | null;
  readonly heartbeatMs?: number;
  readonly silentMs?: number;
  /** Start from an empty state directory. */
  readonly fresh?: boolean;
  readonly replicaName?: string;
  /** A Postgres that several replicas share; null: its own embedded one. */
  readonly databaseUrl?: string | null;
  /** Process 1 of a lab host: it lives on that host, in its network, and dies with it. Null: on a machine of its own. */
  readonly onHostWithPid?: number | null;
  /** Where this replica hears heartbeats; each needs its own addresses. */
  readonly witnessLinks?: readonly string[];
  readonly witnessPort?: number;
  /** More configuration, merged at the top level. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface ControlPlane {
  readonly socketPath: string;
  readonly stateDir: string;
  readonly logFile: string;
  api(): ApiClient;
  token(): string;
  readonly pid: number;
  /** kill -9 of the whole process. */
  kill(): Promise<void>;
  /** SIGTERM, in order. Resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Starts it again on the same state. */
  restart(): Promise<void>;
}

/** The address of the control plane on the lab's two heartbeat networks. */
const WITNESS_LINKS = ['10.66.0.254', '10.66.1.254'];
const HEARTBEAT_PORT = 7481;

export async function startControlPlane(lab: LabForControlPlane, options: ControlPlaneOptions): Promise<ControlPlane> {
  const stateDir = join(lab.stateDir, `reeve-${options.replicaName ?? 'control'}`);
  if (options.fresh) await rm(stateDir, { recursive: true, force: true });
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const socketPath = join(stateDir, 'api.sock');
  const logFile = join(stateDir, 'control-plane.log');
  const configFile = join(stateDir, 'reeve.json');
  await writeFile(configFile, JSON.stringify(configuration(lab, stateDir, socketPath, options), null, 2));
  let child: ChildProcess | null = null;
  let token = '';
  const start = async (): Promise<void> => {
    child = await spawnControlPlane(inside(lab, options), { repoRoot: options.repoRoot, configFile, logFile, redisUrl: options.redisUrl ?? null });
    const started = child;
    token = await waitUntil('the control plane to be ready', async () => {
      if (started.exitCode !== null) throw new Error(`it ended with ${started.exitCode}; see ${logFile}`);
      const file = JSON.parse(await readFile(join(stateDir, 'cli.json'), 'utf8')) as { token: string };
      await apiClient(socketPath, file.token).get('/status');
      return file.token;
    }, { timeoutMs: 60_000, describe: () => tail(logFile) });
  };
  await start();
  const running = (): ChildProcess => {
    if (!child) throw new Error('the control plane was never started');
    return child;
  };
  return {
    socketPath,
    stateDir,
    logFile,
    api: () => apiClient(socketPath, token),
    token: () => token,
    get pid() {
      return running().pid ?? -1;
    },
    kill: () => end(running(), 'SIGKILL').then(() => undefined),
    stop: () => end(running(), 'SIGTERM'),
    restart: start,
  };
}

function configuration(lab: LabForControlPlane, stateDir: string, socketPath: string, options: ControlPlaneOptions): Readonly<Record<string, unknown>> {
  return {
    clusterName: 'lab',
    stateDir,
    replicaName: options.replicaName ?? 'control',
    api: { listen: `unix:${socketPath}` },
    witness: { listen: (options.witnessLinks ?? WITNESS_LINKS).map((address) => ({ address, port: options.witnessPort ?? HEARTBEAT_PORT })) },
    ...(options.databaseUrl ? { database: { url: options.databaseUrl } } : {}),
    ssh: { identityFile: lab.identityFile },
    placement: { memoryOvercommit: 1, cpuOvercommit: 16, reservedMemoryMiB: 256 },
    ...(options.heartbeatMs === undefined ? {} : { timing: { heartbeatMs: options.heartbeatMs, silentMs: options.silentMs ?? options.heartbeatMs * 6 } }),
    ...options.config,
  };
}

/** Of a host only its network and its processes: files are the machine's, so that the checkout and the sockets are where they are. */
function inside(lab: LabForControlPlane, { onHostWithPid }: ControlPlaneOptions): readonly [program: string, ...args: string[]] {
  return onHostWithPid ? ['nsenter', '-t', String(onHostWithPid), '-p', '-n', '--'] : ['ip', 'netns', 'exec', lab.ctlNetns];
}

interface Spawning {
  readonly repoRoot: string;
  readonly configFile: string;
  readonly logFile: string;
  readonly redisUrl: string | null;
}

async function spawnControlPlane([program, ...args]: readonly [string, ...string[]], { repoRoot, configFile, logFile, redisUrl }: Spawning): Promise<ChildProcess> {
  const log = await open(logFile, 'a');
  const env: Record<string, string> = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/root', LANG: 'C.UTF-8' };
  if (redisUrl !== null) env['REDIS_URL'] = redisUrl;
  const child = spawn(program, [...args, process.execPath, '--enable-source-maps', join(repoRoot, 'dist/control-plane.js'), '--config', configFile], {
    cwd: repoRoot,
    env,
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  child.kill(signal);
  return ended;
}

export async function tail(file: string, lines = 40): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').slice(-lines).join('\n');
}

/** Lets a browser or curl outside of the lab's namespaces reach the API: 127.0.0.1:port → the unix socket. Another port where that one is taken, as by a second lab. */
export async function relay(port: number, socketPath: string): Promise<{ readonly port: number; close(): Promise<void> }> {
  const open = new Set<Socket>();
  const server: Server = createServer((outside) => {
    open.add(outside);
    outside.once('close', () => open.delete(outside));
    const inside = connect(socketPath);
    outside.pipe(inside).pipe(outside);
    const drop = (): void => {
      outside.destroy();
      inside.destroy();
    };
    outside.on('error', drop);
    inside.on('error', drop);
  });
  await listenOn(server, port).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    return listenOn(server, 0);
  });
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : port,
    close: () => new Promise((resolve) => {
      // A browser's open event stream would keep the server from ending.
      for (const socket of open) socket.destroy();
      server.close(() => resolve());
    }),
  };
}

function listenOn(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}
