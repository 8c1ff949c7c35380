// Who has a vote on leases: the admitted hosts that are not set aside, and one witness where their number is even. Hosts follow by their configuration.
//
// Why not every witness: the hosts must keep their leases when every control plane is gone. With an odd number of votes, and at most
// one of them a witness, the hosts alone are a majority, and one of them may be lost beside it (from three hosts on).
//
// Nobody is set aside without a quorum, or while more are silent than the brake allows: then our own network is the likelier cause, and
// who steps down to those that it still hears would lift the very brake that holds, and could fence hosts that have a majority of their own.
import type { Host, HostCondition } from '../../hosts/host.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import type { Action } from '../decision.js';
import type { Rule, RuleContext } from '../decide.js';
import type { VoterSet } from '../quorum-lease.js';
import { isSetAside, losesVote } from '../set-aside.js';
import { maySetAside } from './brakes.js';

const NAME = 'keepVoters';
/** Proven off, or not admitted yet: no vote. */
const VOTING: ReadonlySet<HostCondition> = new Set(['online', 'silent', 'fencing']);

export const keepVoters: Rule = (context) => {
  const actions = [...newVoters(context), ...context.view.hosts.flatMap((host) => follow(context, host))];
  return { actions, holds: [] };
};

function newVoters(context: RuleContext): readonly Action[] {
  const { voters } = context.view;
  const newest = voters.at(-1) ?? null;
  const ids = votersOf(context, newest);
  if (ids.length === 0 || newest?.ids.join() === ids.join() || (newest !== null && isAloneUnheard(context, ids))) return [];
  const set: VoterSet = { epoch: (newest?.epoch ?? 0) + 1, ids };
  const why = `${ids.length} voters on leases: ${ids.map((id) => nameOf(context, id)).join(', ')}`;
  const changes: Change[] = [
    { change: 'voters', voters: [...stillInUse(context), set] },
    { change: 'event', event: event('cluster.voters', why, { data: { epoch: set.epoch } }) },
  ];
  return [{ rule: NAME, about: '', why, changes }];
}

function votersOf(context: RuleContext, newest: VoterSet | null): readonly string[] {
  const { view, verdict, nowMs } = context;
  const stepsDown = maySetAside(context);
  const keepsVote = (host: Host): boolean => !losesVote(view, host, nowMs) || !(stepsDown || isSetAside(view, host));
  const hosts = view.hosts.filter((host) => VOTING.has(host.condition) && keepsVote(host)).map((host) => host.id as string);
  const { witnesses } = verdict;
  const kept = newest?.ids.find((id) => witnesses.includes(id)) ?? witnesses[0] ?? newest?.ids.find((id) => !view.hosts.some((host) => host.id === id));
  const tieBreaker = hosts.length > 0 && hosts.length % 2 === 0 && kept !== undefined ? [kept] : [];
  return [...hosts, ...tieBreaker].sort();
}

/** A vote of its own only: its lease would never end, and who does not hear us gains nothing by it. It has to be there to take such a set. */
function isAloneUnheard({ view, verdictOf }: RuleContext, ids: readonly string[]): boolean {
  const [alone] = view.hosts.filter((host) => host.id === ids[0]);
  return ids.length === 1 && alone !== undefined && verdictOf(alone.id)?.hearing !== 'heard';
}

/** Sets by which some host may still judge, one without a vote too: from the oldest that one of them has last named. */
function stillInUse({ view }: RuleContext): readonly VoterSet[] {
  const oldest = Math.min(Infinity, ...view.hosts.filter((host) => VOTING.has(host.condition)).map((host) => host.voterEpoch));
  const newest = view.voters.at(-1);
  return view.voters.filter((set) => set.epoch >= oldest || set === newest);
}

/** What a host says of itself is written down, so that older sets need not be thought of any more. */
function follow({ verdictOf }: RuleContext, host: RuleContext['view']['hosts'][number]): readonly Action[] {
  const verdict = verdictOf(host.id);
  const named = verdict?.hearing === 'heard' ? (verdict.lease?.voterEpoch ?? null) : null;
  if (named === null || named <= host.voterEpoch) return [];
  return [{ rule: NAME, about: `voters of ${host.name}`, why: `${host.name} judges its lease by voters ${named}`, changes: [{ change: 'host', id: host.id, set: { voterEpoch: named } }] }];
}

const nameOf = ({ view }: RuleContext, id: string): string => view.hosts.find((host) => host.id === id)?.name ?? id.replace(/^witness:([^:]*).*/, 'control plane $1');
