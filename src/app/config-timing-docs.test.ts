// docs/timing.md names the numbers that the program derives.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DEFAULT_TIMING_SETTINGS, deriveTiming } from '../cluster/timing.js';

const text = readFileSync(new URL('../../docs/timing.md', import.meta.url), 'utf8');
const timing = deriveTiming(DEFAULT_TIMING_SETTINGS);

it.each(Object.entries(timing.ok ? timing.value : {}))('says that %s is %d ms', (name, value) => {
  expect(text).toContain(`| \`${name}\` | ${value} ms |`);
});
