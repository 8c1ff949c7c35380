// What `npm run chaos` understands, and what its table says of runs that passed, failed, or never got to their tests.
import { describe, expect, it } from 'vitest';
import { chaosTable, parseChaos, runsOf } from './lib/chaos-table.mjs';

describe('what is asked', () => {
  it('is five times everything, unless said otherwise', () => {
    expect(parseChaos([])).toEqual({ times: 5, only: null });
    expect(parseChaos(['--only', 'Redis', '--times', '2'])).toEqual({ times: 2, only: 'Redis' });
  });

  it.each([
    [['--time', '3'], 'there is no option "--time"'],
    [['--times'], '--times: which?'],
    [['--times', '0'], 'not "0"'],
    [['--times', 'many'], 'not "many"'],
    [['--only'], '--only: which?'],
  ])('%j is refused by name', (argv, said) => {
    expect(parseChaos(argv).trouble).toContain(said);
  });
});

describe('the table', () => {
  const test = (title, status, duration) => ({ ancestorTitles: ['links'], title, status, duration });
  const report = (status, ...tests) => ({ testResults: [{ status, assertionResults: tests }] });

  it('counts each scenario over all its runs; what was skipped did not run', () => {
    const runs = [
      ...runsOf(report('passed', test('one lost', 'passed', 9_400), test('other', 'skipped', 0)), 'a.e2e'),
      ...runsOf(report('failed', test('one lost', 'failed', 61_000), test('other', 'skipped', 0)), 'a.e2e'),
    ];
    const table = chaosTable(runs);
    expect(table[1]).toMatch(/^ +1 +1 {2}9 to 61 +a\.e2e {2}links: one lost$/);
    expect(table.at(-1)).toBe('1 scenarios, 1 runs passed, 1 failed');
  });

  it('says when a run never got to its tests, or left nothing behind', () => {
    expect(runsOf(report('failed', test('one lost', 'skipped', 0)), 'a.e2e')).toEqual([{ file: 'a.e2e', scenario: 'set-up or clean-up', passed: false, seconds: 0 }]);
    expect(runsOf(null, 'a.e2e')).toMatchObject([{ scenario: 'the run itself', passed: false }]);
  });

  it('has nothing where a word names no scenario of a file', () => {
    expect(runsOf(report('passed', test('one lost', 'skipped', 0)), 'a.e2e')).toEqual([]);
  });
});
