// A host that was lost too often is kept out of placement for a while, longer each time; it comes back by itself, or when a person says so.
import { lossesWithin, quarantineDue, released } from '../../hosts/flapping.js';
import { isQuarantined, type Host } from '../../hosts/host.js';
import { event } from '../cluster-event.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext } from '../decide.js';

const NAME = 'quarantineFlappingHosts';

export const quarantineFlappingHosts: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const host of context.view.hosts) {
    const action = endQuarantine(context, host) ?? quarantine(context, host);
    if (action) actions.push(action);
    else if (isQuarantined(host)) holds.push(quarantineHold(context, host));
  }
  return { actions, holds };
};

function quarantine({ nowMs, policy }: RuleContext, host: Host): Action | null {
  const due = quarantineDue(host.flapping, nowMs, policy.quarantine);
  if (!due) return null;
  const why = `${host.name} was lost ${lossesWithin(host.flapping, nowMs, policy.quarantine)} times within ${minutes(policy.quarantine.withinMs)}: nothing new is placed there until ${when(due.untilMs)}`;
  return {
    rule: NAME, about: host.name, why,
    changes: [{ change: 'host', id: host.id, set: { flapping: { ...host.flapping, quarantine: due } } }, { change: 'event', event: event('host.quarantined', `${why}; \`reeve host release ${host.name}\``, { severity: 'alert', host: host.name, data: { untilMs: due.untilMs, times: due.times } }) }],
  };
}

/** Only a host that is well comes back: one that is away or going down is looked at again when it is there. */
function endQuarantine({ nowMs, verdictOf }: RuleContext, host: Host): Action | null {
  const { quarantine: held } = host.flapping;
  if (!held || held.isOver || held.untilMs > nowMs || host.condition !== 'online' || verdictOf(host.id)?.hearing !== 'heard') return null;
  const why = `the quarantine of ${host.name} is over: it takes workloads again`;
  return { rule: NAME, about: host.name, why, changes: [{ change: 'host', id: host.id, set: { flapping: released(host.flapping) } }, { change: 'event', event: event('host.released', why, { severity: 'notice', host: host.name }) }] };
}

function quarantineHold({ nowMs }: RuleContext, host: Host): Hold {
  const untilMs = host.flapping.quarantine?.untilMs ?? nowMs;
  const waits = untilMs > nowMs ? `until ${when(untilMs)}` : 'until it is well again';
  return hold('quarantined', host.name, `lost too often (quarantine ${host.flapping.quarantine?.times ?? 1}): nothing new is placed there ${waits}; \`reeve host release ${host.name}\` ends it`);
}

const when = (atMs: number): string => new Date(atMs).toISOString().slice(0, 19).replace('T', ' ') + ' UTC';
const minutes = (ms: number): string => `${Math.round(ms / 60_000)} min`;
