// The API over a unix socket and the command line on top of it, with a store in memory behind.
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ApiPorts, Begun, ClusterPorts } from '../../src/api/ports.js';
import { startApi, type RunningApi } from '../../src/api/start-api.js';
import { runCli } from '../../src/cli/program.js';
import { DEFAULT_POLICY } from '../../src/cluster/cluster-policy.js';
import { fitDocument } from '../../src/cluster/fit.js';
import { placementViewOf } from '../../src/cluster/placement-ledger.js';
import type { ClusterEvent } from '../../src/cluster/cluster-event.js';
import { explainPlacement } from '../../src/scheduler/explain-placement.js';
import { failureRoom } from '../../src/scheduler/failure-room.js';
import { OperationalError, UserError } from '../../src/shared/errors.js';
import { aClusterVerdict, aHost, anOperation, aVerdict, aView, aWorkload, NOW_MS } from '../fixtures/cluster.js';

const TOKEN = 'the-right-token';
const one = aHost('host-1');
const two = aHost('host-2', { cordoned: true });
const view = aView({
  hosts: [one, two],
  workloads: [aWorkload('vm-1', one), aWorkload('vm-2', two, { state: 'error', why: 'start on host-2 failed' })],
  operations: [anOperation('migrate', { id: 'op-1' as never, workloadId: 'id-vm-1' as never, hostId: one.id, targetHostId: two.id, progress: { percent: 40, line: '40 %: 6 MiB left' } })],
});
const verdict = aClusterVerdict([aVerdict(one), aVerdict(two)]);
const events: ClusterEvent[] = [1, 2, 3].map((seq) => ({ seq, atMs: NOW_MS, type: 'host.online', severity: 'info', host: 'host-1', workload: null, operationId: null, message: `event ${seq}`, data: {} }));
const asked: unknown[][] = [];
const listeners = new Set<() => void>();

const begun = (...what: unknown[]): Promise<Begun> => {
  asked.push(what);
  return Promise.resolve({ operationIds: ['op-2'] });
};
const commands = new Proxy({} as ClusterPorts['commands'], {
  get: (_target, name) => (...args: unknown[]) => {
    if (name === 'scanHostKey') return Promise.resolve({ hostKey: 'ssh-ed25519 AAAA', fingerprint: 'SHA256:abc' });
    if (name === 'fence') return Promise.reject(new UserError('refused', 'host-1 has no automatic fence device', 'reeve host confirm-off host-1'));
    return begun(name, ...args);
  },
});
const NO_FIGURES = { imbalance: 0, memoryImbalance: 0, cpuImbalance: 0, fullest: 0, hosts: [] };
const cluster: ClusterPorts = {
  commands,
  reads: {
    clusterName: () => 'lab',
    alertTargets: async () => [],
    view: async () => view,
    scenario: async () => ({}),
    verdict: () => verdict,
    holds: async () => [{ code: 'cannot-move', about: 'vm-1', why: 'its disk is local' }],
    leader: () => ({ replica: 'control', epoch: 3 }),
    checkReport: async () => [],
    capacity: async (mode) => failureRoom(placementViewOf({ view, verdict, policy: DEFAULT_POLICY }), mode ?? 'n+1'),
    fit: async ({ mode, ...request }) => fitDocument(placementViewOf({ view, verdict, policy: DEFAULT_POLICY }), { ...request, mode: mode ?? 'n+1' }),
    drainPlan: async (host) => ({ host, workloads: [] }),
    plan: async ({ kind, hosts }) => ({ kind, hosts, moves: [], unplaced: [], before: NO_FIGURES, after: NO_FIGURES, rounds: 0, estimatedS: null }),
    copies: async () => ({ copies: [], unseen: [] }),
    explain: async () => explainPlacement({ hosts: view.hosts, workloads: view.workloads, heard: new Set(view.hosts.map((host) => host.id)), leaseless: new Set<never>(), promised: [], rules: [], policy: { strategy: 'balanced' as const, memoryOvercommit: 1, cpuOvercommit: 4, reservedMemoryMiB: 512 } }, view.workloads[0] ?? aWorkload('x', null)),
    operation: async (id) => (id === 'op-2' ? anOperation('start', { id: 'op-2' as never, state: 'succeeded', endedAtMs: NOW_MS }) : null),
    operations: async () => [],
    events: async (after, limit) => (after === null ? events.slice(-limit) : events.filter((event) => event.seq > after).slice(0, limit)),
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    audit: async () => [],
    health: async () => ({ ok: false, parts: { database: { ok: false, detail: 'away' } } }),
  },
};
const ports: ApiPorts = { clusters: [cluster], verifyToken: (token) => (token === TOKEN ? 'admin' : null) };

let api: RunningApi;
const dir = mkdtempSync(join(tmpdir(), 'reeve-api-'));
const socketPath = join(dir, 'api.sock');
beforeAll(async () => {
  api = await startApi(ports, { listen: { kind: 'unix', path: socketPath }, log: () => undefined });
});
afterAll(async () => {
  await api?.close();
  rmSync(dir, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

function call(method: string, path: string, { token = TOKEN, body, socket = socketPath }: { readonly token?: string | null; readonly body?: unknown; readonly socket?: string } = {}): Promise<Answer> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers = { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...(payload === undefined ? {} : { 'content-type': 'application/json' }) };
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: socket, method, path, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, type: String(response.headers['content-type']), body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}, text }));
    });
    sent.on('error', reject);
    sent.end(payload);
  });
}

describe('API', () => {
  it.each(['/api/v1/status', '/api/v1/hosts', '/api/v1/%68osts', '/api/v1//hosts', '/api/v1/events/stream', '/api/v1/audit', '/metrics'])('wants a token for %s', async (path) => {
    expect((await call('GET', path, { token: null })).status).toBeOneOf([401, 404]);
    expect((await call('GET', path, { token: 'wrong' })).status).toBeOneOf([401, 404]);
  });

  it('shows its state to Prometheus; what moves counts where it ends', async () => {
    const { status, type, text } = await call('GET', '/metrics');
    expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    for (const line of lines) expect(line).toMatch(/^reeve_[a-z_]+\{([a-z]+="[^"]*",?)+\} -?[0-9.]+$/);
    expect(lines).toEqual(expect.arrayContaining([
      'reeve_hosts{cluster="lab",state="online"} 2', 'reeve_hosts{cluster="lab",state="fenced"} 0', 'reeve_workloads{cluster="lab",state="running"} 1', 'reeve_workloads{cluster="lab",state="error"} 1',
      'reeve_cluster_memory_mib{cluster="lab",kind="used"} 0', 'reeve_cluster_memory_mib{cluster="lab",kind="limit"} 15872', 'reeve_cluster_vcpus{cluster="lab",kind="limit"} 32',
      'reeve_room_for_failure_ok{cluster="lab",mode="n+1"} 1', 'reeve_room_for_failure_down{cluster="lab",mode="n+1",host="host-1"} 0', 'reeve_room_for_failure_down{cluster="lab",mode="n+1",host="host-2"} 0',
    ]));
  });

  it('shows Prometheus the rest where room for failure was not computed', async () => {
    const capacity = vi.spyOn(cluster.reads, 'capacity').mockRejectedValueOnce(new OperationalError('timeout', 'the plan was given up'));
    const { status, text } = await call('GET', '/metrics');
    expect([status, text]).toEqual([200, expect.stringContaining('reeve_hosts{cluster="lab",state="online"} 2')]);
    expect(text).not.toContain('reeve_room_for_failure_ok{');
    capacity.mockRestore();
    expect((await call('GET', '/metrics')).text).toContain('reeve_room_for_failure_ok{');
  });

  it('passes an override on, and without one none', async () => {
    await call('POST', '/api/v1/workloads/vm-1/start');
    expect(asked.at(-1)).toEqual(['start', 'admin', 'vm-1', false]);
    await call('POST', '/api/v1/workloads/vm-1/start', { body: { override: true } });
    expect(asked.at(-1)).toEqual(['start', 'admin', 'vm-1', true]);
    await call('POST', '/api/v1/workloads/vm-1/relocate', { body: { override: true } });
    expect(asked.at(-1)).toEqual(['relocate', 'admin', 'vm-1', null, { force: false, timeoutS: 60, override: true }]);
  });

  it('answers health checks without one, and says what is not ready', async () => {
    expect((await call('GET', '/healthz', { token: null })).status).toBe(200);
    expect(await call('GET', '/readyz', { token: null })).toMatchObject({ status: 503, body: { ok: false } });
  });

  it('names the cluster that is not ready', async () => {
    const dir2 = mkdtempSync(join(tmpdir(), 'reeve-api-'));
    const healthy: ClusterPorts = { ...cluster, reads: { ...cluster.reads, clusterName: () => 'well', health: async () => ({ ok: true, parts: { queue: { ok: true, detail: 'works' } } }) } };
    const two = await startApi({ ...ports, clusters: [healthy, cluster] }, { listen: { kind: 'unix', path: join(dir2, 'api.sock') }, log: () => undefined });
    try {
      expect(await call('GET', '/readyz', { token: null, socket: join(dir2, 'api.sock') })).toMatchObject({ status: 503, body: { ok: false, unready: ['lab'], parts: { queue: { ok: true }, 'lab/database': { ok: false, detail: 'away' } } } });
    } finally {
      await two.close();
      rmSync(dir2, { recursive: true, force: true });
    }
  });

  it('has every route below the name of a cluster too, and says where it was asked', async () => {
    expect((await call('GET', '/api/v1/clusters/lab/hosts?limit=1')).body).toMatchObject({ next: 'host-1', items: [{ name: 'host-1' }] });
    expect(await call('GET', '/api/v1/clusters/lab/hosts', { token: null })).toMatchObject({ status: 401 });
    expect(await call('GET', '/api/v1/clusters/none/hosts', { token: null })).toMatchObject({ status: 401 });
    expect(await call('GET', '/api/v1/clusters/none/hosts')).toMatchObject({ status: 404, type: expect.stringContaining('application/problem+json'), body: { code: 'not-found', detail: 'there is no cluster none; there is lab', remedy: 'reeve cluster list', instance: '/api/v1/clusters/none/hosts' } });
    expect(await call('GET', '/api/v1/clusters/none')).toMatchObject({ status: 404, body: { detail: 'there is no cluster none; there is lab' } });
    expect(await call('GET', '/api/v1/clusters/lab/nothing')).toMatchObject({ status: 404, body: { instance: '/api/v1/clusters/lab/nothing' } });
    expect((await call('GET', '/api/v1/clusters/lab/workloads/%E0%A4')).status).toBe(400);
    expect(await call('POST', '/api/v1/clusters/lab/hosts', { body: { name: '-bad-' } })).toMatchObject({ status: 422, body: { field: 'name' } });
  });

  it('never shows a key or a password', async () => {
    const text = JSON.stringify((await call('GET', '/api/v1/status')).body) + JSON.stringify((await call('GET', '/api/v1/hosts/host-1')).body);
    expect(text).not.toContain('secret');
    expect(text).not.toContain(one.agentKey);
  });

  it.each([
    ['/api/v1/hosts', { name: 'h', address: 'a', ssh: { hostKey: 'ssh-ed25519 AAAA' }, colour: 'red' }, 'there is no field "colour"'],
    ['/api/v1/hosts', { name: 'h', address: 'a', ssh: { hostKey: 'nonsense' } }, 'ssh.hostKey: a host key such as'],
    ['/api/v1/hosts', { name: '-bad-', address: 'a', ssh: { hostKey: 'ssh-ed25519 AAAA' } }, 'name: up to 63 letters'],
    ['/api/v1/hosts/host-1/confirm-off', { reason: ' ' }, 'reason: say how you know'],
    ['/api/v1/workloads/vm-1/stop', { timeoutS: -1 }, 'timeoutS'],
  ])('%s refuses %j with one line that names the field', async (path, body, line) => {
    const answer = await call('POST', path, { body });
    expect(answer).toMatchObject({ status: 422, type: expect.stringContaining('application/problem+json') });
    expect(answer.body['detail']).toContain(line);
    expect(String(answer.body['detail'])).not.toContain('\n');
  });

  it('says refusals with their remedy, and what is not there', async () => {
    expect(await call('POST', '/api/v1/hosts/host-1/fence')).toMatchObject({ status: 409, body: { remedy: 'reeve host confirm-off host-1' } });
    expect(await call('GET', '/api/v1/workloads/nobody')).toMatchObject({ status: 404, body: { detail: 'no workload is named nobody' } });
    expect((await call('GET', '/api/v1/nothing')).status).toBe(404);
    expect(await call('GET', '/api/v1/workloads/%E0%A4')).toMatchObject({ status: 400, type: expect.stringContaining('application/problem+json'), body: { status: 400 } });
  });

  it('pages by cursor', async () => {
    const first = await call('GET', '/api/v1/hosts?limit=1');
    expect(first.body).toMatchObject({ next: 'host-1', items: [{ name: 'host-1' }] });
    expect((await call('GET', '/api/v1/hosts?limit=1&after=host-1')).body).toMatchObject({ next: null, items: [{ name: 'host-2', cordoned: true }] });
  });

  it('documents every route', async () => {
    const { body } = await call('GET', '/api/docs-json', { token: null });
    const paths = Object.keys(body['paths'] as object);
    for (const path of ['/api/v1/status', '/api/v1/hosts', '/api/v1/hosts/{host}/drain', '/api/v1/workloads/adopt', '/api/v1/operations/{id}/cancel', '/api/v1/events/stream', '/healthz']) expect(paths).toContain(path);
    expect(JSON.stringify(body)).toContain('"hostKey"');
  });

  it('streams events after the last one seen, and new ones', async () => {
    const seen: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const sent = request({ socketPath, path: '/api/v1/events/stream', headers: { authorization: `Bearer ${TOKEN}`, 'last-event-id': '2' } }, (response) => {
        response.on('data', (chunk: Buffer) => {
          seen.push(...[...chunk.toString().matchAll(/^id: (\d+)$/gm)].map((match) => match[1] ?? ''));
          if (seen.length === 1) {
            events.push({ ...(events[0] as ClusterEvent), seq: 4 });
            for (const listener of listeners) listener();
          }
          if (seen.length >= 2) {
            sent.destroy();
            resolve();
          }
        });
      });
      sent.on('error', reject);
      sent.end();
    });
    expect(seen).toEqual(['3', '4']);
  });
});

describe('reeve', () => {
  async function reeve(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
    let [out, err] = ['', ''];
    const code = await runCli(argv, { out: (text) => void (out += text), err: (text) => void (err += text), env: { REEVE_SERVER: `unix:${socketPath}`, REEVE_TOKEN: TOKEN }, isTty: false, ask: null });
    return { code, out, err };
  }

  it('status: problems, hosts, workloads, what is under way and what is held', async () => {
    const { code, out } = await reeve('status');
    expect(code).toBe(0);
    for (const part of ['Cluster lab: 1 alert,', 'quorum: 4 of 4 voters heard', 'led by control, epoch 3', 'host-2', 'cordoned', 'vm-2', 'reeve workload clear vm-2', '[########............] 40 %', 'cannot-move', 'its disk is local']) expect(out).toContain(part);
    // What needs a person comes first.
    expect(out.indexOf('vm-2  error')).toBeLessThan(out.indexOf('vm-1  running'));
  });

  it('gives JSON with --json, before or behind the command', async () => {
    expect(JSON.parse((await reeve('--json', 'host', 'list')).out)).toHaveLength(2);
    expect(JSON.parse((await reeve('host', 'list', '--json')).out)).toHaveLength(2);
  });

  it('ends with a code that tells why', async () => {
    expect(await reeve('host', 'fence', 'host-1')).toMatchObject({ code: 4, err: expect.stringContaining('try: reeve host confirm-off host-1') });
    expect((await reeve('workload', 'show', 'nobody')).code).toBe(1);
    expect((await reeve('nonsense')).code).toBe(2);
    expect((await reeve('--server', 'unix:/nowhere.sock', 'status')).code).toBe(3);
    expect((await reeve('workload', 'start', 'vm-1', '--wait')).code).toBe(0);
  });

  it('adds a host only with a confirmed key', async () => {
    const unconfirmed = await reeve('host', 'add', 'host-9', '--address', '10.0.0.9');
    expect(unconfirmed).toMatchObject({ code: 4, err: expect.stringContaining('SHA256:abc') });
    expect((await reeve('host', 'add', 'host-9', '--address', '10.0.0.9', '--yes', '--fence', 'ipmi:address=10.0.2.9,user=admin,passwordFile=/secret')).code).toBe(0);
    expect(asked.at(-1)).toMatchObject(['addHost', expect.any(String), { name: 'host-9', links: ['10.0.0.9'], ssh: { hostKey: 'ssh-ed25519 AAAA' }, fenceDevices: [{ kind: 'ipmi', options: { address: '10.0.2.9', user: 'admin', passwordFile: '/secret' } }, { kind: 'watchdog', options: {} }] }, { setUpLocks: false }]);
    await reeve('host', 'add', 'host-9', '--address', '10.0.0.9', '--yes', '--set-up-locks');
    expect(asked.at(-1)?.at(-1)).toEqual({ setUpLocks: true });
    expect(await reeve('host', 'add', 'host-9', '--address', '10.0.0.9', '--yes', '--fence', 'ipmi:address')).toMatchObject({ code: 2, err: expect.stringContaining('key=value') });
  });

  it('explains, completes, follows', async () => {
    expect((await reeve('workload', 'explain', 'vm-1')).out).toContain('host-2 is cordoned');
    expect([(await reeve('workload', 'replicas', 'vm-1')).out, (await reeve('workload', 'replicas')).out]).toEqual(['no copies\n', 'no copies\n']);
    expect((await reeve('workload', 'replicas', 'vm-1', '--discard', 'host-2')).code).not.toBe(0);
    for (const shell of ['bash', 'zsh', 'fish']) expect((await reeve('completion', shell)).out).toContain('drain');
    expect((await reeve('events', '--last', '2')).out).toContain('event 3');
  });
});
