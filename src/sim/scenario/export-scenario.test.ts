// A cluster that is exported can be simulated, and is there what it is here.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aView, aWorkload, NOW_MS } from '../../../test/fixtures/cluster.js';
import { DEFAULT_POLICY } from '../../cluster/cluster-policy.js';
import type { ClusterView } from '../../cluster/cluster-view.js';
import { runScenario } from '../run-scenario.js';
import { exportScenario } from './export-scenario.js';
import { checkScenario } from './parse-scenario.js';
import type { Scenario } from './scenario.js';

const one = aHost('host-1');
const two = aHost('host-2', { fenceDevices: [{ kind: 'watchdog', options: {} }], facts: aFacts({ watchdogDevice: true, memoryMiB: 32_768 }) });
const three = aHost('host-3', { fenceDevices: [{ kind: 'manual', options: {} }], intent: 'maintenance', cordoned: true });
const lost = aHost('host-4', { condition: 'silent' });
const [web, database] = [aWorkload('web', two, { priority: 5 }), aWorkload('database', one, { maxRestarts: 3, failback: false, usage: { cpus: 0.5, memoryMiB: 800 }, lock: { by: 'anna', reason: 'backup', sinceMs: NOW_MS } })];
const view: ClusterView = aView({
  hosts: [three, two, one, lost, aHost('host-5', { condition: 'enrolling' })],
  workloads: [{ ...web, startAfter: [database.id] }, database, aWorkload('broken', one, { state: 'error', why: 'it failed' }), aWorkload('free', two, { isProtected: false }), aWorkload('off', lost, { desired: 'stopped', state: 'stopped' })],
  rules: [{ name: 'gone', type: 'keep-apart', hard: true, workloads: [web.id] }, { name: 'apart', type: 'keep-apart', hard: true, workloads: [web.id, database.id] }, { name: 'home', type: 'hosts', hard: false, workloads: [web.id], hosts: [{ hostId: two.id, priority: 2 }] }],
});
const exported = (set: Partial<ClusterView> = {}): Scenario => exportScenario({ name: 'ours', view: { ...view, ...set }, policy: { ...DEFAULT_POLICY, gracefulShutdown: 'freeze' }, replicas: 2 });

describe('an exported cluster', () => {
  it('has its hosts, workloads, rules and policy, by their names', () => {
    const { hosts, workloads = [], rules, policy, controllers, timeline } = exported();
    expect(hosts.map(({ name, power, network, fencing, memoryMiB }) => [name, power, network, fencing, memoryMiB])).toEqual([
      ['host-1', 'on', 'up', ['power'], 16_384], ['host-2', 'on', 'up', ['watchdog'], 32_768], ['host-3', 'on', 'up', ['none'], 16_384], ['host-4', 'on', 'down', ['power'], 16_384],
    ]);
    expect(workloads.find(({ name }) => name === 'web')).toEqual({ name: 'web', kind: 'vm', host: 'host-2', desired: 'running', cpus: 1, memoryMiB: 1024, priority: 5, startAfter: ['database'] });
    expect(workloads.find(({ name }) => name === 'database')).toMatchObject({ maxRestarts: 3, failback: false, usage: { cpus: 0.5, memoryMiB: 800 } });
    expect(workloads.map(({ name, desired, faults }) => [name, desired, faults?.running])).toEqual([['broken', 'running', false], ['database', 'running', undefined], ['free', 'unmanaged', undefined], ['off', 'stopped', undefined], ['web', 'running', undefined]]);
    expect(rules).toEqual([{ name: 'apart', type: 'keep-apart', hard: true, workloads: ['web', 'database'] }, { name: 'home', type: 'hosts', hard: false, workloads: ['web'], hosts: [{ host: 'host-2', priority: 2 }] }]);
    expect([policy?.gracefulShutdown, policy?.rebalance, controllers]).toEqual(['freeze', 'off', 2]);
    expect(timeline).toEqual([{ at: 0, do: 'host.drain', host: 'host-3' }, { at: 0, do: 'workload.lock', workload: 'database' }]);
  });

  it('has its zones and labels, and rules as they were written', () => {
    const labelled: Partial<ClusterView> = {
      hosts: [{ ...one, zone: 'a', labels: { gpu: 'yes' } }, { ...two, zone: 'b' }], workloads: [{ ...web, labels: { app: 'shop' } }, database],
      rules: [
        { name: 'shop', type: 'keep-apart', per: 'zone', hard: true, workloads: [database.id, web.id], selector: { named: [database.id], labels: { app: 'shop' } } },
        { name: 'gpu', type: 'hosts', hard: false, workloads: [web.id], hosts: [{ hostId: one.id, priority: 3 }, { hostId: two.id, priority: 1 }], hostSelector: { named: [{ hostId: two.id, priority: 1 }], selected: [{ labels: { gpu: 'yes' }, priority: 3 }] } },
      ],
    };
    const { hosts, workloads, rules } = exported(labelled);
    expect(hosts.map(({ zone, labels }) => [zone, labels])).toEqual([['a', { gpu: 'yes' }], ['b', undefined]]);
    expect(workloads?.find(({ name }) => name === 'web')?.labels).toEqual({ app: 'shop' });
    expect(rules).toEqual([
      { name: 'shop', type: 'keep-apart', per: 'zone', hard: true, workloads: ['database'], select: { app: 'shop' } },
      { name: 'gpu', type: 'hosts', hard: false, workloads: ['web'], hosts: [{ host: 'host-2', priority: 1 }, { select: { gpu: 'yes' }, priority: 3 }] },
    ]);
  });

  it('has what can\'t be kept any more, as a host is gone, as a preference: the file is taken', () => {
    const shrunk = exported({ hosts: [one], workloads: [web, database], rules: [{ name: 'apart', type: 'keep-apart', hard: true, workloads: [web.id, database.id] }, { name: 'gone', type: 'hosts', hard: true, workloads: [web.id], hosts: [{ hostId: two.id, priority: 0 }] }] });
    expect(shrunk.rules).toEqual([{ name: 'apart', type: 'keep-apart', hard: false, workloads: ['web', 'database'] }]);
  });

  it('has what decides about hugepages and CPU features, and no more of them', () => {
    const facts = aFacts({ hugepages: [{ sizeKiB: 2048, total: 512, free: 9, isDefault: true }, { sizeKiB: 65_536, total: 1, free: 1, isDefault: false }], cpuFlags: ['aes', 'avx', 'sse'] });
    const needs = { ...web.needs, cpuModel: 'host-model', cpuFeatures: ['aes'], hugepages: [{ sizeKiB: null, memoryMiB: 1024 }] };
    const { hosts: [host], workloads: [vm] = [] } = exported({ hosts: [{ ...two, facts }], workloads: [{ ...web, needs }], rules: [] });
    expect([host, vm]).toMatchObject([{ hugepages: { '2MiB': 512 }, cpuFlags: ['aes'] }, { hugepages: '2MiB', cpu: 'host-model', cpuFeatures: ['aes'] }]);
    const { hosts: [other] } = exported({ hosts: [{ ...two, facts }], workloads: [web], rules: [] });
    expect(other).not.toHaveProperty('cpuFlags');
  });

  it('is taken by the simulator and runs as it does here', async () => {
    const parsed = checkScenario(JSON.parse(JSON.stringify(exported({ disarm: { mode: 'freeze', by: 'anna', reason: 'work', sinceMs: NOW_MS, untilMs: null } }))));
    expect(parsed).toMatchObject({ ok: true });
    const { final, violations } = await runScenario({ ...exported(), until: 20 }, { seed: 1 });
    expect(violations).toEqual([]);
    expect(final.hosts['host-3']?.state).toBe('maintenance');
    expect(final.workloads).toMatchObject({ web: { state: 'running', host: 'host-2' }, database: { state: 'running', host: 'host-1' }, free: { state: 'unmanaged', runningOn: ['host-2'] }, off: { state: 'stopped' } });
  });
});
