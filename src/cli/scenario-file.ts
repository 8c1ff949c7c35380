// An exported cluster as a file that people edit.
import { stringify } from 'yaml';

const HEAD = [
  '# The cluster as it was when this was exported. Add to the timeline what shall happen to it, for example',
  '#   - { at: 60, do: host.power-cut, host: NAME }',
  '# and run it with `reeve simulate FILE`; docs/simulate.md says what there is.',
].join('\n');

/** Each host, workload and entry on a line of its own, as people write them. */
export function scenarioFile(scenario: object): string {
  const parts = Object.entries(scenario).map(([key, value]) => (Array.isArray(value) ? listOf(key, value) : stringify({ [key]: value as unknown }).trimEnd()));
  return [HEAD, ...parts].join('\n');
}

function listOf(key: string, items: readonly unknown[]): string {
  if (items.length === 0) return `${key}: []`;
  return [`${key}:`, ...items.map((item) => `  - ${stringify(item, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd()}`)].join('\n');
}
