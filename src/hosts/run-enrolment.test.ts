// Enrolment: refuses what is wrong and leaves nothing behind; safe to kill anywhere; members that are away keep nobody out.
import { describe, expect, it } from 'vitest';
import { crashingJournal, everythingTwice, failedAtEachStep, fakeClock, killedEverywhere } from '../shared/workflow.fixture.js';
import type { OperationalCode } from '../shared/errors.js';
import type { CheckPoint } from './enrolment-check.js';
import { fakeSide, type FakeHost } from './enrolment.fixture.js';
import { DEFAULT_EXPECTATIONS, type FenceLook } from './judge-survey.js';
import { ENROLMENT_STEPS, runEnrolment, type EnrolmentContext } from './run-enrolment.js';

interface World {
  readonly network: Map<string, FakeHost>;
  readonly host: FakeHost;
  readonly peer: FakeHost;
  readonly reports: (readonly CheckPoint[])[];
  heard: boolean;
  fence: FenceLook;
}

function setUp(prepare: (world: World) => void = () => {}): { world: World; context: EnrolmentContext } {
  const network = new Map<string, FakeHost>();
  const self = fakeSide('host-1', network);
  const peers = ['host-2', 'host-3'].map((name) => fakeSide(name, network));
  for (const peer of peers) peer.host.config = peer.side.config;
  self.host.survey = { ...self.host.survey, pools: [...self.host.survey.pools, { name: 'local', path: '/srv/local', active: true, writable: true, markerId: null }] };
  const world: World = { network, host: self.host, peer: peers[0]!.host, reports: [], heard: true, fence: { kind: 'none' } };
  prepare(world);
  let ids = 0;
  const context: EnrolmentContext = {
    self: self.side,
    peers: peers.map((peer) => peer.side),
    expectations: DEFAULT_EXPECTATIONS,
    setsUpLocks: false,
    token: { leaderEpoch: 3, hostEpoch: 7 },
    world: {
      clock: fakeClock(), lookAtFence: async () => world.fence, isHeard: async () => world.heard, configOf: async (peer) => peer.config,
      newMarkerId: () => `marker-${(ids += 1)}`, report: async (points) => void world.reports.push(points),
    },
  };
  return { world, context };
}

const run = (context: EnrolmentContext) => runEnrolment(context, crashingJournal().journal());

/** Somebody else was admitted between the beginning of an enrolment and its end. */
const configWith = (peer: EnrolmentContext['peers'][number], name: string) => ({ ...peer.config, members: [...peer.config.members, { ...peer.config.members[0]!, id: name }] });

function expectNothingLeft({ host, network }: World): void {
  expect(host).toMatchObject({ hasKey: false, config: null, admitted: null });
  expect([...host.trusted]).toEqual([]);
  expect(host.survey.pools.find((pool) => pool.name === 'local')?.markerId).toBeNull();
  for (const [name, other] of network) if (name !== 'host-1') expect([...other.trusted]).toEqual([]);
}

describe('enrolment', () => {
  it('tells members what is to be known when it tells them, and takes back no more than itself', async () => {
    const { world, context } = setUp();
    const late = { ...context, world: { ...context.world, configOf: async (peer: EnrolmentContext['peers'][number]) => configWith(peer, 'came-meanwhile') } };
    const known = (): readonly (string | undefined)[] => ['host-2', 'host-3'].map((name) => world.network.get(name)?.config?.members.at(-1)?.id);
    world.heard = false;
    expect(await run(late)).toMatchObject({ kind: 'failed', code: 'not-heard' });
    expect(known()).toEqual(['came-meanwhile', 'came-meanwhile']);
  });

  it('refuses a host of another cluster and leaves its agent alone, also when that came in between', async () => {
    const other = { ...setUp().context.self.config, clusterId: 'another' };
    const seen = setUp(({ host }) => {
      host.config = other;
      host.survey = { ...host.survey, agentClusterId: 'another' };
    });
    const unseen = setUp(({ host }) => void (host.config = other));
    for (const { world, context } of [seen, unseen]) {
      expect(await run(context)).toMatchObject({ kind: 'failed', code: 'check-failed', why: expect.stringContaining('the agent of another cluster (another) is installed here') as string });
      expect(world.host.config).toBe(other);
    }
    expect(seen.world.reports.at(-1)?.find((one) => one.code === 'cluster')?.remedy).toContain('reeve host remove');
  });

  it('tries the disk locks of shared pools with each member, lets go of them, and keeps no host out for what it finds', async () => {
    const { world, context } = setUp((one) => void (one.peer.meeting = { kind: 'let-through' }));
    expect(await run(context)).toMatchObject({ kind: 'succeeded' });
    expect(world.reports.at(-1)?.filter((one) => one.code === 'disk-locks').map((one) => one.state)).toEqual(['ok', 'warn']);
    expect(world.host.calls.filter((call) => call === 'holdTrialLock')).toHaveLength(1);
    expect(world.host.holdsTrial).toBe(false);
    expect([...world.network.values()].map((one) => one.calls.filter((call) => call === 'meetTrialLock').length)).toEqual([0, 1, 1]);
  });

  it('says which member could not try the disk locks, and goes on', async () => {
    const { world, context } = setUp((one) => void (one.peer.fault = { method: 'meetTrialLock', nth: 1, code: 'failed' }));
    expect(await run(context)).toMatchObject({ kind: 'succeeded' });
    expect(world.reports.at(-1)?.find((one) => one.code === 'disk-locks' && one.state === 'warn')?.detail).toContain('not tried in shared with host-2');
    expect(world.host.holdsTrial).toBe(false);
  });

  it('makes a host a member', async () => {
    const { world, context } = setUp();
    const outcome = await run(context);
    expect(outcome).toMatchObject({ kind: 'succeeded', memo: { bootId: 'boot-1' } });
    expect(world.host.admitted).toEqual({ epoch: 7, bootId: 'boot-1' });
    expect([...world.host.trusted].sort()).toEqual(['id-host-2', 'id-host-3']);
    expect([...world.peer.trusted]).toEqual(['id-host-1']);
    expect(world.host.survey.pools.map((pool) => pool.markerId)).toEqual(['m-shared', 'marker-1']);
    expect(world.reports.at(-1)?.at(-1)).toMatchObject({ code: 'migration-ssh', state: 'ok' });
  });

  it('makes a host without libvirt a member: nobody is asked to log in for migrations, from or to it', async () => {
    const without = (host: FakeHost): void => void (host.survey = { ...host.survey, hasLibvirt: false, libvirtVersion: null, qemuVersion: null, libvirtUuid: null, pools: [] });
    const alone = setUp(({ host }) => without(host));
    expect(await run(alone.context)).toMatchObject({ kind: 'succeeded' });
    expect([...alone.world.network.values()].map(({ calls }) => calls.filter((call) => call === 'reach').length)).toEqual([0, 0, 0]);
    expect([...alone.world.host.remotes.keys()]).toEqual(['host-2', 'host-3']);
    const beside = setUp(({ peer }) => without(peer));
    expect(await run(beside.context)).toMatchObject({ kind: 'succeeded' });
    expect([...beside.world.network.values()].map(({ calls }) => calls.filter((call) => call === 'reach').length)).toEqual([1, 0, 1]);
    expect(beside.world.reports.at(-1)?.at(-1)).toMatchObject({ code: 'migration-ssh', state: 'ok', detail: 'works both ways with host-3' });
  });

  it('refuses a host with a failed point, says every one, and touches no member', async () => {
    const { world, context } = setUp((one) => {
      one.host.survey = { ...one.host.survey, libvirtVersion: null, libvirtError: 'virsh: not found', clockOffsetMs: 9_000 };
    });
    const outcome = await run(context);
    expect(outcome).toMatchObject({ kind: 'failed', code: 'check-failed' });
    expect(outcome.kind === 'failed' && outcome.why).toMatch(/libvirt: virsh: not found.*; Clock: /);
    expect(world.peer.calls).toEqual(['survey']);
    expectNothingLeft(world);
  });

  it('reports what SSH said when the host cannot be reached', async () => {
    const { world, context } = setUp((one) => void (one.host.away = true));
    expect(await run(context)).toMatchObject({ kind: 'failed', code: 'check-failed', why: 'host-1 does not answer' });
    expect(world.reports).toMatchObject([[{ code: 'ssh', state: 'fail' }]]);
  });

  it('refuses a host that the others cannot log in to, and takes the keys back', async () => {
    const { world, context } = setUp((one) => void (one.host.unreachableFrom = 'host-2'));
    const outcome = await run(context);
    expect(outcome.kind === 'failed' && outcome.why).toMatch(/host-2 cannot log in to host-1: Permission denied/);
    expect(world.host.calls).not.toContain('install');
    expectNothingLeft(world);
  });

  it('goes on without a member that is away, and says so', async () => {
    const { world, context } = setUp((one) => void (one.peer.away = true));
    expect((await run(context)).kind).toBe('succeeded');
    expect([...world.host.trusted]).toEqual(['id-host-3']);
    expect(world.reports.at(-1)?.filter((one) => one.code === 'migration-ssh')).toMatchObject([{ state: 'warn', detail: expect.stringContaining('host-2') }]);
  });

  it('refuses a host whose heartbeats do not arrive, and makes the members forget it', async () => {
    const { world, context } = setUp((one) => void (one.heard = false));
    const outcome = await run(context);
    expect(outcome).toMatchObject({ kind: 'failed', code: 'not-heard' });
    expect(outcome.kind === 'failed' && outcome.why).toContain('ufw allow 7946/udp');
    expect(world.peer.config?.members.map((member) => member.name)).toEqual(['host-2', 'host-3']);
    expectNothingLeft(world);
  });

  it('admits the boot that is heard, not the one that was surveyed', async () => {
    const { world, context } = setUp();
    const rebooting = { ...context.self.agent, install: async (...args: Parameters<typeof context.self.agent.install>) => {
      await context.self.agent.install(...args);
      world.host.survey = { ...world.host.survey, bootId: 'boot-1b' };
    } };
    expect(await run({ ...context, self: { ...context.self, agent: rebooting } })).toMatchObject({ kind: 'succeeded', memo: { bootId: 'boot-1b' } });
    expect(world.host.admitted?.bootId).toBe('boot-1b');
  });

  it('can be cancelled while it waits for the first heartbeat', async () => {
    const { world, context } = setUp((one) => void (one.heard = false));
    const { journal, cancel } = crashingJournal();
    cancel();
    expect((await runEnrolment(context, journal())).kind).toBe('cancelled');
    expectNothingLeft(world);
  });

  it('works for the first host of a cluster', async () => {
    const { context } = setUp();
    expect((await run({ ...context, peers: [] })).kind).toBe('succeeded');
  });

  it('leaves no key and no agent behind, whichever call fails', async () => {
    const codes: readonly OperationalCode[] = ['unreachable', 'failed'];
    const methods = ['markPools', 'survey', 'publicKey', 'admitPeers', 'reach', 'install', 'configure', 'probe', 'admit'];
    for (const code of codes) for (const method of methods) for (const which of ['host', 'peer'] as const) for (const nth of [1, 2]) {
      const { world, context } = setUp((one) => void (one[which].fault = { method, nth, code }));
      const outcome = await run(context);
      if (outcome.kind === 'succeeded') expect(world.host.admitted).not.toBeNull();
      else expectNothingLeft(world);
      expect(outcome.kind).not.toBe('unknown');
    }
  });
});

describe('steps: enrolment', () => {
  it('each step and each undo may run twice', async () => {
    const { outcome, world } = await everythingTwice(setUp(), ENROLMENT_STEPS);
    expect([outcome.kind, world.host.admitted?.bootId, [...world.peer.trusted]]).toEqual(['succeeded', 'boot-1', ['id-host-1']]);
  });

  it('failed at each step: nothing of it is left behind', async () => {
    await failedAtEachStep(setUp, ENROLMENT_STEPS, ({ outcome, world, failedAt, when }) => {
      expect(outcome.kind).toBe('failed');
      // A step that broke off before it could say which markers it wrote leaves them: they harm nobody, and the next enrolment takes them.
      if (failedAt === 'mark-pools' && when === 'after') for (const pool of world.host.survey.pools) Object.assign(pool, { markerId: pool.name === 'local' ? null : pool.markerId });
      expectNothingLeft(world);
    });
  });

  it('crashed at each write and resumed: it is admitted, and trusted once', async () => {
    const kills = await killedEverywhere(setUp, ENROLMENT_STEPS, ({ outcome, world }) => {
      expect(outcome.kind).toBe('succeeded');
      expect(world.host.admitted?.bootId).toBe('boot-1');
      expect([...world.peer.trusted]).toEqual(['id-host-1']);
    });
    expect(kills).toBeGreaterThan(ENROLMENT_STEPS.length * 2);
  });
});
