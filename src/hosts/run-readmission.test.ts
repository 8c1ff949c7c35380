// Re-admission and removal: what belongs elsewhere is never left to start here, and never touched while it runs.
import { describe, expect, it } from 'vitest';
import { crashingJournal, everythingTwice, failedAtEachStep, killedEverywhere } from '../shared/workflow.fixture.js';
import { OperationalError } from '../shared/errors.js';
import { fakeSide, type FakeHost } from './enrolment.fixture.js';
import type { Host } from './host.js';
import type { Hypervisor, MuteDriver, ObservedWorkload, RunState } from './hypervisor.js';
import { READMISSION_STEPS, runReadmission, type KnownWorkload, type ReadmissionContext } from './run-readmission.js';
import { REMOVAL_STEPS, runRemoval, whyNotRemovable } from './run-removal.js';

interface World {
  readonly host: FakeHost;
  readonly peer: FakeHost;
  readonly domains: Map<string, ObservedWorkload>;
  readonly log: string[];
  failUndefine: boolean;
  mute: readonly MuteDriver[];
  /** What was told to run there, each time. */
  readonly told: string[][];
}

const shown = (uuid: string, runState: RunState, autostart = false): ObservedWorkload => ({ uuid, name: uuid, kind: 'vm', driver: 'libvirt', runState, reason: 'unknown', vcpus: 1, memoryMiB: 64, autostart, persistent: true });
const known = (uuid: string, elsewhere: string | null, isProtected = true): KnownWorkload => ({ uuid, name: uuid, workloadEpoch: 5, isProtected, elsewhere, reusesStale: false });

function setUp(domains: readonly ObservedWorkload[], workloads: readonly KnownWorkload[], prepare: (world: World) => void = () => {}): { world: World; context: ReadmissionContext } {
  const network = new Map<string, FakeHost>();
  const self = fakeSide('host-1', network);
  const peer = fakeSide('host-2', network);
  const world: World = { host: self.host, peer: peer.host, domains: new Map(domains.map((one) => [one.uuid, one])), log: [], failUndefine: false, mute: [], told: [] };
  const guarded = (line: string): void => {
    if (world.host.admitted === null) throw new OperationalError('guard-refused', 'not admitted');
    world.log.push(line);
  };
  const hypervisor: Pick<Hypervisor, 'inventory' | 'undefine' | 'setAutostart'> = {
    inventory: async () => ({ workloads: [...world.domains.values()], mute: world.mute }),
    undefine: async (token, uuid) => {
      guarded(`undefine ${uuid} at ${token.workload?.epoch}`);
      if (world.failUndefine) throw new OperationalError('failed', 'libvirtd is busy');
      if (world.domains.get(uuid)?.runState !== 'stopped') throw new OperationalError('failed', 'it runs');
      world.domains.delete(uuid);
    },
    setAutostart: async (_token, uuid, on) => {
      guarded(`autostart ${uuid} ${on}`);
      world.domains.set(uuid, { ...world.domains.get(uuid)!, autostart: on });
    },
  };
  prepare(world);
  const context: ReadmissionContext = { self: self.side, peers: [peer.side], hypervisor: hypervisor as Hypervisor, judgesByNewest: async () => null, isOnlyCopy: async () => false, onLook: async ({ workloads: seen, processes }) => void world.told.push([...seen.filter(({ runState: state }) => state !== 'stopped').map(({ uuid }) => uuid), ...processes]), admission: { bootId: 'boot-1', token: { leaderEpoch: 1, hostEpoch: 4 } }, workloads, takenPools: [] };
  return { world, context };
}

const run = (context: ReadmissionContext) => runReadmission(context, crashingJournal().journal());
const stale = () => setUp([shown('moved', 'stopped', true), shown('local', 'stopped', true), shown('free', 'stopped', true), shown('stranger', 'running')], [known('moved', 'host-2'), known('local', null), known('free', null, false), known('other', 'host-2')]);

describe('re-admission', () => {
  it('leaves what its cluster of daemons has moved there, and what it can not have any more is no reason to stay out', async () => {
    const one = setUp([{ ...shown('ct', 'stopped'), kind: 'container', driver: 'lxd', isOnlyOne: true }], [known('ct', 'host-2')]);
    const copies = { setAside: async () => { throw new OperationalError('unsupported', 'the only one in its cluster'); } } as unknown as Hypervisor['copies'];
    expect((await run({ ...one.context, hypervisor: { ...one.context.hypervisor, copies } })).kind).toBe('succeeded');
    const pool = { driver: 'lxd', pool: 'ha', uuid: 'a', newUuid: 'b', sizeBytes: 1, generation: 1, byHostId: 'id-host-2' as never, isClaimed: true, isDone: true, atMs: 0 } as const;
    const bare = { ...setUp([], []).context };
    expect(await run({ ...bare, hypervisor: { ...bare.hypervisor, pools: null }, takenPools: [pool] })).toMatchObject({ kind: 'succeeded', memo: { lostPools: ['lxd:ha'] } });
    expect(await run({ ...setUp([], []).context, hypervisor: { ...bare.hypervisor, pools: null }, takenPools: [{ ...pool, isDone: false }] })).toMatchObject({ kind: 'failed', why: expect.stringContaining('has no daemon any more') as unknown });
  });

  it.each([false, true])('keeps what a container had written here for a person, or for the next copy where its owner says so (%s)', async (reusesStale) => {
    const asked: boolean[] = [];
    const one = setUp([{ ...shown('ct', 'stopped'), kind: 'container', driver: 'lxd' }], [{ ...known('ct', 'host-2'), reusesStale }]);
    const copies = { setAside: async (_token: unknown, uuid: string, isReusable: boolean) => { asked.push(isReusable); one.world.domains.delete(uuid); } } as unknown as Hypervisor['copies'];
    const outcome = await run({ ...one.context, hypervisor: { ...one.context.hypervisor, copies } });
    expect([outcome.kind, asked, one.world.log]).toEqual(['succeeded', [reusesStale], []]);
  });

  it('takes what was moved there by hand for the only copy where its home has none, and does not touch it', async () => {
    const moved = setUp([shown('moved', 'running', true), shown('twin', 'running')], [known('moved', 'host-2'), known('twin', 'host-2')]);
    const isOnlyCopy = async ({ uuid }: KnownWorkload): Promise<boolean> => uuid === 'moved';
    expect(await run({ ...moved.context, isOnlyCopy })).toMatchObject({ kind: 'unknown', code: 'running-copy', why: expect.stringMatching(/runs twin \(belongs to host-2\)/) as unknown });
    moved.world.domains.delete('twin');
    expect((await run({ ...moved.context, isOnlyCopy })).kind).toBe('succeeded');
    expect(moved.world.log).toEqual(['autostart moved false']);
    expect(moved.world.domains.get('moved')?.runState).toBe('running');
  });

  it('asks again at the end: what has been started at its home meanwhile is no only copy any more', async () => {
    const { world, context } = setUp([shown('moved', 'running')], [known('moved', 'host-2')]);
    const isOnlyCopy = async (): Promise<boolean> => world.host.admitted === null;
    expect(await run({ ...context, isOnlyCopy })).toMatchObject({ kind: 'unknown', code: 'running-copy', why: expect.stringContaining('belongs to host-2') as unknown });
    expect(world.domains.get('moved')?.runState).toBe('running');
  });

  it('removes old definitions and autostart of what is protected, leaves the rest', async () => {
    const { world, context } = stale();
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.host.admitted).toEqual({ epoch: 4, bootId: 'boot-1' });
    expect(world.log).toEqual(['autostart moved false', 'undefine moved at 5', 'autostart local false']);
    expect([...world.domains.keys()]).toEqual(['local', 'free', 'stranger']);
    expect(world.domains.get('free')?.autostart).toBe(true);
  });

  for (const state of ['running', 'paused', 'migrating-in', 'stopping'] as const) {
    it(`does not admit a host with a ${state} copy of what belongs elsewhere, and does not touch it`, async () => {
      const { world, context } = setUp([shown('moved', state)], [known('moved', 'host-2')]);
      expect(await run(context)).toMatchObject({ kind: 'unknown', code: 'running-copy' });
      expect(world.host.admitted).toBeNull();
      expect(world.log).toEqual([]);
    });
  }

  it('does not touch a copy that is started while it is looked over, and says so', async () => {
    const { world, context } = setUp([shown('moved', 'stopped')], [known('moved', 'host-2')]);
    const admit = async (...args: Parameters<typeof context.self.agent.admit>) => {
      await context.self.agent.admit(...args);
      world.domains.set('moved', shown('moved', 'running'));
    };
    expect(await run({ ...context, self: { ...context.self, agent: { ...context.self.agent, admit } } })).toMatchObject({ kind: 'unknown', code: 'running-copy' });
    expect(world.log).toEqual([]);
    expect(world.told.at(-1)).toEqual(['moved']);
  });

  it('believes the kernel when the hypervisor denies', async () => {
    const { world, context } = setUp([], [known('moved', 'host-2')], (one) => void (one.host.running = ['moved']));
    expect(await run(context)).toMatchObject({ kind: 'unknown', code: 'running-copy' });
    expect(world.host.admitted).toBeNull();
    expect(world.told).toEqual([['moved']]);
  });

  it('starts over when the host has rebooted again', async () => {
    const { world, context } = setUp([], [], (one) => void (one.host.survey = { ...one.host.survey, bootId: 'boot-1b' }));
    expect(await run(context)).toMatchObject({ kind: 'failed', code: 'rebooted-again' });
    expect(world.host.admitted).toBeNull();
  });

  it('keeps its own protected workload, running or not', async () => {
    const { world, context } = setUp([shown('local', 'running')], [known('local', null)]);
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.domains.get('local')?.runState).toBe('running');
  });

  it('fails, and is tried again, when an old definition stays', async () => {
    const { context } = setUp([shown('moved', 'stopped')], [known('moved', 'host-2')], (one) => void (one.failUndefine = true));
    expect(await run(context)).toMatchObject({ kind: 'failed' });
  });

  it('waits for every hypervisor of the host: what can not be seen may run', async () => {
    const { world, context } = setUp([], [known('moved', 'host-2')], (one) => void (one.mute = [{ driver: 'lxd', why: 'connection refused' }]));
    expect(await run(context)).toMatchObject({ kind: 'failed', why: expect.stringContaining('LXD there does not answer') as string });
    expect(world.host.admitted).toBeNull();
  });

  it('is not held up by keys', async () => {
    const { context } = setUp([], [], (one) => void (one.peer.fault = { method: 'publicKey', nth: 1, code: 'failed' }));
    expect((await run(context)).kind).toBe('succeeded');
  });
});

const removal = (hostIsLost = false) => {
  const { world, context } = setUp([], []);
  world.host.config = context.self.config;
  world.host.hasKey = true;
  world.peer.trusted.add('id-host-1');
  return { world, context: { self: context.self, peers: context.peers, whyNot: async () => null, hostIsLost } };
};

describe('removal', () => {
  it('takes agent and keys off, and makes the members forget it', async () => {
    const { world, context } = removal();
    expect((await runRemoval(context, crashingJournal().journal())).kind).toBe('succeeded');
    expect(world.host).toMatchObject({ config: null, hasKey: false });
    expect([...world.peer.trusted]).toEqual([]);
    expect(world.peer.config).toEqual(context.peers[0]?.config);
  });
  it('leaves another cluster’s agent and keys on the host', async () => {
    const { world, context } = removal();
    world.host.config = { ...context.self.config, clusterId: 'another' };
    expect((await runRemoval(context, crashingJournal().journal())).kind).toBe('succeeded');
    expect(world.host).toMatchObject({ config: { clusterId: 'another' }, hasKey: true });
    expect([...world.peer.trusted]).toEqual([]);
  });
  it('does nothing while it is in use', async () => {
    const { world, context } = removal();
    expect(await runRemoval({ ...context, whyNot: async () => 'has a workload' }, crashingJournal().journal())).toMatchObject({ kind: 'failed', code: 'in-use' });
    expect([...world.host.calls, ...world.peer.calls]).toEqual([]);
  });
  it('gives up a lost host without asking it', async () => {
    const { world, context } = removal(true);
    world.host.away = true;
    expect((await runRemoval(context, crashingJournal().journal())).kind).toBe('succeeded');
    expect(world.host.calls).toEqual([]);
  });

  const host = (more: Partial<Host>): Host => ({ id: 'h', name: 'host-1', condition: 'online', intent: 'maintenance', ...more }) as Host;
  it('is refused while workloads are there, in service, or not proven off', () => {
    expect(whyNotRemovable(host({}), [])).toBeNull();
    expect(whyNotRemovable(host({}), [{ name: 'vm-1', hostId: 'h' }])).toContain('still has a workload: vm-1');
    expect(whyNotRemovable(host({}), Array.from({ length: 7 }, (_, n) => ({ name: `vm-${n}`, hostId: 'h' })))).toContain('vm-4 and 2 more');
    expect(whyNotRemovable(host({}), [{ name: 'vm-1', hostId: 'other' }])).toBeNull();
    expect(whyNotRemovable(host({ intent: 'active' }), [])).toContain('reeve host drain host-1');
    for (const condition of ['silent', 'fencing'] as const) expect(whyNotRemovable(host({ condition }), [])).toContain('confirm-off');
    for (const condition of ['enrolling', 'fenced', 'offline'] as const) expect(whyNotRemovable(host({ condition, intent: 'active' }), [])).toBeNull();
  });
});

describe('steps: re-admission', () => {
  it('each step may run twice', async () => {
    const { outcome, world } = await everythingTwice(stale(), READMISSION_STEPS);
    expect([outcome.kind, [...world.domains.keys()]]).toEqual(['succeeded', ['local', 'free', 'stranger']]);
  });

  it('failed at each step: told, and what runs here is never touched', async () => {
    await failedAtEachStep(stale, READMISSION_STEPS, ({ outcome, world }) => {
      expect(outcome.kind).toBe('failed');
      for (const kept of ['local', 'free', 'stranger']) expect(world.domains.has(kept)).toBe(true);
    });
  });

  it('crashed at each write and resumed: what belongs elsewhere is gone, the rest is left', async () => {
    await killedEverywhere(stale, READMISSION_STEPS, ({ outcome, world }) => {
      expect(outcome.kind).toBe('succeeded');
      expect([...world.domains.keys()]).toEqual(['local', 'free', 'stranger']);
    });
  });
});

describe('steps: removal', () => {
  const isGone = ({ host, peer }: World): boolean => host.config === null && !host.hasKey && peer.trusted.size === 0;

  it('each step may run twice', async () => {
    const { outcome, world } = await everythingTwice(removal(), REMOVAL_STEPS);
    expect([outcome.kind, isGone(world)]).toEqual(['succeeded', true]);
  });

  it('failed at each step: told, and brought to its end when it is asked for again', async () => {
    const tried: ReturnType<typeof removal>[] = [];
    await failedAtEachStep(() => (tried.push(removal()), tried.at(-1) ?? removal()), REMOVAL_STEPS, ({ outcome, world, failedAt, when }) => {
      const isUntouched = failedAt === 'check' || (failedAt === 'host' && when === 'before');
      expect([failedAt, when, outcome.kind, world.host.hasKey]).toEqual([failedAt, when, 'failed', isUntouched]);
    });
    for (const { world, context } of tried) expect([(await runRemoval(context, crashingJournal().journal())).kind, isGone(world)]).toEqual(['succeeded', true]);
    expect(tried).toHaveLength(2 * REMOVAL_STEPS.length);
  });

  it('crashed at each write and resumed: agent and keys are gone, and no member knows it', async () => {
    await killedEverywhere(removal, REMOVAL_STEPS, ({ outcome, world }) => {
      expect(outcome.kind).toBe('succeeded');
      expect(isGone(world)).toBe(true);
    });
  });
});
