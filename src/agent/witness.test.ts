// Which hosts have a vote, and which changes wake those who decide.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, aVerdict } from '../../test/fixtures/cluster.js';
import type { HostCondition } from '../hosts/host.js';
import { sameJudgement } from './same-judgement.js';
import { hostMember } from './witness.js';

describe('the vote of a host', () => {
  it.each<[HostCondition, boolean]>([['enrolling', false], ['online', true], ['silent', true], ['fencing', true], ['fenced', false], ['offline', false]])('%s: %s', (condition, isVoter) => {
    expect(hostMember(aHost('one', { condition })).isVoter).toBe(isVoter);
  });

  it('comes with its addresses, one per link', () => {
    expect(hostMember(aHost('one')).links).toEqual([{ address: '10.0.0.1', port: 7481 }, { address: '10.0.1.1', port: 7481 }]);
  });
});

describe('a change of the verdict', () => {
  const host = aHost('one');
  const before = aClusterVerdict([aVerdict(host)]);

  it('is not: another number in the evidence, or the load', () => {
    expect(sameJudgement(before, aClusterVerdict([aVerdict(host, { evidence: 'other', load: { load1: 9, freeMemoryMiB: 1 } })], { trustEvidence: 'later' }))).toBe(true);
  });

  it.each([
    ['hearing', { hearing: 'suspect' as const }],
    ['boot', { bootId: 'another' }],
    ['good-bye', { leaving: true }],
    ['look by SSH', { probe: { answered: true, bootId: null, runningUuids: [], atMs: 1 } }],
  ])('is: %s', (_what, set) => {
    expect(sameJudgement(before, aClusterVerdict([aVerdict(host, set)]))).toBe(false);
  });

  it.each([['quorum', { quorum: false }], ['trust', { trusted: false }]])('is: %s', (_what, set) => {
    expect(sameJudgement(before, aClusterVerdict([aVerdict(host)], set))).toBe(false);
  });

  it('is: a host more or less', () => {
    expect(sameJudgement(before, aClusterVerdict([]))).toBe(false);
    expect(sameJudgement(before, aClusterVerdict([aVerdict(host), aVerdict(aHost('two'))]))).toBe(false);
  });
});
