// The simulated world under faults: what real hosts were seen to do when one side of a migration vanishes, and lost answers.
import { beforeEach, describe, expect, it } from 'vitest';
import { OperationalError } from '../shared/errors.js';
import type { CommandToken, MigrationRequest } from '../hosts/hypervisor.js';
import { domainXml } from '../hosts/drivers/libvirt/domain-xml.js';
import { SimulatedHostAgent } from './simulated-host-agent.js';
import { SimulatedHypervisor } from './simulated-hypervisor.js';
import { PEER_LOST_MS, SimulatedWorld } from './simulated-world.js';

const UUID = 'c0f0c0f0-0000-4000-8000-000000000001';
const DEFINITION = domainXml({ uuid: UUID, name: 'g', vcpus: 1, memoryMiB: 100, accelerator: 'tcg', architecture: 'x86_64', machine: 'pc', cpuModel: null, disks: [], bridge: null, mac: null, seedIso: null, kernel: null, serialLog: null });
const TOKEN: CommandToken = { leaderEpoch: 1, hostEpoch: 1, workload: { uuid: UUID, epoch: 1 } };
const REQUEST: MigrationRequest = { id: 'op', uuid: UUID, destination: { name: 'b', sshUser: 'root', sshPort: 22, address: '10.0.0.2' }, bandwidthMiBps: 10, maxDowntimeMs: 300, autoConverge: false, copyStorage: false };

let nowMs = 0;
const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, sleep: async (ms: number) => { nowMs += ms; } };
let world: SimulatedWorld;
let a: SimulatedHypervisor;
let b: SimulatedHypervisor;

beforeEach(async () => {
  nowMs = 0;
  world = new SimulatedWorld(clock);
  for (const [name, address] of [['a', '10.0.0.1'], ['b', '10.0.0.2']] as const) {
    const { bootId } = world.addHost({ name, address });
    const agent = new SimulatedHostAgent(world, name);
    await agent.install({ clusterId: 'c', hostId: name, name, keyHex: '', heartbeatMs: 1, silentMs: 1, watchdogMs: 1, enforcesLease: false, leaveWithinMs: 0, voters: null, listen: [], members: [] });
    await agent.admit({ leaderEpoch: 1, hostEpoch: 1 }, bootId);
  }
  [a, b] = [new SimulatedHypervisor(world, 'a'), new SimulatedHypervisor(world, 'b')];
  await a.define(TOKEN, DEFINITION);
  await a.start(TOKEN, UUID);
});

const stateOn = async (hypervisor: SimulatedHypervisor): Promise<string> => (await hypervisor.observe(UUID))?.runState ?? 'absent';

describe('a migration whose destination loses its power', () => {
  it('is given up after a while, and the workload runs on at the source', async () => {
    await a.startMigration(TOKEN, REQUEST);
    nowMs += 1_000;
    world.powerOff('b');
    expect(await a.migrationCommand('op')).toEqual({ kind: 'running' });
    nowMs += PEER_LOST_MS;
    expect(await a.migrationCommand('op')).toMatchObject({ kind: 'ended', exitCode: 1 });
    expect(world.executingOn(UUID)).toEqual(['a']);
    world.powerOn('b');
    expect(await stateOn(b)).toBe('absent');
  });
});

describe('a migration whose source loses its power', () => {
  it('leaves a half copy at the destination for a while, which never executes', async () => {
    await a.startMigration(TOKEN, REQUEST);
    nowMs += 1_000;
    expect(await stateOn(b)).toBe('migrating-in');
    world.powerOff('a');
    expect(await stateOn(b)).toBe('migrating-in');
    expect(world.executingOn(UUID)).toEqual([]);
    nowMs += PEER_LOST_MS;
    expect(await stateOn(b)).toBe('absent');
    expect(world.executingOn(UUID)).toEqual([]);
  });
});

describe('a migration over a network that breaks', () => {
  it('goes on after a short cut, and ends after a long one', async () => {
    await a.startMigration(TOKEN, REQUEST);
    nowMs += 1_000;
    world.cut('b');
    await a.migrationCommand('op');
    nowMs += 2_000;
    world.heal('b');
    nowMs += 20_000;
    expect(await a.migrationCommand('op')).toEqual({ kind: 'ended', exitCode: 0, output: '' });
    expect(world.executingOn(UUID)).toEqual(['b']);
  });
});

describe('commands', () => {
  it('fail as unreachable, or as timeout on a host that hangs, and nothing happens', async () => {
    world.cut('a');
    await expect(a.kill(TOKEN, UUID)).rejects.toMatchObject({ code: 'unreachable' });
    world.heal('a');
    world.hang('a');
    const before = nowMs;
    await expect(a.kill(TOKEN, UUID)).rejects.toMatchObject({ code: 'timeout' });
    expect(nowMs).toBeGreaterThan(before);
    world.hang('a', false);
    expect(world.executingOn(UUID)).toEqual(['a']);
  });

  it('may take effect though their answer is lost', async () => {
    const error = new OperationalError('timeout', 'lost');
    world.inject({ host: 'a', method: 'kill', error, when: 'after', times: 1 });
    await expect(a.kill(TOKEN, UUID)).rejects.toBe(error);
    expect(await stateOn(a)).toBe('stopped');
    world.inject({ host: 'a', method: 'start', error, when: 'before', times: 1 });
    await expect(a.start(TOKEN, UUID)).rejects.toBe(error);
    expect(await stateOn(a)).toBe('stopped');
    await a.start(TOKEN, UUID);
  });

  it('take the time they are given', async () => {
    world.latencyMs = 40;
    await a.inventory();
    expect(nowMs).toBe(40);
  });
});

describe('a host that comes back', () => {
  it('starts what has autostart, before anybody is asked: why that must be off', async () => {
    await a.setAutostart(TOKEN, UUID, true);
    world.powerOff('a');
    await b.define(TOKEN, DEFINITION);
    await b.start(TOKEN, UUID);
    world.powerOn('a');
    expect(world.executingOn(UUID)).toEqual(['a', 'b']);
  });
});
