// What is made of a stage that ran beside another one.
import { describe, expect, it } from 'vitest';
import { resultOf } from './beside.mjs';

describe('a stage beside another one', () => {
  it('counts by its last line, with its notes', () => {
    const output = '== sim: seeds\n\n== summary\n  sim 1.0 s  9 passed, 1 failed\n               seed 7: runs-once\n  in 1.0 s\n9 passed, 1 failed\n';
    expect(resultOf(output, 1)).toEqual({ passed: 9, failed: 1, notes: ['seed 7: runs-once'] });
  });

  it('has failed when it says nothing, or ended badly whatever it says', () => {
    expect(resultOf('', 137)).toEqual({ passed: 0, failed: 1, notes: ['ended with 137 and no result'] });
    expect(resultOf('5 passed, 0 failed\nKilled\n', 1)).toMatchObject({ failed: 1 });
    expect(resultOf('5 passed, 0 failed\n', 1)).toEqual({ passed: 5, failed: 1, notes: [] });
    expect(resultOf('5 passed, 0 failed\n', 0)).toEqual({ passed: 5, failed: 0, notes: [] });
  });
});
