// Brakes: reasons not to act on what we believe about hosts, shared by the rules that fence.
import { hold, type Hold } from '../decision.js';
import { activeDisarm } from '../disarm.js';
import type { RuleContext } from '../decide.js';
import { isSetAside } from '../set-aside.js';

/** Conditions in which a host counts as lost for the mass-failure brake. */
const LOST = new Set(['silent', 'fencing']);

/** Why nobody may be declared silent now; null: go on. */
export function listeningBrake({ verdict }: RuleContext): Hold | null {
  if (!verdict.trusted) return verdict.ownStall ? hold('own-stall', '', `${verdict.trustEvidence}; it passes by itself; if it comes again, look at the load of this machine`) : hold('start-up-grace', '', `${verdict.trustEvidence}; it passes by itself`);
  if (!verdict.quorum) return hold('no-quorum', '', `${verdict.quorumEvidence}; without a majority nothing is declared lost or fenced; look at the links of the voters that are not heard (\`reeve status\`)`);
  return null;
}

/** Automatic action is switched off by a person. */
export function disarmBrake({ view, nowMs }: RuleContext): Hold | null {
  const disarm = activeDisarm(view, nowMs);
  if (!disarm) return null;
  const until = disarm.untilMs === null ? 'until somebody arms it' : `until ${new Date(disarm.untilMs).toISOString()}`;
  return hold('disarmed', '', `disarmed (${disarm.mode}) by ${disarm.by} ${until}: ${disarm.reason}; \`reeve arm\` ends it`);
}

/** May a silent host lose its vote now? Not by those that a broken network of ours leaves to be heard: they would lift the brake that holds. */
export const maySetAside = (context: RuleContext): boolean => listeningBrake(context) === null && massFailureBrake(context) === null;

/** Too many hosts silent at once: it is our network rather than theirs. */
export function massFailureBrake({ view, policy, verdictOf }: RuleContext): Hold | null {
  const enrolled = view.hosts.filter((host) => host.condition === 'online' || (LOST.has(host.condition) && !isSetAside(view, host)));
  const silent = enrolled.filter((host) => LOST.has(host.condition) || verdictOf(host.id)?.hearing === 'silent');
  if (enrolled.length === 0 || silent.length / enrolled.length <= policy.maxSilentShare) return null;
  const names = silent.map((host) => host.name).join(', ');
  return hold(
    'too-many-silent-hosts',
    '',
    `${silent.length} of ${enrolled.length} hosts are silent at once (${names}), more than the share of ${policy.maxSilentShare}: our own network is the likelier cause; check it, or \`reeve host confirm-off NAME\` for each host that is off`,
  );
}
