// Renewal of certificates: at every moment each host reaches each other, wherever it is cut off; and the old one goes only when the new one has opened every door.
import { describe, expect, it } from 'vitest';
import { crashingJournal, everythingTwice, failedAtEachStep, fakeClock, killedEverywhere } from '../shared/workflow.fixture.js';
import { RENEWED_BEFORE_MS } from './daemon-trust.js';
import { aCertificate, fakeSide, type FakeHost } from './enrolment.fixture.js';
import type { EnrolmentSide } from './enrolment-side.js';
import { runTrustRenewal, TRUST_RENEWAL_STEPS, type TrustRenewalContext } from './run-trust-renewal.js';

const NAMES = ['host-1', 'host-2', 'host-3'] as const;
const clock = fakeClock();
const ENDS_SOON = aCertificate('c-1', clock.nowMs() + RENEWED_BEFORE_MS);

interface World {
  readonly network: Map<string, FakeHost>;
  readonly hosts: readonly FakeHost[];
  readonly sides: readonly EnrolmentSide[];
}

/** All know each other; the certificate of the first ends soon. */
function setUp(change: (world: World) => void = () => undefined): { readonly world: World; readonly context: TrustRenewalContext } {
  const network = new Map<string, FakeHost>();
  const all = NAMES.map((name) => fakeSide(name, network));
  const hosts = all.map(({ host }) => host);
  hosts.forEach((host, index) => {
    for (const [nth, peer] of hosts.entries()) {
      if (nth === index) continue;
      host.remotes.set(NAMES[nth]!, `10.0.0.${nth + 1}:8443 f-${nth + 1}`);
      host.guests.add(NAMES[nth]!);
      host.known.add(`${NAMES[nth]} ${peer.shows.fingerprint}`);
    }
  });
  hosts[0]!.shows = ENDS_SOON;
  const world = { network, hosts, sides: all.map(({ side }) => side) };
  change(world);
  const [self, ...peers] = world.sides as [EnrolmentSide, ...EnrolmentSide[]];
  return { world, context: { self, peers, absent: [], renewsAll: false, clock } };
}

const run = ({ context }: { readonly context: TrustRenewalContext }) => runTrustRenewal(context, crashingJournal().journal());
const knownAt = ({ hosts }: World, nth: number): readonly string[] => [...(hosts[nth - 1]?.known ?? [])].filter((one) => one.startsWith('host-1 '));
/** What `copy` needs: the peer lets in what the client shows. */
function expectLetIn(world: World): void {
  const { fingerprint } = world.hosts[0]!.shows;
  for (const nth of [2, 3]) expect(knownAt(world, nth)).toContain(`host-1 ${fingerprint}`);
}

describe('renewal of the trust between daemons', () => {
  it('gives the client a successor, and the old certificate is let in nowhere', async () => {
    const one = setUp();
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect([one.world.hosts[0]!.shows.fingerprint, knownAt(one.world, 2), knownAt(one.world, 3), one.world.hosts[0]!.kept]).toEqual(['c-1+', ['host-1 c-1+'], ['host-1 c-1+'], []]);
  });

  it('leaves a certificate that is good for long, unless it is asked for', async () => {
    const good = (world: World): void => void (world.hosts[0]!.shows = { ...ENDS_SOON, expiresAtMs: ENDS_SOON.expiresAtMs + 1 });
    const left = setUp(good);
    expect(await run(left)).toMatchObject({ kind: 'succeeded', note: expect.stringContaining('no certificate of a client ends soon') as string });
    expect(left.world.hosts[0]!.calls).not.toContain('prepare');
    const asked = setUp(good);
    expect(await run({ context: { ...asked.context, renewsAll: true } })).toMatchObject({ kind: 'succeeded' });
    expect(asked.world.hosts[0]!.shows.fingerprint).toBe('c-1+');
  });

  it('mends a remote that expects another certificate of a daemon which was set up anew', async () => {
    const one = setUp(({ hosts }) => void (hosts[1]!.fingerprint = 'f-new'));
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect(one.world.hosts[0]!.remotes.get('host-2')).toBe('10.0.0.2:8443 f-new');
    expectLetIn(one.world);
  });

  it('asks of members of a cluster of daemons nothing, which know each other without it, and of one apart neither', async () => {
    const clustered = (host: FakeHost, fingerprint: string): void => {
      host.fingerprint = fingerprint;
      host.remotes.clear();
      Object.assign(host, { survey: { ...host.survey, daemons: host.survey.daemons.map((one) => ({ ...one, isClustered: true })) } });
    };
    const members = setUp(({ hosts }) => { for (const host of hosts.slice(0, 2)) clustered(host, 'f-of-all'); });
    expect(await run(members)).toMatchObject({ kind: 'succeeded' });
    expect(members.world.hosts[0]!.shows.fingerprint).toBe('c-1+');
    const beside = setUp(({ hosts }) => clustered(hosts[2]!, 'f-of-others'));
    expect(await run(beside)).toMatchObject({ kind: 'succeeded' });
    expect([beside.world.hosts[0]!.shows.fingerprint, knownAt(beside.world, 2)]).toEqual(['c-1+', ['host-1 c-1+']]);
  });

  it('goes on only when every daemon answers: one that does not may know the old certificate alone', async () => {
    const one = setUp();
    const peer = one.context.peers[0]!;
    const doors = peer.containers.doors.bind(peer.containers);
    let asked = 0;
    Object.assign(peer.containers, { doors: async () => ((asked += 1) === 1 ? doors() : (await doors()).map((door) => ({ ...door, error: 'no answer', httpsAddress: null }))) });
    const outcome = await run(one);
    expect([outcome.kind, one.world.hosts[0]!.shows.fingerprint]).toEqual(['failed', 'c-1']);
    expectLetIn(one.world);
  });

  it('changes nothing while a host can not be told, unless the old one is over anyway', async () => {
    const absent = [{ driver: 'lxd' as const, why: 'host-4 is fenced' }];
    const away = setUp();
    expect(await run({ context: { ...away.context, absent } })).toMatchObject({ kind: 'failed', code: 'members-away', why: expect.stringContaining('host-4 is fenced') as string });
    expect(away.world.hosts[0]!.shows).toBe(ENDS_SOON);
    const over = setUp(({ hosts }) => void (hosts[0]!.shows = aCertificate('c-1', clock.nowMs())));
    expect(await run({ context: { ...over.context, absent } })).toMatchObject({ kind: 'succeeded' });
  });

  it('changes nothing while daemons do not reach each other, and says which; one that reaches nobody is not waited for', async () => {
    const set = (host: FakeHost, error: string | null, httpsAddress: string | null): void => void (host.survey = { ...host.survey, daemons: host.survey.daemons.map((daemon) => ({ ...daemon, error, httpsAddress })) });
    const one = setUp(({ hosts }) => set(hosts[2]!, 'no answer within 10 s', '10.0.0.3:8443'));
    expect(await run(one)).toMatchObject({ kind: 'failed', code: 'not-reached', why: expect.stringContaining('host-3, which does not answer') as string });
    expect([one.world.hosts[0]!.shows, one.world.hosts[0]!.prepared]).toEqual([ENDS_SOON, null]);
    const deaf = setUp(({ hosts }) => set(hosts[2]!, null, null));
    expect(await run(deaf)).toMatchObject({ kind: 'succeeded' });
    expect(knownAt(deaf.world, 2)).toEqual(['host-1 c-1+']);
  });

  it('keeps the old one where a peer does not let the new one in', async () => {
    const one = setUp();
    one.world.hosts[2]!.known.add = () => one.world.hosts[2]!.known;
    expect(await run(one)).toMatchObject({ kind: 'failed', code: 'not-let-in', why: expect.stringMatching(/host-3 does not let host-1 in with its new certificate.*keeps the old one/) as string });
    expect([one.world.hosts[0]!.shows, knownAt(one.world, 2), one.world.hosts[0]!.calls.includes('use')]).toEqual([ENDS_SOON, ['host-1 c-1'], false]);
  });

  it('lets a copy that is under way go on with the old one, which stays let in', async () => {
    const one = setUp(({ hosts }) => void (hosts[0]!.olderUsed = true));
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect(knownAt(one.world, 2)).toEqual(['host-1 c-1', 'host-1 c-1+']);
    one.world.hosts[0]!.olderUsed = false;
    expect(await run({ context: { ...one.context, renewsAll: true } })).toMatchObject({ kind: 'succeeded' });
    expect(knownAt(one.world, 2)).toEqual(['host-1 c-1++']);
  });

  it('never removes what a person has named otherwise', async () => {
    const one = setUp(({ hosts }) => void hosts[1]!.known.add('somebody c-1'));
    await run(one);
    expect(one.world.hosts[1]!.known).toContain('somebody c-1');
  });
});

describe('steps: renewal of the trust between daemons', () => {
  it('is let in everywhere, whichever step fails', async () => {
    await failedAtEachStep(setUp, TRUST_RENEWAL_STEPS, ({ outcome, world, failedAt, when }) => {
      expect(outcome.kind, `${failedAt} ${when}`).toBe('failed');
      expectLetIn(world);
      const isOld = !(failedAt === 'forget' && when === 'after');
      expect(world.hosts[0]!.shows.fingerprint, `${failedAt} ${when}`).toBe(isOld ? 'c-1' : 'c-1+');
      if (isOld) expect([knownAt(world, 2), knownAt(world, 3)]).toEqual([['host-1 c-1'], ['host-1 c-1']]);
    });
  });

  it('ends the same however often it is killed', async () => {
    const kills = await killedEverywhere(setUp, TRUST_RENEWAL_STEPS, ({ outcome, world }) => {
      expect(outcome.kind).toBe('succeeded');
      expect([world.hosts[0]!.shows.fingerprint, knownAt(world, 2), knownAt(world, 3)]).toEqual(['c-1+', ['host-1 c-1+'], ['host-1 c-1+']]);
    });
    expect(kills).toBeGreaterThan(TRUST_RENEWAL_STEPS.length * 2);
  });

  it('may run each step twice', async () => {
    const { outcome, world } = await everythingTwice(setUp(), TRUST_RENEWAL_STEPS);
    expect(outcome.kind).toBe('succeeded');
    expect([world.hosts[0]!.shows.fingerprint, knownAt(world, 2)]).toEqual(['c-1+', ['host-1 c-1+']]);
  });
});
