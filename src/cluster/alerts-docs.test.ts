// docs/alerts.md names the events that are alerts and warnings: as many as the code has, and no others.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const docs = readFileSync(join(ROOT, 'docs/alerts.md'), 'utf8');
const code = readdirSync(join(ROOT, 'src'), { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(file) && !file.startsWith('sim/'))
  .flatMap((file) => readFileSync(join(ROOT, 'src', file), 'utf8').split('\n'));
const TYPE = /'((?:host|workload|cluster)\.[a-z-]+)'/g;
const typesIn = (lines: readonly string[]): readonly string[] => [...new Set(lines.flatMap((line) => [...line.matchAll(TYPE)].map((found) => found[1] ?? '')))].sort();

describe('docs/alerts.md', () => {
  it.each(['alert', 'warning'])('names every event of severity %s', (severity) => {
    const found = typesIn(code.filter((line) => line.includes(`'${severity}'`)));
    expect(found.length).toBeGreaterThan(5);
    expect(found.filter((type) => !docs.includes(`\`${type}\``))).toEqual([]);
  });

  it('names none that there is not', () => {
    const named = [...docs.matchAll(/`((?:host|workload|cluster)\.[a-z-]+)`/g)].map((found) => found[1] ?? '');
    const known = typesIn(code);
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((type) => !known.includes(type))).toEqual([]);
  });
});
