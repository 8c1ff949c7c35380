// Renewal of what a host's daemons for containers are known by: remotes that no longer fit are made anew, and a client's certificate that ends soon gets a successor.
// Both certificates are let in until the new one has been seen to work with every peer: a copy that is under way notices nothing.
import { messageOf, OperationalError } from '../shared/errors.js';
import type { Clock } from '../shared/clock.js';
import { runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import { reachedAt, type ContainerDriver, type DaemonPeer, type ShownCertificate } from './container-trust.js';
import { RENEWED_BEFORE_MS } from './daemon-trust.js';
import { forEachHost, unlessAway, type EnrolmentSide } from './enrolment-side.js';
import { asMember, exchangeRemotes, isApart, isDeaf } from './exchange-remotes.js';
import { tieBetween } from './daemon-cluster.js';
import { HYPERVISOR_NAMES } from './hypervisor.js';

export interface TrustRenewalContext {
  readonly self: EnrolmentSide;
  /** The members that are in service. */
  readonly peers: readonly EnrolmentSide[];
  /** Members that have such a daemon and can't be told of anything now, as people read it: "host-3 is fenced". */
  readonly absent: readonly { readonly driver: ContainerDriver; readonly why: string }[];
  /** Also a certificate that is good for long. */
  readonly renewsAll: boolean;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** One client, its certificate of before and the one that it gets. */
interface Renewal {
  readonly driver: ContainerDriver;
  readonly old: ShownCertificate;
  readonly fresh: ShownCertificate;
}

const renewalsOf = ({ memo }: Journal): readonly Renewal[] => (memo['renewals'] ?? []) as readonly Renewal[];
const refused = (code: string, why: string): StepOutcome => ({ kind: 'failed', code, why });

const remotes: Step<TrustRenewalContext> = {
  name: 'remotes',
  run: async (context) => {
    if (await isAnyOver(context)) return { kind: 'done', note: 'a certificate is over, so that nobody is let in by it: first that' };
    const { pairs, troubles } = await exchangeRemotes(context.self, context.peers);
    // Nothing is changed on a ground that does not hold: which of two certificates is at fault could not be told any more.
    const inTheWay = troubles.filter((one) => !isDeaf(one) && !isApart(one));
    if (inTheWay.length > 0) return refused('not-reached', inTheWay.join('; '));
    return { kind: 'done', note: `${pairs} daemons of other hosts reach it and are reached` };
  },
};

async function isAnyOver({ self, clock }: TrustRenewalContext): Promise<boolean> {
  const own = await forEachHost(await self.containers.doors(), ({ driver }) => self.containers.certificates.own(driver));
  return own.some((one) => one !== null && one.expiresAtMs <= clock.nowMs());
}

const prepare: Step<TrustRenewalContext> = {
  name: 'prepare',
  run: async ({ self, absent, renewsAll, clock }) => {
    const renewals: Renewal[] = [];
    for (const { driver } of await self.containers.doors()) {
      const old = await self.containers.certificates.own(driver);
      if (old === null || !(renewsAll || old.expiresAtMs - clock.nowMs() <= RENEWED_BEFORE_MS)) continue;
      const away = absent.filter((one) => one.driver === driver).map(({ why }) => why);
      // Once it is over nobody is let in by it anywhere: who is away loses nothing.
      if (away.length > 0 && old.expiresAtMs > clock.nowMs()) return refused('members-away', `the certificate of ${self.host.name} is changed when every host with ${HYPERVISOR_NAMES[driver]} can be told: ${away.join('; ')}; what did not fit with the others is mended`);
      renewals.push({ driver, old, fresh: await self.containers.certificates.prepare(driver) });
    }
    if (renewals.length === 0) return { kind: 'enough', note: 'each daemon reaches each other, and no certificate of a client ends soon' };
    return { kind: 'done', memo: { renewals }, note: renewals.map(({ driver, old, fresh }) => `${HYPERVISOR_NAMES[driver]}: ${short(old)} (until ${day(old)}) is followed by ${short(fresh)} (until ${day(fresh)})`).join('; ') };
  },
};

const short = ({ fingerprint }: ShownCertificate): string => fingerprint.slice(0, 12);
const day = ({ expiresAtMs }: ShownCertificate): string => new Date(expiresAtMs).toISOString().slice(0, 10);

/** Peers that have a daemon of this kind and are reached with the client's certificate, each as it is reached now: members of a cluster of daemons are not. One that is mute may be. */
async function peersOf({ self, peers }: TrustRenewalContext, driver: ContainerDriver): Promise<readonly { readonly side: EnrolmentSide; readonly peer: DaemonPeer }[]> {
  const own = asMember((await self.containers.doors()).find((door) => door.driver === driver && door.error === null));
  const found = await forEachHost(peers, async (side) => (await side.containers.doors()).filter((door) => door.driver === driver).flatMap((door) => {
    if (door.error !== null) throw new OperationalError('timeout', `${HYPERVISOR_NAMES[driver]} of ${side.host.name} does not answer, and may know ${self.host.name} by its certificate: ${door.error}`);
    if (tieBetween(own, asMember(door)) !== 'alone') return [];
    const address = reachedAt(door.httpsAddress, side.host.address);
    return address === null ? [] : [{ side, peer: { driver, hostName: side.host.name, address, fingerprint: door.fingerprint } }];
  }));
  return found.flat();
}

const introduce: Step<TrustRenewalContext> = {
  name: 'introduce',
  run: async (context, journal) => {
    for (const { driver, fresh } of renewalsOf(journal)) {
      for (const { side } of await peersOf(context, driver)) await side.containers.certificates.letIn(driver, context.self.host.name, fresh);
    }
    return { kind: 'done', note: 'the other hosts let both in' };
  },
  /** What the client shows is never taken from it. */
  undo: async ({ self, peers }, journal) => {
    const left: string[] = [];
    for (const { driver, fresh } of renewalsOf(journal)) {
      if ((await self.containers.certificates.own(driver))?.fingerprint === fresh.fingerprint) return `${self.host.name} shows the new one: it is let in`;
      for (const side of peers) {
        const away = await unlessAway(side.host.name, () => side.containers.certificates.forget(driver, self.host.name, { fingerprint: fresh.fingerprint, others: false }));
        if (away !== null) left.push(away);
      }
    }
    return left.length === 0 ? 'the new one is let in no more' : `the new one, which nobody has, may be let in still: ${left.join('; ')}`;
  },
};

/** Sees for each client and each peer whether that lets it in. */
async function whyNot(context: TrustRenewalContext, journal: Journal, ask: (peer: DaemonPeer) => Promise<string | null>): Promise<StepOutcome | null> {
  for (const { driver } of renewalsOf(journal)) {
    for (const { side, peer } of await peersOf(context, driver)) {
      const why = await ask(peer);
      if (why !== null) return refused('not-let-in', `${HYPERVISOR_NAMES[driver]} of ${side.host.name} does not let ${context.self.host.name} in with its new certificate: ${why}; it keeps the old one`);
    }
  }
  return null;
}

const tryPrepared: Step<TrustRenewalContext> = {
  name: 'try',
  run: async (context, journal) => (await whyNot(context, journal, (peer) => context.self.containers.certificates.whyPreparedNotIn(peer))) ?? { kind: 'done', note: 'the new one opens every door' },
};

const change: Step<TrustRenewalContext> = {
  name: 'change',
  run: async ({ self }, journal) => {
    for (const { driver, fresh } of renewalsOf(journal)) await self.containers.certificates.use(driver, fresh.fingerprint);
    return { kind: 'done', note: 'the client shows the new one' };
  },
  undo: async ({ self }, journal) => {
    try {
      for (const { driver, old } of renewalsOf(journal)) await self.containers.certificates.use(driver, old.fingerprint);
      return 'the client shows the old one again';
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== 'not-found') throw error;
      return `it stays with the new one: ${messageOf(error)}`;
    }
  },
};

const confirm: Step<TrustRenewalContext> = {
  name: 'confirm',
  run: async (context, journal) => {
    // What did not fit beside a certificate that was over has not been mended yet.
    if (renewalsOf(journal).some(({ old }) => old.expiresAtMs <= context.clock.nowMs())) await exchangeRemotes(context.self, context.peers);
    return (await whyNot(context, journal, (peer) => context.self.containers.whyNotIn(peer))) ?? { kind: 'done', note: 'every peer was asked with it' };
  },
};

/** It works with the new one: what may be left of the old is no reason to go back. The next renewal removes it. */
const forgetOld: Step<TrustRenewalContext> = {
  name: 'forget',
  run: async (context, journal) => {
    const left: string[] = [];
    for (const { driver, fresh } of renewalsOf(journal)) {
      try {
        if (await context.self.containers.certificates.isOlderUsed(driver)) left.push(`a copy of ${context.self.host.name} goes on with the old one, which stays let in`);
        else await forgetOne(context, driver, fresh);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        left.push(messageOf(error));
      }
    }
    return { kind: 'done', note: left.length === 0 ? 'the old one is let in nowhere' : `${left.join('; ')}; \`reeve host renew-trust ${context.self.host.name} --force\` removes it` };
  },
};

async function forgetOne(context: TrustRenewalContext, driver: ContainerDriver, { fingerprint }: ShownCertificate): Promise<void> {
  for (const { side } of await peersOf(context, driver)) await side.containers.certificates.forget(driver, context.self.host.name, { fingerprint, others: true });
  await context.self.containers.certificates.clear(driver);
}

export const TRUST_RENEWAL_STEPS: readonly Step<TrustRenewalContext>[] = [remotes, prepare, introduce, tryPrepared, change, confirm, forgetOld];

export function runTrustRenewal(context: TrustRenewalContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(TRUST_RENEWAL_STEPS, context, journal);
}
