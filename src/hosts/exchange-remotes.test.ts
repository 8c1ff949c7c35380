// Daemons for containers that are made known to each other: what is done, what is left alone, and what is only told.
import { beforeEach, describe, expect, it } from 'vitest';
import { reachedAt } from './container-trust.js';
import { fakeSide, type FakeHost } from './enrolment.fixture.js';
import type { EnrolmentSide } from './enrolment-side.js';
import { exchangeRemotes, remotesNote } from './exchange-remotes.js';
import { forgetHost, revokeTrust } from './forget-host.js';

describe('the remotes of daemons for containers', () => {
  const network = new Map<string, FakeHost>();
  let sides: readonly { side: EnrolmentSide; host: FakeHost }[] = [];
  beforeEach(() => {
    network.clear();
    sides = ['host-1', 'host-2', 'host-3'].map((name) => fakeSide(name, network));
  });
  const at = (nth: number) => sides[nth - 1]!;
  const exchange = () => exchangeRemotes(at(1).side, [at(2).side, at(3).side]);
  const count = (nth: number, method: string): number => at(nth).host.calls.filter((call) => call === method).length;

  it('are made both ways with every other host, and not between those', async () => {
    expect(await exchange()).toEqual({ pairs: 2, troubles: [] });
    expect([...at(1).host.remotes]).toEqual([['host-2', '10.0.0.2:8443 f-2'], ['host-3', '10.0.0.3:8443 f-3']]);
    expect([[...at(2).host.remotes], [...at(2).host.guests]]).toEqual([[['host-1', '10.0.0.1:8443 f-1']], ['host-1']]);
  });

  it('are left alone while they work', async () => {
    await exchange();
    await exchange();
    expect([count(1, 'join'), count(2, 'join'), count(2, 'invite')]).toEqual([2, 1, 1]);
  });

  it.each<[string, (host: FakeHost) => void]>([
    ['another address', (host) => { host.survey = { ...host.survey, daemons: host.survey.daemons.map((one) => ({ ...one, httpsAddress: '10.9.9.2:8443' })) }; }],
    ['another certificate', (host) => { host.fingerprint = 'f-new'; }],
    ['a trust store that was emptied', (host) => { host.guests.clear(); }],
  ])('are repaired after %s', async (_what, change) => {
    await exchange();
    change(at(2).host);
    expect(await exchange()).toEqual({ pairs: 2, troubles: [] });
    expect([count(1, 'join'), count(2, 'join')]).toEqual([3, 1]);
    expect(at(2).host.guests).toEqual(new Set(['host-1']));
  });

  it('are left alone while nobody answers: what fits is not taken away for that', async () => {
    await exchange();
    const known = new Set(at(2).host.known);
    const { containers } = at(1).side;
    const whyNotIn = containers.whyNotIn.bind(containers);
    containers.whyNotIn = async (peer) => (peer.hostName === 'host-2' ? 'Error: Get "https://10.0.0.2:8443/1.0": dial tcp 10.0.0.2:8443: connect: connection refused' : whyNotIn(peer));
    expect((await exchange()).troubles).toEqual([expect.stringMatching(/^LXD of host-1 does not reach that of host-2: .*connection refused/)]);
    expect([count(1, 'join'), at(2).host.known]).toEqual([2, known]);
  });

  it('are not made where there is no such daemon, or another one', async () => {
    at(2).host.survey = { ...at(2).host.survey, daemons: [] };
    at(3).host.survey = { ...at(3).host.survey, daemons: at(3).host.survey.daemons.map((one) => ({ ...one, driver: 'incus' as const })) };
    expect(await exchange()).toEqual({ pairs: 0, troubles: [] });
    at(1).host.survey = { ...at(1).host.survey, daemons: [] };
    expect(remotesNote(await exchange())).toBe('');
    expect([count(1, 'join'), count(2, 'doors')]).toEqual([0, 1]);
  });

  it('are not made between members of one cluster of daemons, nor to one outside it, which is told', async () => {
    const clustered = (nth: number, fingerprint: string): void => {
      at(nth).host.survey = { ...at(nth).host.survey, daemons: at(nth).host.survey.daemons.map((one) => ({ ...one, isClustered: true })) };
      at(nth).host.fingerprint = fingerprint;
    };
    clustered(1, 'c-1');
    clustered(2, 'c-1');
    expect(await exchange()).toEqual({ pairs: 2, troubles: ['LXD of host-1 and that of host-3 are not in one cluster, and one of them is in a cluster: nothing is copied between them'] });
    clustered(3, 'c-2');
    expect((await exchange()).troubles).toHaveLength(1);
    expect([1, 2, 3].map((nth) => [count(nth, 'join'), count(nth, 'invite')])).toEqual([[0, 0], [0, 0], [0, 0]]);
  });

  it('keep nobody out: what does not work is told', async () => {
    at(2).host.survey = { ...at(2).host.survey, daemons: at(2).host.survey.daemons.map((one) => ({ ...one, httpsAddress: null })) };
    at(3).host.away = true;
    expect(remotesNote(await exchange())).toBe('; 1 daemons for containers know it; containers: LXD of host-1 does not reach that of host-2, which does not listen; host-3: host-3 does not answer');
    expect(at(2).host.remotes.has('host-1')).toBe(true);
    at(1).host.fault = { method: 'join', nth: 1, code: 'failed' };
    at(3).host.away = false;
    expect((await exchange()).troubles.at(-1)).toContain('LXD of host-1 does not reach that of host-3');
  });

  it('are not made with a daemon that hangs, and that is told', async () => {
    at(2).host.survey = { ...at(2).host.survey, daemons: at(2).host.survey.daemons.map((one) => ({ ...one, error: 'no answer within 10 s' })) };
    expect((await exchange()).troubles).toEqual(['LXD of host-1 does not reach that of host-2, which does not answer: no answer within 10 s']);
  });

  it('go with a host, from both sides', async () => {
    await exchange();
    await revokeTrust(at(1).side);
    expect(await forgetHost(at(2).side, at(1).side)).toBeNull();
    expect([at(1).host.remotes.size, at(1).host.guests.size, at(2).host.remotes.size, at(2).host.guests.size]).toEqual([0, 0, 0, 0]);
    at(3).host.fault = { method: 'drop', nth: 1, code: 'failed' };
    expect(await forgetHost(at(3).side, at(1).side)).toMatch(/^host-3: remotes .* may be left/);
  });
});

describe('where others reach a daemon', () => {
  it.each([
    ['10.0.0.1:8443', '10.0.0.1:8443'], ['10.0.0.1', '10.0.0.1:8443'], ['lxd.example:9000', 'lxd.example:9000'], ['[::]:8443', '10.9.0.1:8443'], [':8444', '10.9.0.1:8444'], ['0.0.0.0:8443', '10.9.0.1:8443'],
    ['[fd00::5]:8443', '[fd00::5]:8443'], ['127.0.0.1:8443', null], ['[::1]:8443', null], ['localhost:8443', null], ['', null], [null, null],
  ])('%s: %s', (set, reached) => expect(reachedAt(set, '10.9.0.1')).toBe(reached));

  it('an IPv6 address of the host stands in brackets', () => expect(reachedAt('[::]:8443', 'fd00::7')).toBe('[fd00::7]:8443'));
});
