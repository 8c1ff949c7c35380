// What the documentation promises: every route says what it answers, real answers are so, and refusals are in plain words.
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import * as answers from '../../src/api/answers.js';
import { startApi, type RunningApi } from '../../src/api/start-api.js';
import { fakeApi, TOKEN } from '../fixtures/fake-api-ports.js';

const dir = mkdtempSync(join(tmpdir(), 'reeve-api-'));
const socketPath = join(dir, 'api.sock');
let api: RunningApi;

beforeAll(async () => {
  api = await startApi(fakeApi().ports, { listen: { kind: 'unix', path: socketPath }, log: () => undefined });
});
afterAll(async () => {
  await api?.close();
  rmSync(dir, { recursive: true, force: true });
});

function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, headers: { authorization: `Bearer ${TOKEN}`, ...(payload ? { 'content-type': 'application/json' } : {}) } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(JSON.parse(text) as Record<string, unknown>));
    });
    sent.on('error', reject);
    sent.end(payload);
  });
}

interface Route {
  readonly responses: Readonly<Record<string, { readonly content?: unknown }>>;
  readonly requestBody?: unknown;
}

describe('the OpenAPI document', () => {
  it('says for every route what it answers, and how errors look', async () => {
    const { paths } = (await call('GET', '/api/docs-json')) as { paths: Record<string, Record<string, Route>> };
    const routes = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, route]) => ({ name: `${method} ${path}`, route })));
    expect(routes.length).toBeGreaterThan(40);
    for (const { name, route } of routes) {
      const good = Object.entries(route.responses).filter(([code]) => code.startsWith('2'));
      expect(good.length, name).toBeGreaterThan(0);
      for (const [code, { content }] of good) expect(content, `${name} ${code}`).toBeDefined();
      expect(route.responses['default']?.content, name).toHaveProperty(['application/problem+json']);
    }
  });

  const READS: readonly (readonly [string, z.ZodType])[] = [
    ['/api/v1/status', answers.status],
    ['/api/v1/hosts', answers.pageWith(answers.host)],
    ['/api/v1/hosts/host-3', answers.host],
    ['/api/v1/hosts/host-1/check', answers.listWith(answers.checkPoint)],
    ['/api/v1/workloads', answers.pageWith(answers.workload)],
    ['/api/v1/workloads/db-1', answers.workload],
    ['/api/v1/workloads/db-1/explain', answers.explanation],
    ['/api/v1/plans/loss?host=host-1&host=host-2', answers.plan],
    ['/api/v1/plans/drain?host=host-1', answers.plan],
    ['/api/v1/plans/balance', answers.plan],
    ['/api/v1/plans/return?host=host-1', answers.plan],
    ['/api/v1/alerts', answers.listWith(answers.alertTarget)],
    ['/api/v1/rules', answers.listWith(answers.rule)],
    ['/api/v1/cluster/capacity', answers.capacity],
    ['/api/v1/cluster/capacity?mode=n%2B2', answers.capacity],
    ['/api/v1/cluster/fit?memoryMiB=512&vcpus=2&mode=off', answers.fit],
    ['/api/v1/cluster/fit?like=db-1', answers.fit],
    ['/api/v1/operations', answers.pageWith(answers.operation)],
    ['/api/v1/operations/op-done', answers.operation],
    ['/api/v1/cluster/cpu-baseline', answers.listWith(answers.cpuBaseline)],
    ['/api/v1/clusters', answers.listWith(answers.cluster)],
    ['/api/v1/clusters/lab', answers.cluster],
    ['/readyz', answers.health],
  ];
  it.each(READS)('describes %s as it is', async (path, schema) => {
    expect(schema.safeParse(await call('GET', path)).error?.issues ?? []).toEqual([]);
  });

  it.each(['/api/v1/hosts/host-1/drain', '/api/v1/plans/balance', '/api/v1/plans/return?host=host-1'])('begins nothing by a dry run of %s', async (path) => {
    const dry = await call('POST', `${path}${path.includes('?') ? '&' : '?'}dryRun=true`);
    expect(answers.plan.safeParse(dry).error?.issues ?? []).toEqual([]);
    expect(await call('POST', path)).toEqual({ operationIds: ['op-done'] });
  });

  it('describes events and audit lines as they are', async () => {
    for (const item of (await call('GET', '/api/v1/events'))['items'] as unknown[]) answers.clusterEvent.parse(item);
    for (const item of (await call('GET', '/api/v1/audit'))['items'] as unknown[]) answers.auditLine.parse(item);
  });
});

describe('a refusal', () => {
  it.each([
    ['POST', '/api/v1/hosts', {}, 'name: it is missing'],
    ['POST', '/api/v1/hosts', { name: 5 }, 'name: text is wanted, not 5'],
    ['POST', '/api/v1/hosts', [], 'the request: an object is wanted, not a list'],
    ['GET', '/api/v1/hosts?limit=100000', undefined, 'limit: at most 500'],
    ['GET', '/api/v1/hosts?limit=0', undefined, 'limit: at least 1'],
    ['GET', '/api/v1/operations?kind=nonsense', undefined, 'kind: one of enrol, readmit'],
    ['PUT', '/api/v1/workloads/db-1/priority', { priority: 1.5 }, 'priority: a whole number is wanted'],
    ['POST', '/api/v1/workloads/db-1/migrate', { to: 7 }, 'to: text is wanted, not 7'],
    ['PUT', '/api/v1/workloads/db-1/desired', { desired: 'gone' }, 'desired: one of running, stopped, disabled, unmanaged'],
    ['POST', '/api/v1/workloads/db-1/lock', { reason: ' ' }, 'reason: say why'],
    ['PUT', '/api/v1/workloads/db-1/policies', { maxRestarts: -1 }, 'maxRestarts: at least 0'],
    ['POST', '/api/v1/rules', { name: 'r', type: 'near', workloads: ['a'] }, 'type: one of keep-apart, keep-together, hosts'],
    ['POST', '/api/v1/alerts/test', { target: 7 }, 'target: text is wanted, not 7'],
    ['GET', '/api/v1/cluster/capacity?mode=n3', undefined, 'mode: one of n+1, n+2, zone'],
    ['GET', '/api/v1/cluster/fit', undefined, 'memoryMiB: either the size of one (memoryMiB, vcpus), or a workload that it is like'],
    ['GET', '/api/v1/cluster/fit?memoryMiB=1&like=db-1', undefined, 'memoryMiB: either the size'],
    ['GET', '/api/v1/cluster/fit?memoryMiB=0', undefined, 'memoryMiB: at least 1'],
    ['GET', '/api/v1/cluster/fit?like=nobody', undefined, 'nobody'],
    ['POST', '/api/v1/workloads/db-1/start', { override: 'yes' }, 'override: true or false is wanted, not text'],
    ['POST', '/api/v1/disarm', { reason: 'x', mode: 'sleep' }, 'mode: one of freeze, ignore'],
  ])('of %s %s says in plain words what is wrong', async (method, path, body, line) => {
    expect((await call(method, path, body))['detail']).toContain(line);
  });
});
