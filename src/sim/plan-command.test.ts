// Plans from a file: the same as from the cluster that it was exported from; what is wrong with the file is one line.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aFacts, aHost, aVerdict, aView, aWorkload, silentVerdict } from '../../test/fixtures/cluster.js';
import { DEFAULT_POLICY } from '../cluster/cluster-policy.js';
import { planned, type PlanKind, type PlanRequest } from '../cluster/commands/plan-commands.js';
import { placementViewOf } from '../cluster/placement-ledger.js';
import { hostId, workloadId } from '../shared/ids.js';
import { seededRng } from '../shared/rng.js';
import { runScenario } from './run-scenario.js';
import { planFromFile } from './plan-command.js';
import { exportScenario } from './scenario/export-scenario.js';

const folder = mkdtempSync(join(tmpdir(), 'reeve-plan-'));
const fileOf = (content: string | object): string => {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.yaml`);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
};
const lineOf = async (content: string, request: PlanRequest): Promise<string> => {
  const made = await planFromFile(fileOf(content), request);
  return made.ok ? 'accepted' : made.error.replace(/^\S+: /, '');
};
const loss = (...hosts: readonly string[]): PlanRequest => ({ kind: 'loss', hosts });

const CLUSTER = `
hosts: [{ name: h1, cpus: 8, memoryMiB: 8192 }, { name: h2, cpus: 8, memoryMiB: 8192 }, { name: h3, cpus: 8, memoryMiB: 8192 }]
workloads:
  - { name: a, host: h1, memoryMiB: 4096, priority: 5 }
  - { name: b, host: h1, memoryMiB: 4096 }
  - { name: c, host: h2, memoryMiB: 6000 }
  - { name: d, host: h1, memoryMiB: 6000 }
`;

describe('planFromFile', () => {
  it('plans for what the file says, without a server', async () => {
    const made = await planFromFile(fileOf(CLUSTER), loss('h1'));
    if (!made.ok) throw new Error(made.error);
    const { moves, unplaced, before, after } = made.value;
    expect(moves.map(({ workload, from, to, round, how }) => [workload, from, to, round, how])).toEqual([['a', 'h1', 'h3', 1, 'start']]);
    expect(unplaced.map(({ workload }) => workload)).toEqual(['d', 'b']);
    expect([before.hosts[0]?.workloads, after.hosts[0]?.workloads, after.hosts[2]?.workloads]).toEqual([3, 0, 1]);
  });

  it('refuses with one line that names the path in the file, or the host', async () => {
    expect(await lineOf('hosts: [{ name: h1, memoryMiB: lots }]', loss('h1'))).toMatch(/^hosts\[0\]\.memoryMiB: .*lots/);
    expect(await lineOf('hosts: [{ name: h1 }]\nworkloads: [{ name: a, host: h9 }]', loss('h1'))).toBe('workloads[0].host: there is no host h9');
    expect(await lineOf('hosts: [{ name: h1 }, { name: h1 }]', loss('h1'))).toBe('hosts[1].name: h1 is there twice');
    expect(await lineOf('a: [', loss('h1'))).toMatch(/^not YAML or JSON/);
    expect(await lineOf(CLUSTER, loss('h9'))).toBe('no host is named h9');
    expect(await lineOf(CLUSTER, { kind: 'return', hosts: ['h1'] })).toMatch(/asks the control plane/);
    const missing = await planFromFile(join(folder, 'none.yaml'), loss('h1'));
    expect(missing.ok ? '' : missing.error).toMatch(/none\.yaml: ENOENT/);
  });

  it.each([1, 2, 3, 4, 5, 6, 7])('says of a loss what recovery then does (%i)', async (seed) => {
    const rng = seededRng(seed);
    const hosts = Array.from({ length: 4 }, (_, nth) => ({ name: `h${nth}`, cpus: 4, memoryMiB: 8_192, fencing: ['power' as const] }));
    const workloads = Array.from({ length: 16 }, (_, nth) => ({ name: `vm-${String(nth).padStart(2, '0')}`, host: `h${nth % 4}`, memoryMiB: 512 * (1 + rng.int(5)), cpus: 1 + rng.int(3), priority: rng.int(3) }));
    const rules = [{ name: 'apart', type: 'keep-apart' as const, workloads: ['vm-00', 'vm-01'] }, { name: 'pair', type: 'keep-together' as const, workloads: ['vm-04', 'vm-08'] }];
    const cluster = { hosts, workloads, rules };
    const made = await planFromFile(fileOf(cluster), loss('h0'));
    const { final } = await runScenario({ ...cluster, timeline: [{ at: 20, do: 'host.power-cut', host: 'h0' }], until: 200 }, { seed: 1 });
    const there = workloads.filter(({ host }) => host === 'h0').map(({ name }) => name);
    const then = Object.fromEntries(there.map((name) => [name, final.workloads[name]?.runningOn[0] ?? 'down']));
    const said = made.ok ? Object.fromEntries([...made.value.moves.filter(({ how }) => how === 'start').map(({ workload, to }) => [workload, to]), ...made.value.unplaced.map(({ workload }) => [workload, 'down'])] as const) : {};
    expect(said).toEqual(then);
  });

  it('takes what an export says at its time 0 as it stands: cordoned, in maintenance, locked', async () => {
    const standing = `${CLUSTER}timeline: [{ at: 0, do: host.cordon, host: h3 }, { at: 0, do: workload.lock, workload: c }, { at: 5, do: host.cordon, host: h1 }]`;
    const lost = await planFromFile(fileOf(standing), loss('h1'));
    expect(lost.ok && lost.value.moves).toEqual([]);
    const drained = await planFromFile(fileOf(standing), { kind: 'drain', hosts: ['h2'] });
    expect(drained.ok && drained.value.unplaced.map(({ workload, why }) => `${workload}: ${why}`)).toEqual([expect.stringMatching(/^c: it is locked by/)]);
  });

  it.each([1, 2, 3])('plans for a cluster as for its export (%i)', async (seed) => {
    const rng = seededRng(seed);
    const sizes = aFacts({ cpus: 16, memoryMiB: 32_768 });
    const hosts = Array.from({ length: 6 }, (_, nth) => aHost(`h${nth}`, { id: hostId(`h${nth}`), facts: sizes, ...(nth === 4 ? { cordoned: true } : {}), ...(nth === 5 && seed === 2 ? { condition: 'silent' as const } : {}) }));
    const workloads = Array.from({ length: 40 }, (_, nth) => {
      const one = aWorkload(`vm-${String(nth).padStart(2, '0')}`, hosts[Math.floor(rng.next() * rng.next() * 6)] ?? null);
      return { ...one, id: workloadId(one.name), priority: rng.int(3), isProtected: rng.next() > 0.1, needs: { ...one.needs, memoryMiB: 512 * (1 + rng.int(5)), vcpus: 1 + rng.int(3) }, ...(rng.next() < 0.1 ? { lock: { by: 'anna', reason: 'backup', sinceMs: 0 } } : {}) };
    });
    const rules = [
      { name: 'apart', type: 'keep-apart' as const, hard: true, workloads: workloads.slice(0, 3).map(({ id }) => id) },
      { name: 'pair', type: 'keep-together' as const, hard: true, workloads: workloads.slice(10, 12).map(({ id }) => id) },
      { name: 'liked', type: 'hosts' as const, hard: false, workloads: workloads.slice(20, 24).map(({ id }) => id), hosts: [{ hostId: hostId('h1'), priority: 2 }] },
    ];
    const policy = { ...DEFAULT_POLICY, placement: { ...DEFAULT_POLICY.placement, memoryOvercommit: 0.9, reservedMemoryMiB: 1_024 } };
    const view = aView({ hosts, workloads, rules });
    const verdict = aClusterVerdict(hosts.map((host) => (host.condition === 'silent' ? silentVerdict(host) : aVerdict(host))));
    const file = fileOf(exportScenario({ name: 'live', view, policy, replicas: 1 }));
    for (const [kind, about] of [['loss', ['h0']], ['loss', ['h0', 'h1']], ['drain', ['h0']], ['drain', ['h0', 'h2']], ['balance', []]] as readonly (readonly [PlanKind, readonly string[]])[]) {
      const offline = await planFromFile(file, { kind, hosts: about });
      const live = planned({ view: placementViewOf({ view, verdict, policy }), policy, wanted: [], nowMs: null }, { kind, hosts: about });
      // Who holds a lock is not exported, that it is locked is.
      const told = (plan: object): unknown => JSON.parse(JSON.stringify(plan).replaceAll('the file (workload.lock at 0)', 'anna (backup)'));
      expect(offline.ok && told(offline.value)).toEqual(told(live));
      if (kind !== 'balance') expect(live.moves.length).toBeGreaterThan(0);
    }
  });
});
