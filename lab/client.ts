// A small client of the product's API over a unix socket, for the story, the e2e tests and the benches.
import { request } from 'node:http';

export class ApiFailure extends Error {
  constructor(
    readonly status: number,
    readonly problem: Readonly<Record<string, unknown>>,
  ) {
    super(`HTTP ${status}: ${String(problem['detail'] ?? problem['title'] ?? '')}`);
  }
}

export type Json = Readonly<Record<string, unknown>>;

export interface ApiClient {
  get<T = Json>(path: string): Promise<T>;
  post<T = Json>(path: string, body?: unknown): Promise<T>;
  delete<T = Json>(path: string): Promise<T>;
  patch<T = Json>(path: string, body?: unknown): Promise<T>;
  put<T = Json>(path: string, body?: unknown): Promise<T>;
}

const ANSWER_MS = 30_000;

export function apiClient(socketPath: string, token: string): ApiClient {
  const call = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers: Record<string, string> = { authorization: `Bearer ${token}`, ...(payload ? { 'content-type': 'application/json' } : {}) };
      const req = request({ socketPath, method, path: `/api/v1${path}`, headers, timeout: ANSWER_MS }, (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const value = text ? (JSON.parse(text) as T & Json) : ({} as T & Json);
          if ((res.statusCode ?? 500) >= 400) reject(new ApiFailure(res.statusCode ?? 500, value));
          else resolve(value);
        });
      });
      req.on('timeout', () => req.destroy(new Error(`no answer to ${method} ${path} within ${ANSWER_MS} ms`)));
      req.on('error', reject);
      req.end(payload);
    });
  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body ?? {}),
    delete: (path) => call('DELETE', path),
    patch: (path, body) => call('PATCH', path, body),
    put: (path, body) => call('PUT', path, body),
  };
}
