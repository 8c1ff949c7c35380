// Does a workload whose host is proven off run elsewhere already? A person may have moved it just before.
import { isMute } from '../../workloads/believable.js';
import type { Workload } from '../../workloads/workload.js';
import { hold, type Hold } from '../decision.js';
import type { RuleContext } from '../decide.js';
import { findingsOf } from '../observations.js';

/** The proof is of its old host only. A person may have moved it before that host was lost: then it runs on, and is not started. */
export function elsewhereAlready(context: RuleContext, workload: Workload): Hold | 'adopted' | 'no' {
  const [finding] = findingsOf(context, workload);
  // followObservations places it there in this very round.
  if (finding?.kind === 'moved-by-hand') return 'adopted';
  if (finding?.kind === 'duplicate' || finding?.kind === 'runs-unadmitted') return hold('duplicate', workload.name, `${finding.why}; not started once more`);
  if (finding?.kind === 'gone-somewhere') return hold('looking-around', workload.name, `${finding.why}; not started before`);
  if (finding?.kind === 'not-interpreted' && finding.sighted) return hold('looking-around', workload.name, `${finding.why}; not started before that is clear`);
  return notLookedAt(context, workload);
}

/** All others are asked what runs there as soon as a host is lost; one that does not answer holds nobody up for longer than this. */
const LOOK_WITHIN_MS = 1_000;

function notLookedAt({ view, verdictOf, nowMs }: RuleContext, workload: Workload): Hold | 'no' {
  const home = view.hosts.find((host) => host.id === workload.hostId);
  if (!home?.proof || nowMs - home.proof.atMs > LOOK_WITHIN_MS) return 'no';
  const lost = verdictOf(home.id);
  const lostAtMs = lost?.hearing === 'silent' ? Math.min(home.proof.atMs, lost.sinceMs) : home.proof.atMs;
  const others = view.hosts.filter((host) => host.id !== home.id && host.condition === 'online' && verdictOf(host.id)?.hearing === 'heard');
  const seen = view.inventories.filter((one) => one.atMs >= lostAtMs && !isMute(one, workload.needs.driver));
  const unseen = others.filter((host) => !seen.some((one) => one.hostId === host.id));
  if (unseen.length === 0) return 'no';
  return hold('looking-around', workload.name, `${unseen.map((host) => host.name).join(', ')} ${unseen.length === 1 ? 'is' : 'are'} being asked first whether it was moved there by hand; this passes by itself`);
}
