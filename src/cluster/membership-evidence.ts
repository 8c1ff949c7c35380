// The sentences that say why a host has its verdict.
import type { Hearing } from './verdict.js';
import type { LinkAges } from './membership-links.js';
import { majority, type Tally } from './membership-votes.js';
import type { Timing } from './timing.js';

export interface EvidenceInput {
  readonly observer: string;
  readonly hearing: Hearing;
  readonly links: readonly LinkAges[];
  readonly everHeard: boolean;
  readonly votes: Tally;
  readonly timing: Timing;
}

export function evidenceOf(input: EvidenceInput): string {
  const { observer, hearing, links, votes, timing } = input;
  if (hearing === 'unknown') return `${observer} has not heard it yet`;
  const working = links.filter((link) => link.everHeard && link.twoWayMs <= timing.suspectMs).length;
  if (hearing === 'heard') return `heard on ${working} of ${plural(links.length, 'link')}`;
  const peers = votes.peersMissing + votes.peersHearing + votes.peersUnasked;
  const unasked = votes.peersUnasked > 0 ? `; ${votes.peersUnasked} of ${plural(peers, 'peer')} cannot be asked` : '';
  if (hearing === 'silent') return `${observer}${peers > 0 ? ` and ${votes.peersMissing} of ${plural(peers, 'peer')}` : ''} ${missed(input, peers > 0)}${unasked}`;
  return `${observer} ${missed(input, false)}${whyOnlySuspect(votes)}${unasked}`;
}

/** "heard nothing for 1.8 s on 2 links", or that it only works one way. */
function missed({ links, everHeard, timing }: EvidenceInput, several: boolean): string {
  const on = `on ${plural(links.length, 'link')}`;
  const heardMs = Math.min(...links.map((link) => link.heardMs));
  if (heardMs <= timing.suspectMs && everHeard) {
    return `${several ? 'hear' : 'hears'} its heartbeats, but it has not heard ours for ${seconds(Math.min(...links.map((link) => link.ackMs)))} ${on} (one-way)`;
  }
  return `heard nothing for ${seconds(heardMs)} ${on}`;
}

function whyOnlySuspect(votes: Tally): string {
  if (votes.peersHearing > 0) return `; ${plural(votes.peersHearing, 'peer')} ${votes.peersHearing === 1 ? 'does' : 'do'} not miss it yet`;
  if (votes.misses === 0) return '';
  return `; ${votes.misses} of ${plural(votes.voters, 'voter')} ${votes.misses === 1 ? 'misses' : 'miss'} it, ${majority(votes.voters)} are needed`;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
