// A pool changes its host over simulated hosts: mounted on two never, whatever fails or is killed; and only on a proof about power.
import { describe, expect, it } from 'vitest';
import type { FenceDevice } from '../fencing/fence-device.js';
import type { HostProof } from '../hosts/host.js';
import type { CommandToken, PoolRequest } from '../hosts/hypervisor.js';
import { nextUuid } from '../hosts/shared-filesystem.js';
import { OperationalError } from '../shared/errors.js';
import { crashingJournal, everythingTwice, failedAtEachStep, fakeClock, killedEverywhere } from '../shared/workflow.fixture.js';
import { SimulatedGuard } from '../sim/simulated-guard.js';
import { SimulatedHypervisor } from '../sim/simulated-hypervisor.js';
import { storageIn } from '../sim/simulated-needs.js';
import { SimulatedWorld } from '../sim/simulated-world.js';
import { POOL_TAKE_OVER_STEPS, runPoolTakeOver, UNTOUCHED_CODES, type PoolTakeOverContext } from './run-pool-take-over.js';

const [OLD, NEW, POOL, UUID] = ['host-1', 'host-2', 'ha-host-1', '11111111-2222-4333-8444-555555555555'];
const TOKEN: CommandToken = { leaderEpoch: 1, hostEpoch: 1 };
const request: PoolRequest = { driver: 'lxd', pool: POOL, uuid: `fs-${POOL}`, newUuid: nextUuid(`fs-${POOL}`), sizeBytes: 1, generation: 1 };
const proof = (kind: HostProof['kind']): HostProof => ({ kind, evidence: 'x', atMs: 0, bootId: null, hostEpoch: 1 });

interface Given {
  readonly proof?: HostProof | null;
  readonly isOn?: boolean;
  readonly devices?: readonly FenceDevice[];
  /** Where what lies in it is at home by now; null: where the pool is. */
  readonly elsewhere?: string | null;
}

function setUp({ proof: given = proof('power-off'), isOn = false, devices, elsewhere = null }: Given = {}) {
  const world = new SimulatedWorld(fakeClock());
  let twice = 0;
  const nothing = (): void => undefined;
  world.observer = {
    started: nothing, ended: nothing, arrived: nothing, migrationBegan: nothing, startFailed: nothing, migrateFailed: nothing, accepted: nothing,
    mounted: (host, pool) => void (twice += [...world.hosts].filter((one) => one !== host && one.powered && one.mounts.has(pool)).length),
  };
  for (const [index, name] of [OLD, NEW].entries()) {
    const host = world.addHost({ name, address: `10.0.0.${index + 1}` });
    host.guard = new SimulatedGuard(name);
    host.guard.admit({ leaderEpoch: 1, hostEpoch: 1 }, host.bootId, host.bootId);
  }
  world.luns.set(POOL, { pool: POOL, uuid: request.uuid, holder: OLD });
  world.host(OLD).lunPools.set(POOL, request.uuid);
  world.mount(world.host(OLD), POOL);
  const definition = `<domain type='lxc'><name>ct</name><uuid>${UUID}</uuid><vcpu>1</vcpu><memory unit='MiB'>16</memory>${storageIn(POOL)}</domain>`;
  world.host(OLD).domains.set(UUID, { uuid: UUID, name: 'ct', kind: 'container', definition, running: null, reason: 'unknown', autostart: false, statistics: null, pool: POOL });
  if (!isOn) world.powerOff(OLD);
  const device: FenceDevice = { describe: 'ipmi a', automatic: true, off: async () => undefined, on: async () => undefined, status: async () => (world.host(OLD).powered ? 'on' : 'off') };
  const context: PoolTakeOverContext = {
    request, fromHost: OLD, proof: given, devices: devices ?? [device], answers: async () => world.host(OLD).powered, stillWanted: async () => null, workloads: async () => [{ uuid: UUID, name: 'ct', workloadEpoch: 1, isProtected: true, elsewhere, reusesStale: false }],
    target: { name: NEW, hypervisor: new SimulatedHypervisor(world, NEW), token: TOKEN }, clock: world.clock,
  };
  const has = (host: string): boolean => world.host(host).mounts.has(POOL);
  return { world: { world, has, mountedTwice: () => twice, lun: () => world.luns.get(POOL) }, context };
}

type Made = ReturnType<typeof setUp>;
const run = ({ context }: Made): ReturnType<typeof runPoolTakeOver> => runPoolTakeOver(context, crashingJournal().journal());
const untouched = ({ world }: Made): void => expect([world.lun()?.uuid, world.has(NEW), world.mountedTwice()]).toEqual([request.uuid, false, 0]);
const taken = ({ has, lun, world, mountedTwice }: Made['world']): void => {
  expect([lun()?.uuid, has(NEW), mountedTwice()]).toEqual([request.newUuid, true, 0]);
  expect(world.host(NEW).domains.get(UUID)).toMatchObject({ running: null });
  // Whatever its old host does now, it does not find it.
  world.powerOn(OLD);
  expect([has(OLD), mountedTwice()]).toEqual([false, 0]);
};
const failing = (state: 'on' | OperationalError): FenceDevice => ({ describe: 'ipmi a', automatic: true, off: async () => undefined, on: async () => undefined, status: async () => { if (state === 'on') return state; throw state; } });
const mute = failing(new OperationalError('timeout', 'no answer'));

describe('runPoolTakeOver', () => {
  it('gives the pool to its target, stopped, under a name that the old host does not look for', async () => {
    const one = setUp();
    expect((await run(one)).kind).toBe('succeeded');
    taken(one.world);
  });

  it.each<[string, Given, string]>([
    ['no proof', { proof: null }, 'no-proof'],
    ['the end of a lease', { proof: proof('lease-expired'), isOn: true }, 'no-proof'],
    ['a new boot', { proof: proof('new-boot'), isOn: true }, 'no-proof'],
    ['a good-bye', { proof: proof('stopped') }, 'no-proof'],
    ['its power is on again', { isOn: true }, 'not-off'],
    ['its device is mute now', { devices: [mute] }, 'off-unknown'],
    ['a person said so, and its device says on', { proof: proof('operator'), devices: [failing('on')] }, 'not-off'],
    ['a person said so, and it answers', { proof: proof('operator'), devices: [], isOn: true }, 'not-off'],
  ])('%s: it stays where it is', async (_name, given, code) => {
    const one = setUp(given);
    expect(await run(one)).toMatchObject({ kind: 'failed', code });
    untouched(one);
    expect(UNTOUCHED_CODES.has(code)).toBe(true);
  });

  it('a person said so, and nobody contradicts', async () => {
    const one = setUp({ proof: proof('operator'), devices: [mute] });
    expect((await run(one)).kind).toBe('succeeded');
    taken(one.world);
  });

  it('is not wanted any more', async () => {
    const one = setUp();
    expect(await runPoolTakeOver({ ...one.context, stillWanted: async () => 'it is online again' }, crashingJournal().journal())).toMatchObject({ kind: 'cancelled' });
    untouched(one);
  });

  it('claimed by a run before this one, its old host may be back: it goes on', async () => {
    const one = setUp();
    await one.context.target.hypervisor.pools?.claim(TOKEN, request, Infinity);
    one.world.world.powerOn(OLD);
    expect((await run(one)).kind).toBe('succeeded');
    expect([one.world.has(NEW), one.world.has(OLD), one.world.mountedTwice()]).toEqual([true, false, 0]);
  });

  it('claimed, and its old host back with a new boot: what is brought to its end needs no proof about power any more', async () => {
    const one = setUp({ proof: proof('new-boot') });
    await one.context.target.hypervisor.pools?.claim(TOKEN, request, Infinity);
    one.world.world.powerOn(OLD);
    expect((await run(one)).kind).toBe('succeeded');
    expect([one.world.has(NEW), one.world.has(OLD), one.world.mountedTwice()]).toEqual([true, false, 0]);
  });

  it('a target that has another pool of that name claims nothing', async () => {
    const one = setUp();
    one.world.world.host(NEW).lunPools.set(POOL, 'another');
    expect(await run(one)).toMatchObject({ kind: 'failed', code: 'not-claimed', why: expect.stringContaining('another pool named') as string });
    untouched(one);
  });

  it.each<[string, 'before' | 'after', string, string]>([
    ['the claim is refused', 'before', 'failed', 'not-claimed'],
    ['the answer to the claim is lost, and it took place', 'after', 'failed', 'half-claimed'],
  ])('%s', async (_name, when, kind, code) => {
    const one = setUp();
    one.world.world.inject({ host: NEW, method: 'claim', error: new OperationalError('timeout', 'no answer'), when, times: 1 });
    expect(await run(one)).toMatchObject({ kind, code });
    expect(UNTOUCHED_CODES.has(code)).toBe(when === 'before');
    expect((await run(one)).kind).toBe('succeeded');
    taken(one.world);
  });

  it('a target that does not see the device any more after its claim may have claimed it', async () => {
    const one = setUp();
    const lun = one.world.lun()!;
    one.world.world.inject({ host: NEW, method: 'claim', error: new OperationalError('failed', 'udev does not name it'), when: 'after', times: 1 });
    const pools = one.context.target.hypervisor.pools!;
    const claim = pools.claim.bind(pools);
    Object.assign(pools, { claim: async (...words: Parameters<typeof claim>) => { try { await claim(...words); } finally { one.world.world.luns.delete(POOL); } } });
    const outcome = await run(one);
    expect(outcome).toMatchObject({ kind: 'unknown', code: 'target-unknown', why: expect.stringContaining('does not see its device now') as string });
    one.world.world.luns.set(POOL, lun);
    Object.assign(pools, { claim });
    expect((await run(one)).kind).toBe('succeeded');
    taken(one.world);
  });

  it('a target that does not answer may have it', async () => {
    const one = setUp();
    one.world.world.cut(NEW);
    expect(await run(one)).toMatchObject({ kind: 'unknown', code: 'target-unknown' });
  });

  it('what is at home elsewhere by now is set aside in it: neither started nor shown', async () => {
    const one = setUp({ elsewhere: 'host-3' });
    expect(await run(one)).toMatchObject({ kind: 'succeeded', memo: { kept: ['ct (at home on host-3)'] } });
    const { hypervisor } = one.context.target;
    expect([await hypervisor.observe(UUID), await hypervisor.copies?.replicas(UUID)]).toEqual([null, [expect.objectContaining({ uuid: UUID, kind: 'set-aside' })]]);
    expect((await run(one)).kind).toBe('succeeded');
  });

  it('where its daemon has one of the same name already, nothing is claimed', async () => {
    const one = setUp();
    const twin = '99999999-2222-4333-8444-555555555555';
    one.world.world.host(NEW).domains.set(twin, { uuid: twin, name: 'ct', kind: 'container', definition: '', running: null, reason: 'unknown', autostart: false, statistics: null });
    expect(await run(one)).toMatchObject({ kind: 'failed', code: 'not-claimed', why: expect.stringContaining('an instance ct already') as string });
    untouched(one);
  });

  it('a command that comes late is refused', async () => {
    const one = setUp();
    await expect(one.context.target.hypervisor.pools?.claim(TOKEN, request, one.context.clock.nowMs() - 1)).rejects.toThrow(/came too late/);
    untouched(one);
  });
});

describe('steps: pool take-over', () => {
  it('each step may run twice', async () => {
    const { outcome, world } = await everythingTwice(setUp(), POOL_TAKE_OVER_STEPS);
    expect(outcome.kind).toBe('succeeded');
    taken(world);
  });

  it('failed at each step: mounted on two never, and brought to its end when it is run again', async () => {
    const tried: Made[] = [];
    await failedAtEachStep(() => (tried.push(setUp()), tried.at(-1) ?? setUp()), POOL_TAKE_OVER_STEPS, ({ world }) => expect(world.mountedTwice()).toBe(0));
    for (const one of tried) {
      expect((await run(one)).kind).toBe('succeeded');
      taken(one.world);
    }
  });

  it('crashed at each write and resumed: taken over, once', async () => {
    await killedEverywhere(setUp, POOL_TAKE_OVER_STEPS, ({ outcome, world }) => {
      expect(outcome.kind).toBe('succeeded');
      taken(world);
    });
  });
});
