// Every reason not to act is given by some rule, names what is waited for, and says what a person can do.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aFacts, aHost, anOperation, aVerdict, aWorkload, NOW_MS, silentVerdict } from '../../test/fixtures/cluster.js';
import type { ClusterView } from './cluster-view.js';
import type { HoldCode } from './decision.js';
import { decision, fenced, heard, inventory, one, shown, three, two } from './decide.fixture.js';
import type { Workload } from '../workloads/workload.js';
import type { ClusterVerdict } from './verdict.js';

const vm = aWorkload('vm', one);
const there = aWorkload('vm', three);
const silent = { ...three, condition: 'silent' as const, why: 'nothing heard' };
const draining = { ...one, intent: 'maintenance' as const };
const drain = anOperation('drain', { hostId: one.id });
const shows = (workload: Workload, state: Parameters<typeof shown>[1], reason?: string): Partial<ClusterView> => ({ workloads: [workload], inventories: [inventory(one, [shown(workload, state, reason)])] });
const onHost = (hard: boolean, host: typeof one): ClusterView['rules'] => [{ name: 'r', type: 'hosts', hard, workloads: [vm.id], hosts: [{ hostId: host.id, priority: 1 }] }];

const contained = { ...vm, replication: { everyMs: 300_000 }, needs: { ...vm.needs, driver: 'lxd' as const, instance: { pool: 'default', profiles: [], networks: [] } } };

const leased = (host: typeof one): typeof one => aHost(host.name, { fenceDevices: [{ kind: 'watchdog', options: {} }], facts: aFacts({ watchdogDevice: true }) });

/** Sees the device of a pool, and has the pool, or none. */
const onLun = (host: typeof one, pool: string | null): typeof one => ({ ...host, facts: aFacts({ containerDaemons: [{ driver: 'lxd', version: '5', address: 'x', isClustered: false, criu: false, pools: pool === null ? [] : [{ name: pool, driver: 'btrfs', source: 'fs' }], filesystems: [{ uuid: 'fs', sizeBytes: 1, serial: null, generation: 1 }], networks: [], profiles: [] }] }) });

const NO_FIGURES = { imbalance: 0, memoryImbalance: 0, cpuImbalance: 0, fullest: 0, hosts: [] };
const sized = (host: typeof one, memoryMiB: number): typeof one => ({ ...host, facts: aFacts({ memoryMiB }) });
const needing = (workload: Workload, memoryMiB: number): Workload => ({ ...workload, needs: { ...workload.needs, memoryMiB } });

interface Given {
  readonly view: Partial<ClusterView>;
  readonly verdict?: ClusterVerdict;
  readonly more?: Parameters<typeof decision>[1];
  /** What a person is told to do: a command, or where to look. */
  readonly remedy: RegExp;
}

const CASES: { readonly [C in HoldCode]: Given } = {
  'no-quorum': { view: {}, verdict: aClusterVerdict([aVerdict(one)], { quorum: false, quorumEvidence: '1 of 4 voters heard' }), remedy: /reeve status/ },
  'start-up-grace': { view: {}, verdict: aClusterVerdict([], { trusted: false, trustEvidence: 'listening for 0.4 s' }), remedy: /passes by itself/ },
  'own-stall': { view: {}, verdict: aClusterVerdict([], { trusted: false, ownStall: true, trustEvidence: 'own stall of 3.0 s' }), remedy: /load of this machine/ },
  'too-many-silent-hosts': { view: { hosts: [one, { ...two, condition: 'silent' }, silent], workloads: [there] }, verdict: heard(two, three), remedy: /confirm-off/ },
  disarmed: { view: { ...shows(vm, 'stopped', 'crashed'), disarm: { mode: 'freeze', by: 'anna', reason: 'x', sinceMs: 0, untilMs: null } }, remedy: /reeve arm/ },
  'no-fence-device': { view: { hosts: [one, two, { ...silent, fenceDevices: [] }], workloads: [there] }, verdict: heard(three), remedy: /confirm-off host-3/ },
  'fence-failing': { view: { hosts: [one, two, silent], workloads: [there], recentOperations: [anOperation('fence', { hostId: three.id, state: 'failed', endedAtMs: NOW_MS - 1, why: 'no answer' })] }, verdict: heard(three), remedy: /confirm-off host-3/ },
  'fence-under-way': { view: { hosts: [one, two, silent], workloads: [there], operations: [anOperation('fence', { hostId: three.id })] }, verdict: heard(three), remedy: /reeve operation list/ },
  'agent-only': { view: {}, verdict: aClusterVerdict([aVerdict(one), aVerdict(two), silentVerdict(three, { probe: { answered: true, bootId: three.bootId, runningUuids: [], atMs: NOW_MS } })]), remedy: /systemctl restart reeve-agent/ },
  leaving: { view: { hosts: [{ ...one, leaving: { purpose: 'reboot', sinceMs: 0 } }] }, verdict: aClusterVerdict([aVerdict(one, { leavingPurpose: 'reboot' })]), remedy: /reeve host drain host-1/ },
  frozen: { view: { hosts: [one, { ...fenced, condition: 'offline', conditionSinceMs: NOW_MS, leaving: { purpose: 'reboot', sinceMs: 0 }, proof: { kind: 'stopped', evidence: 'good-bye', atMs: NOW_MS, bootId: one.bootId, hostEpoch: 1 } }], workloads: [there] }, verdict: heard(three), remedy: /reeve workload start vm/ },
  quarantined: { view: { hosts: [aHost('host-1', { flapping: { lostAtMs: [], quarantine: { sinceMs: 0, untilMs: NOW_MS + 1, times: 1, isOver: false } } })] }, remedy: /reeve host release host-1/ },
  unhealthy: { view: { hosts: [{ ...one, trouble: { deadBridges: [], failing: ['array md0 misses disks (1)'], bridgesSinceMs: null, failingSinceMs: NOW_MS } }], workloads: [{ ...vm, isProtected: false }] }, remedy: /reeve host drain host-1/ },
  maintenance: { view: { hosts: [one, two, { ...silent, intent: 'maintenance' }], workloads: [there] }, verdict: heard(three), remedy: /undrain/ },
  'not-admitted': { view: { hosts: [one, two, fenced], operations: [anOperation('readmit', { hostId: three.id })] }, verdict: aClusterVerdict([aVerdict(three, { bootId: 'boot-new' })]), remedy: /reeve operation list/ },
  'no-capacity': { view: { hosts: [one, fenced], workloads: [{ ...there, needs: { ...there.needs, memoryMiB: 99_999 } }] }, verdict: heard(three), remedy: /reeve workload explain vm/ },
  'no-legal-host': { view: { hosts: [{ ...one, cordoned: true }, fenced], workloads: [there] }, verdict: heard(three), remedy: /reeve workload explain vm/ },
  'making-room': { view: { hosts: [sized(one, 4_608), sized(two, 2_560), sized(fenced, 9_000)], workloads: [needing(there, 4_096), needing(aWorkload('small', one), 2_048)] }, verdict: heard(three), remedy: /waits until small has moved to host-2; `reeve workload explain vm`/ },
  'rule-broken': { view: { ...shows(vm, 'running'), hosts: [one], rules: onHost(true, two) }, remedy: /reeve workload explain vm/ },
  'operation-active': { view: { hosts: [one, fenced], workloads: [there], operations: [anOperation('stop', { workloadId: vm.id })] }, verdict: heard(three), remedy: /reeve operation show op-stop/ },
  'too-many-in-flight': { view: { hosts: [one, fenced], workloads: [there], operations: [1, 2, 3, 4, 5, 6].map((index) => anOperation('start', { id: `o${index}` as never, targetHostId: one.id })) }, verdict: heard(three), remedy: /it is next/ },
  cooldown: { view: shows({ ...vm, maxRestarts: 5, failures: { restarts: 3, relocations: 0, failedHostIds: [], lastAtMs: NOW_MS } }, 'stopped', 'crashed'), remedy: /reeve workload start vm/ },
  'start-after': { view: { hosts: [one, fenced], workloads: [{ ...there, startAfter: [aWorkload('db', one).id] }, aWorkload('db', three)] }, verdict: heard(three), remedy: /reeve workload start vm/ },
  'predecessor-in-error': { view: { hosts: [one, fenced], workloads: [{ ...there, startAfter: [aWorkload('db', one).id] }, aWorkload('db', one, { state: 'error' })] }, verdict: heard(three), remedy: /reeve workload clear db/ },
  locked: { view: { ...shows({ ...vm, lock: { by: 'anna', reason: 'backup', sinceMs: 0 } }, 'running'), hosts: [draining, two], operations: [drain] }, remedy: /reeve workload unlock vm/ },
  'cannot-move': { view: { ...shows({ ...vm, drainPolicy: 'leave' }, 'running'), hosts: [draining, two], operations: [drain] }, remedy: /reeve workload migrate vm/ },
  'stopped-by-hand': { view: shows(vm, 'stopped', 'shutdown'), remedy: /reeve workload start vm/ },
  paused: { view: shows(vm, 'paused', 'user'), remedy: /virsh resume/ },
  missing: { view: { workloads: [vm], inventories: [inventory(one, []), inventory(two, []), inventory(three, [])] }, remedy: /reeve workload start vm/ },
  'in-error': { view: { workloads: [{ ...vm, state: 'error', why: 'it failed' }] }, remedy: /reeve workload clear vm/ },
  'undefined-by-hand': { view: { workloads: [vm], inventories: [inventory(one, [{ ...shown(vm, 'running'), persistent: false }])] }, remedy: /virsh define/ },
  'no-replica': { view: { ...shows(contained, 'running'), hosts: [one] }, remedy: /reeve workload explain vm/ },
  'pool-not-taken': { view: { hosts: [onLun(one, null), onLun({ ...fenced, proof: { kind: 'lease-expired', evidence: 'x', atMs: 0, bootId: three.bootId, hostEpoch: 1 } }, 'ha')], workloads: [{ ...there, leasedOn: three.id, needs: { ...contained.needs, instance: { pool: 'ha', profiles: [], networks: [] } } }] }, verdict: heard(three), remedy: /confirm-off host-3/ },
  'replica-late': { view: { ...shows({ ...contained, replica: { hostId: two.id, asOfMs: NOW_MS - 700_000, triedAtMs: NOW_MS, why: null, isToldLate: true } }, 'running') }, remedy: /would be lost/ },
  duplicate: { view: { workloads: [vm], inventories: [inventory(one, [shown(vm, 'running')]), inventory(two, [shown(vm, 'running')])] }, remedy: /virsh destroy/ },
  'no-lease': {
    view: { ...shows(vm, 'running'), hosts: [leased(one)], recentOperations: [anOperation('lease', { workloadId: vm.id, state: 'failed', endedAtMs: NOW_MS - 1, why: 'its watchdog is not armed' })] },
    remedy: /reeve-agent status/,
  },
  'not-under-lease': { view: { hosts: [one, { ...fenced, proof: { kind: 'lease-expired', evidence: 'x', atMs: 0, bootId: three.bootId, hostEpoch: 1 } }], workloads: [there] }, verdict: heard(three), remedy: /confirm-off host-3/ },
  'looking-around': { view: { hosts: [one, { ...fenced, proof: { kind: 'power-off', evidence: 'x', atMs: NOW_MS, bootId: three.bootId, hostEpoch: 1 } }], workloads: [there], inventories: [{ ...inventory(one, []), atMs: 0 }] }, verdict: aClusterVerdict([aVerdict(one), silentVerdict(three)]), remedy: /passes by itself/ },
  'plan-outdated': { view: { ...shows(vm, 'running'), operations: [anOperation('carry-out', { params: { cause: 'balance', moves: [{ workloadId: vm.id, workload: 'vm', from: two.id, to: three.id, round: 1 }] } })] }, remedy: /reeve operation show op-carry-out/ },
  'balance-advised': { view: shows(vm, 'running'), more: { policy: { rebalance: { threshold: 0.3, holdRounds: 1, minImprovement: 0.1, method: 'capacity', act: 'advise' } }, balance: { plan: { moves: [], unplaced: [], before: NO_FIGURES, after: NO_FIGURES, rounds: 0, estimatedS: null }, before: 0.6, after: 0.1, isTold: true } }, remedy: /reeve plan balance --apply/ },
  'autostart-on': { view: { workloads: [vm], inventories: [inventory(one, [{ ...shown(vm, 'running'), autostart: true }])] }, remedy: /virsh autostart --disable/ },
};

describe('every hold', () => {
  it.each(Object.entries(CASES))('%s says what a person can do', (code, { view, verdict, more, remedy }) => {
    const holds = decision(view, { ...more, ...(verdict ? { verdict } : {}) }).holds.filter((hold) => hold.code === code);
    expect(holds).toHaveLength(1);
    expect(holds[0]?.why).toMatch(remedy);
    expect(holds[0]?.why).not.toMatch(/\n|\bundefined\b(?! by hand)|\bnull\b|\[object/);
  });
});
