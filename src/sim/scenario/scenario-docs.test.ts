// docs/scenarios.md knows every key, entry, event, state and invariant that the code knows.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DOS, EVENT_FIELDS } from '../../../test/scenarios/coverage.js';
import type { HostState } from '../../hosts/host.js';
import { WORKLOAD_STATES } from '../../workloads/workload.js';
import { BOUND_S } from '../invariants/everything-ends.js';
import { UNTOLD } from '../narrator.js';
import { parseScenario } from './parse-scenario.js';
import { INVARIANTS } from './result.js';
import { scenarioSchema } from './scenario.js';

const ROOT = join(import.meta.dirname, '../../..');
const page = readFileSync(join(ROOT, 'docs/scenarios.md'), 'utf8');
const named = new Set([...page.matchAll(/`([^`\n]+)`/g)].map((found) => found[1] ?? ''));
const lacking = (names: Iterable<string>): readonly string[] => [...new Set(names)].filter((name) => !named.has(name)).sort();

const rows = (section: string): readonly (readonly string[])[] => {
  const [, text = ''] = page.split(new RegExp(`^#+ ${section}$`, 'm'));
  return (text.split(/^#/m)[0] ?? '').split('\n').filter((line) => line.startsWith('| `')).map((line) => line.split(' | '));
};
const firsts = (section: string): readonly string[] => rows(section).flatMap(([cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map((found) => found[1] ?? ''));

/** Names of properties, and the words that may be said, wherever in the schema. */
function words(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties = {}, enum: choices = [], const: only, ...rest } = schema as { properties?: Readonly<Record<string, unknown>>; enum?: readonly unknown[]; const?: unknown };
  const said = [...choices, only].filter((one): one is string => typeof one === 'string');
  return [...Object.keys(properties), ...said, ...[...Object.values(properties), ...Object.values(rest)].flatMap(words)];
}

/** The store's events that the narrator tells, as they are written in the source. */
function toldTypes(): readonly string[] {
  const files = ['src/cluster', 'src/workloads', 'src/hosts'].flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true }).map((file) => join(ROOT, folder, String(file))));
  const sources = files.filter((file) => /(?<!\.(test|fixture))\.ts$/.test(file)).map((file) => readFileSync(file, 'utf8'));
  const types = sources.flatMap((text) => [...text.matchAll(/'((?:host|workload)\.[a-z-]+)'/g)].map((found) => found[1] ?? ''));
  return [...new Set(types)].filter((type) => !UNTOLD.has(type) && !ELSEWHERE.has(type));
}

/** Of enrolment and of creation by the real hypervisor, neither of which a scenario has. */
const ELSEWHERE: ReadonlySet<string> = new Set(['host.removed', 'host.added', 'workload.adopted', 'workload.created', 'workload.creating', 'workload.create-failed']);

const HOST_STATES: { readonly [S in HostState]: true } = { enrolling: true, online: true, suspect: true, silent: true, fencing: true, fenced: true, draining: true, maintenance: true, offline: true };

describe('docs/scenarios.md', () => {
  it('names every key and every word that the schema takes', () => {
    const known = words(z.toJSONSchema(scenarioSchema, { io: 'input' }));
    // Policy, faults and weather are three levels down: that they are found says that the walk works.
    expect(known).toEqual(expect.arrayContaining(['maxSilentShare', 'startFails', 'lateJobsMs', 'host.power-cut', 'n+2']));
    expect(lacking(known)).toEqual([]);
  });

  it('names every entry of a timeline, in a table of its own', () => {
    const told = new Set(['Hosts', 'Agents, control plane, database, queue', 'Workloads and rules'].flatMap(firsts));
    expect(DOS.filter((one) => !told.has(one))).toEqual([]);
    expect([...told].filter((one) => one !== 'do' && !(DOS as readonly string[]).includes(one))).toEqual([]);
  });

  it('names every type of event, with its fields', () => {
    const table = new Map(rows('Events').flatMap(([types = '', fields = '']) => [...types.matchAll(/`([^`]+)`/g)].map((found) => [found[1] ?? '', fields] as const)));
    expect(toldTypes()).toContain('workload.paused');
    expect([...Object.keys(EVENT_FIELDS), ...toldTypes()].filter((type) => !table.has(type))).toEqual([]);
    const short = Object.entries(EVENT_FIELDS).flatMap(([type, fields]) => fields.filter((field) => !table.get(type)?.includes(`\`${field}\``)).map((field) => `${type}: ${field}`));
    expect(short).toEqual([]);
  });

  it('names every state', () => {
    expect(Object.keys(HOST_STATES).filter((state) => !firsts('States of a host').includes(state))).toEqual([]);
    expect(Object.keys(WORKLOAD_STATES).filter((state) => !firsts('States of a workload').includes(state))).toEqual([]);
  });

  it('states every invariant, and the bound of the last one', () => {
    expect(firsts('Invariants')).toEqual(expect.arrayContaining(Object.keys(INVARIANTS)));
    expect(rows('Invariants').find(([name]) => name?.includes('everything-ends'))?.join()).toContain(`${BOUND_S} s after the last entry`);
  });

  it('begins with a file that is taken', () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    expect(parseScenario(example)).toMatchObject({ ok: true, value: { until: 400 } });
  });
});
