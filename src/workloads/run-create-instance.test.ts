// Creation of a container over a simulated host: killed at every write, every call failed, the host lost on the way. Nothing half-made stays, nothing of others is touched.
import { describe, expect, it } from 'vitest';
import type { CommandToken, MakeRequest } from '../hosts/hypervisor.js';
import { OperationalError } from '../shared/errors.js';
import { crashingJournal, everythingTwice, failedAtEachStep, fakeClock, killedEverywhere } from '../shared/workflow.fixture.js';
import { SimulatedGuard } from '../sim/simulated-guard.js';
import { SimulatedHypervisor } from '../sim/simulated-hypervisor.js';
import { guestDefinition } from '../sim/scenario/setup-cluster.js';
import { SimulatedWorld } from '../sim/simulated-world.js';
import { nextTry } from './placement-epoch.js';
import { CREATE_INSTANCE_STEPS, runCreateInstance, type CreateInstanceContext } from './run-create-instance.js';
import { startWayBack } from './start-steps.js';

const UUID = '11111111-2222-4333-8444-555555555555';
const OTHER = '11111111-2222-4333-8444-666666666666';
const HOST = 'host-1';
const TOKEN: CommandToken = { leaderEpoch: 1, hostEpoch: 1, workload: { uuid: UUID, epoch: 2 } };
const local = (uuid: string, name: string): string => guestDefinition(uuid, { name, kind: 'container', storage: 'local' });

function setUp({ source = { kind: 'image', image: 'noble' }, startIt = true, name = 'web' }: { readonly source?: MakeRequest['source']; readonly startIt?: boolean; readonly name?: string } = {}): { readonly world: SimulatedWorld; readonly context: CreateInstanceContext } {
  const clock = fakeClock();
  const world = new SimulatedWorld(clock);
  const host = world.addHost({ name: HOST, address: '10.0.0.1' });
  host.guard = new SimulatedGuard(HOST);
  host.guard.admit({ leaderEpoch: 1, hostEpoch: 1 }, host.bootId, host.bootId);
  host.domains.set(OTHER, { uuid: OTHER, name: 'old', kind: 'container', definition: local(OTHER, 'old'), running: null, reason: 'ended', autostart: true, statistics: null, data: 'of old' });
  const context: CreateInstanceContext = {
    operationId: 'op-1', workload: { uuid: UUID, name, definition: local(UUID, name) }, source, from: 'image noble', startIt, clock, stillWanted: async () => null,
    target: { name: HOST, hypervisor: new SimulatedHypervisor(world, HOST), token: TOKEN, provenOff: async () => !host.powered },
  };
  return { world, context };
}
const made = (world: SimulatedWorld) => world.host(HOST).domains.get(UUID);
const run = (context: CreateInstanceContext) => runCreateInstance(context, crashingJournal().journal());
/** The other container is as it was, whatever happened. */
const untouched = (world: SimulatedWorld): void => expect(world.host(HOST).domains.get(OTHER)).toMatchObject({ name: 'old', running: null, autostart: true, data: 'of old' });

describe('creation of a container', () => {
  it('makes it from an image, and starts it', async () => {
    const { world, context } = setUp();
    expect(await run(context)).toMatchObject({ kind: 'succeeded', memo: { definition: local(UUID, 'web') } });
    expect(made(world)).toMatchObject({ name: 'web', running: { state: 'running' }, replica: null, autostart: false });
    untouched(world);
  });
  it('copies another one, with its data, and leaves it stopped where that was asked for', async () => {
    const { world, context } = setUp({ source: { kind: 'copy', uuid: OTHER }, startIt: false });
    expect(await run(context)).toMatchObject({ kind: 'succeeded', memo: { definition: local(UUID, 'web') } });
    expect(made(world)).toMatchObject({ running: null, replica: null, data: 'of old' });
    untouched(world);
  });
  it('says what its daemon says, and leaves nothing', async () => {
    const { world, context } = setUp({ source: { kind: 'image', image: 'none' } });
    expect(await run(context)).toMatchObject({ kind: 'failed', code: 'make-failed', why: 'web was not made on host-1 from image noble: Image alias not found' });
    expect(made(world)).toBeUndefined();
  });
  it('touches nothing that has its name already', async () => {
    const { world, context } = setUp({ name: 'old' });
    expect(await run(context)).toMatchObject({ kind: 'failed', why: expect.stringContaining('another instance named old') as string });
    expect(made(world)).toBeUndefined();
    untouched(world);
  });
  it('is cancelled while it is made', async () => {
    const { world, context } = setUp();
    const { journal, cancel } = crashingJournal();
    const target = { ...context.target };
    const looking = { ...context, target, clock: { ...context.clock, sleep: async (ms: number) => (cancel(), context.clock.sleep(ms)) } };
    expect(await runCreateInstance(looking, journal())).toMatchObject({ kind: 'cancelled' });
    expect(made(world)).toBeUndefined();
  });
  it('is not begun when it is wanted no longer, nor where the host can not take it', async () => {
    const unwanted = setUp();
    expect(await run({ ...unwanted.context, stillWanted: async () => 'host-1 is not online' })).toMatchObject({ kind: 'cancelled', why: 'host-1 is not online' });
    const bare = setUp();
    Object.assign(bare.world.host(HOST), { bridges: [] });
    expect(await run(bare.context)).toMatchObject({ kind: 'failed', code: 'bridge-missing', why: expect.stringContaining('ip link add br0') as string });
    for (const { world } of [unwanted, bare]) expect(made(world)).toBeUndefined();
  });
  it('its host loses power meanwhile: it ends, and what is left there is started by nothing', async () => {
    const { world, context } = setUp();
    const { clock } = context;
    const outcome = await run({ ...context, clock: { ...clock, sleep: async (ms) => (world.host(HOST).powered && world.powerOff(HOST), clock.sleep(ms)) } });
    expect(outcome).toMatchObject({ kind: 'failed', code: 'target-unreachable' });
    world.powerOn(HOST);
    expect(made(world)).toMatchObject({ running: null, replica: { asOfMs: null } });
    expect(await context.target.hypervisor.observe(UUID)).toBeNull();
  });
  it('its host boots meanwhile: it is made anew over what was left', async () => {
    const { world, context } = setUp();
    await context.target.hypervisor.copies?.startMake(TOKEN, { id: 'make-op-1', uuid: UUID, definition: context.workload.definition, source: context.source });
    world.powerOff(HOST);
    world.powerOn(HOST);
    const host = world.host(HOST);
    host.guard?.admit({ leaderEpoch: 1, hostEpoch: 2 }, host.bootId, host.bootId);
    expect(await run({ ...context, target: { ...context.target, token: { ...TOKEN, hostEpoch: 2 } } })).toMatchObject({ kind: 'succeeded' });
    expect(made(world)).toMatchObject({ running: { state: 'running' }, replica: null });
  });
});

describe('one call fails', () => {
  const METHODS = ['observe', 'overtake', 'compatibility', 'startMake', 'copyCommand', 'replicas', 'define', 'setAutostart', 'definition', 'start', 'undefine', 'abortCopy', 'deleteReplica'] as const;
  const cases = METHODS.flatMap((method) => (['unreachable', 'timeout', 'failed', 'busy', 'guard-refused'] as const).flatMap((code) => (['before', 'after'] as const).flatMap((when) => [true, false].map((fails) => ({ method, code, when, fails })))));
  it.each(cases)('$method, $code, $when; its start fails: $fails', async ({ method, code, when, fails }) => {
    const { world, context } = setUp();
    world.inject({ host: HOST, method, error: new OperationalError(code, `injected ${code}`), when, times: 1 });
    if (fails && method !== 'start') world.inject({ host: HOST, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 1 });
    const outcome = await run(context);
    if (outcome.kind === 'succeeded') expect(made(world)?.running?.state).toBe('running');
    // Nothing that anything would start; what could not be taken away now is a replica.
    else expect([made(world)?.running ?? null, outcome.kind === 'unknown' || made(world) === undefined || made(world)?.replica !== null]).toEqual([null, true]);
    untouched(world);
  });
});

describe('steps: creation of a container', () => {
  it('each step and each undo may run twice', async () => {
    const { outcome, world } = await everythingTwice(setUp(), CREATE_INSTANCE_STEPS);
    expect([outcome.kind, made(world)?.running?.state]).toEqual(['succeeded', 'running']);
  });
  it('failed at each step: nothing is left of it', async () => {
    await failedAtEachStep(setUp, CREATE_INSTANCE_STEPS, ({ outcome, world, failedAt, when }) => {
      const runs = failedAt === 'confirm' || (failedAt === 'start' && when === 'after');
      expect([failedAt, when, outcome.kind, made(world)?.running?.state]).toEqual([failedAt, when, runs ? 'unknown' : 'failed', runs ? 'running' : undefined]);
      if (!runs) expect(made(world)).toBeUndefined();
      untouched(world);
    }, startWayBack);
  });
  it('crashed at each write and resumed: it is made once', async () => {
    const kills = await killedEverywhere(setUp, CREATE_INSTANCE_STEPS, ({ outcome, world }) => {
      expect([outcome.kind, made(world)?.running?.state, world.host(HOST).copies.size]).toEqual(['succeeded', 'running', 1]);
      untouched(world);
    }, startWayBack);
    expect(kills).toBeGreaterThan(CREATE_INSTANCE_STEPS.length);
  });
  it('crashed at each write of the way back and resumed: nothing is left of it', async () => {
    const failing = (): ReturnType<typeof setUp> => {
      const one = setUp();
      one.world.inject({ host: HOST, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 9 });
      return one;
    };
    const raised = (context: CreateInstanceContext): CreateInstanceContext => ({ ...context, target: { ...context.target, token: { ...TOKEN, workload: { uuid: UUID, epoch: nextTry(2) } } } });
    await killedEverywhere(failing, CREATE_INSTANCE_STEPS, ({ outcome, world }) => {
      expect([outcome.kind, made(world)]).toEqual(['failed', undefined]);
      untouched(world);
    }, startWayBack, raised);
  });
});
