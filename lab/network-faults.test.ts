// Faults between named ends: which directions they touch, what a later word changes, how they read as rules, and bad input by name.
import { describe, expect, it } from 'vitest';
import { faultsOf, mended, parseFault, rulesetOf, withFaults, type FaultPlan } from './network-faults.js';

const ENDS = ['host-1', 'host-2', 'host-3', 'control'];
const plan = (more: Partial<FaultPlan> = {}): FaultPlan => ({ between: ['host-1', 'host-2'], way: 'both', links: [0, 1], lossPercent: 100, ...more });
const ways = (more: Partial<FaultPlan> = {}): readonly string[] => faultsOf(plan(more)).map((one) => `${one.from}>${one.to} ${one.link}`).sort();

describe('a fault', () => {
  it('of both ways touches both directions of each link', () => {
    expect(ways()).toEqual(['host-1>host-2 0', 'host-1>host-2 1', 'host-2>host-1 0', 'host-2>host-1 1']);
  });

  it('of a deaf end touches what comes to it, and nothing that it sends', () => {
    expect(ways({ way: 'deaf', links: [1] })).toEqual(['host-2>host-1 1']);
  });

  it('is replaced by a newer word on the same direction, and gone with a loss of nothing', () => {
    const lossy = withFaults(faultsOf(plan()), faultsOf(plan({ way: 'deaf', links: [0], lossPercent: 30 })));
    expect(lossy).toHaveLength(4);
    expect(lossy.filter((one) => one.lossPercent === 30)).toEqual([{ from: 'host-2', to: 'host-1', link: 0, lossPercent: 30 }]);
    expect(withFaults(lossy, faultsOf(plan({ lossPercent: 0 })))).toEqual([]);
  });

  it('is mended between two ends, or at one end, or everywhere', () => {
    const known = [...faultsOf(plan()), ...faultsOf(plan({ between: ['host-1', 'host-3'] })), ...faultsOf(plan({ between: ['host-3', 'control'] }))];
    expect(mended(known, ['host-1', 'host-2'])).toHaveLength(8);
    expect(mended(known, ['host-1'])).toHaveLength(4);
    expect(mended(known, [])).toEqual([]);
  });
});

describe('the rules of the bridges', () => {
  const port = (end: string, link: 0 | 1): string => `${end.replace('host-', 'h')}l${link}`;

  it('name the ports, and take packets at random where only some get lost', () => {
    const rules = rulesetOf([...faultsOf(plan({ way: 'deaf', links: [0] })), ...faultsOf(plan({ way: 'deaf', links: [1], lossPercent: 30 }))], port);
    expect(rules).toContain('iifname "h2l0" oifname "h1l0" drop');
    expect(rules).toContain('iifname "h2l1" oifname "h1l1" numgen random mod 100 < 30 drop');
  });

  it('are none at all when nothing is wrong, whatever was there', () => {
    expect(rulesetOf([], port)).toBe('table bridge reeve_lab\ndelete table bridge reeve_lab\n');
  });
});

describe('what a person types', () => {
  it('names two ends, or one and all others', () => {
    expect(parseFault('part', ['host-1', 'host-2'], ENDS)).toEqual([plan()]);
    expect(parseFault('deaf', ['host-1', 'control', '1'], ENDS)).toEqual([plan({ between: ['host-1', 'control'], way: 'deaf', links: [1] })]);
    expect(parseFault('lossy', ['host-2', 'all', '30'], ENDS)).toEqual(['host-1', 'host-3', 'control'].map((other) => plan({ between: ['host-2', other], lossPercent: 30 })));
  });

  it.each([
    ['part', [], 'which ends: there are host-1, host-2, host-3, control, and all'],
    ['part', ['host-9', 'host-1'], 'nothing is named "host-9": there are'],
    ['part', ['host-1', 'host-9'], 'nothing is named "host-9": there are'],
    ['part', ['all', 'host-1'], 'nothing is named "all": there are'],
    ['part', ['host-1', 'host-1'], 'host-1 and itself'],
    ['part', ['host-1', 'host-2', '2'], 'which link: 0 or 1, not "2"'],
    ['part', ['host-1', 'host-2', '1', 'x'], '"x" is too much'],
    ['lossy', ['host-1', 'host-2'], 'how many packets get lost: 0 to 100 percent; '],
    ['lossy', ['host-1', 'host-2', '101'], 'percent, not "101"'],
    ['lossy', ['host-1', 'host-2', 'half'], 'percent, not "half"'],
  ] as const)('%s %j is refused by name', (verb, words, said) => {
    expect(parseFault(verb, words, ENDS)).toEqual(expect.stringContaining(said));
  });
});
