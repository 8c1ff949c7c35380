// Talks to the API: over TCP or a unix socket, with the bearer token; failures become sentences with an exit code.
import { existsSync, readFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf } from '../shared/errors.js';

export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3, refused: 4 } as const;

export class CliError extends Error {
  constructor(
    readonly exitCode: number,
    message: string,
    readonly remedy: string | null = null,
  ) {
    super(message);
  }
}

export interface Connection {
  readonly server: string;
  readonly token: string | null;
  /** Null: the control plane's first. */
  readonly cluster: string | null;
}

export interface ConnectionOptions {
  readonly server?: string | undefined;
  readonly cluster?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/** --server, then REEVE_SERVER, then what the control plane wrote into its state directory; --cluster, then REEVE_CLUSTER. */
export function connectionFrom({ server, cluster, env }: ConnectionOptions): Connection {
  const file = join(resolve(env['REEVE_STATE_DIR'] ?? '.reeve'), 'cli.json');
  const written = existsSync(file) ? writtenIn(file) : {};
  const chosen = server ?? env['REEVE_SERVER'] ?? written.server;
  if (!chosen) throw new CliError(EXIT.unreachable, `no control plane is known: neither --server nor REEVE_SERVER is set, and there is no ${file}`, 'npm start, or set REEVE_SERVER and REEVE_TOKEN');
  const token = env['REEVE_TOKEN'] ?? (env['REEVE_TOKEN_FILE'] ? readable(env['REEVE_TOKEN_FILE'], 'REEVE_TOKEN_FILE').trim() : (written.token ?? null));
  return { server: chosen, token, cluster: cluster || env['REEVE_CLUSTER'] || null };
}

function readable(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(EXIT.usage, `${what}: ${file} can't be read (${messageOf(error)})`, (error as NodeJS.ErrnoException).code === 'EACCES' ? 'run it as the user that runs the control plane, or set REEVE_SERVER and REEVE_TOKEN' : null);
  }
}

function writtenIn(file: string): Partial<Connection> {
  try {
    return JSON.parse(readable(file, 'REEVE_STATE_DIR')) as Partial<Connection>;
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(EXIT.usage, `${file} is no JSON: ${messageOf(error)}`, 'start the control plane again: it writes the file anew');
  }
}

/** A path with names in it, whatever they are made of: at`/hosts/${name}/drain`. */
export function at(parts: TemplateStringsArray, ...names: readonly unknown[]): string {
  return parts.map((part, index) => part + (index < names.length ? encodeURIComponent(String(names[index] ?? '')) : '')).join('');
}

/** The most that one page holds. */
const PAGE = 500;

interface Target {
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: number;
}

function targetOf(server: string): Target {
  if (server.startsWith('unix:')) return { socketPath: server.slice('unix:'.length) };
  let url: URL;
  try {
    url = new URL(server);
  } catch {
    throw new CliError(EXIT.usage, `--server: "${server}" is neither a URL such as http://127.0.0.1:7480 nor unix:/path`);
  }
  if (url.protocol !== 'http:') throw new CliError(EXIT.usage, `--server: ${url.protocol}// is not spoken here; use http:// through a tunnel, or unix:/path`);
  return { host: url.hostname, port: Number(url.port || 80) };
}

const ANSWER_MS = 60_000;

export class HttpClient {
  constructor(private readonly connection: Connection) {}

  get = <T>(path: string): Promise<T> => this.#call<T>('GET', path);
  post = <T>(path: string, body: unknown = {}): Promise<T> => this.#call<T>('POST', path, body);
  put = <T>(path: string, body: unknown = {}): Promise<T> => this.#call<T>('PUT', path, body);
  delete = <T>(path: string): Promise<T> => this.#call<T>('DELETE', path);

  /** All pages of a list. */
  async all<T>(path: string): Promise<readonly T[]> {
    const found: T[] = [];
    for (let after: string | null = null; ; ) {
      const page: { readonly items: readonly T[]; readonly next: string | null } = await this.get(`${path}?limit=${PAGE}${after === null ? '' : `&after=${encodeURIComponent(after)}`}`);
      found.push(...page.items);
      if (page.next === null) return found;
      after = page.next;
    }
  }

  /** Server-Sent Events, until the server ends the stream or `onData` says stop. */
  async follow(path: string, onData: (data: string) => boolean): Promise<void> {
    const response = await this.#open('GET', path, undefined, 0);
    if ((response.statusCode ?? 500) >= 400) throw refusal(response.statusCode ?? 500, await read(response));
    let rest = '';
    for await (const chunk of response) {
      const blocks = (rest + String(chunk)).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = block.split('\n').find((line) => line.startsWith('data: '));
        if (data && !onData(data.slice('data: '.length))) {
          response.destroy();
          return;
        }
      }
    }
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.#open(method, path, body, ANSWER_MS);
    const text = await read(response);
    if ((response.statusCode ?? 500) >= 400) throw refusal(response.statusCode ?? 500, text);
    return (text === '' ? {} : JSON.parse(text)) as T;
  }

  #open(method: string, path: string, body: unknown, timeoutMs: number): Promise<IncomingMessage> {
    const { server, token, cluster } = this.connection;
    const root = cluster === null ? '/api/v1' : at`/api/v1/clusters/${cluster}`;
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = { 'x-reeve-user': userInfo().username, ...(token ? { authorization: `Bearer ${token}` } : {}), ...(payload ? { 'content-type': 'application/json' } : {}) };
    return new Promise((done, fail) => {
      const call = request({ ...targetOf(server), method, path: `${root}${path}`, headers, timeout: timeoutMs }, done);
      call.on('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
      call.on('error', (error) => fail(new CliError(EXIT.unreachable, `the control plane at ${server} does not answer: ${error.message}`, 'npm start')));
      call.end(payload);
    });
  }
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function refusal(status: number, text: string): CliError {
  let detail = text.slice(0, 300);
  let remedy: string | null = null;
  try {
    const problem = JSON.parse(text) as { detail?: string; remedy?: string };
    detail = problem.detail ?? detail;
    remedy = problem.remedy ?? null;
  } catch {
    // Not ours: its words are shown as they came.
  }
  const exitCode = status === 422 || status === 400 ? EXIT.usage : status === 503 || status === 504 ? EXIT.unreachable : status === 409 || status === 401 ? EXIT.refused : EXIT.failed;
  return new CliError(exitCode, detail, remedy);
}
