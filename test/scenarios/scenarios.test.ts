// Each golden scenario reads as it is kept and violates nothing, and together they show all there is to show.
// `npm run scenarios -- --update` writes what is new: look at it before it is kept.
import { describe, expect, it } from 'vitest';
import type { HoldCode } from '../../src/cluster/decision.js';
import type { Do } from '../../src/sim/scenario/scenario.js';
import type { SimEvent } from '../../src/sim/scenario/result.js';
import { DOS, EVENT_FIELDS, FINAL_STATES, HOLDS, NOT_SHOWN } from './coverage.js';
import { goldenNames, runFile, scenarioFiles } from './scenario-files.js';

const files = scenarioFiles();
const seen = { dos: new Set<string>(), holds: new Set<string>(), types: new Set<string>(), ill: [] as string[], hostStates: new Set<string>(), workloadStates: new Set<string>() };

function look(name: string, event: SimEvent): void {
  seen.types.add(event.type);
  if (event.type === 'command') seen.dos.add(String(event['do']));
  if (event.type === 'hold') seen.holds.add(String(event['code']));
  const missing = (EVENT_FIELDS[event.type] ?? []).filter((field) => event[field] === undefined);
  if (missing.length > 0) seen.ill.push(`${name}: ${event.type} at ${event.t} lacks ${missing.join()}`);
}

describe('golden scenarios', () => {
  it.each(files.map((file) => [file.name, file] as const))('%s', async (name, file) => {
    const { result, text } = await runFile(file);
    for (const event of result.events) look(name, event);
    for (const { state } of Object.values(result.final.hosts)) seen.hostStates.add(state);
    for (const { state } of Object.values(result.final.workloads)) seen.workloadStates.add(state);
    expect(file.story).not.toBe('');
    expect(result.violations).toEqual([]);
    await expect(text).toMatchFileSnapshot(`${name}.golden`);
  });
});

/** Needs all runs above: with a filter on names it says less than it should. */
describe('together they show', () => {
  const lacks = <Name extends string>(all: readonly Name[], shown: ReadonlySet<string>): readonly Name[] => all.filter((one) => !shown.has(one) && NOT_SHOWN[one] === undefined);

  it('every entry of a timeline', () => expect(lacks<Do>(DOS, seen.dos)).toEqual([]));
  it('every hold', () => expect(lacks<HoldCode>(HOLDS, seen.holds)).toEqual([]));
  it('every type of event, with its fields', () => {
    expect(lacks(Object.keys(EVENT_FIELDS), seen.types)).toEqual([]);
    expect(seen.ill).toEqual([]);
  });
  it('every state at the end', () => {
    expect(lacks(FINAL_STATES.hosts, seen.hostStates)).toEqual([]);
    expect(lacks(FINAL_STATES.workloads, seen.workloadStates)).toEqual([]);
  });
  it('nothing of which it is said that it can\'t be shown', () => {
    expect(Object.keys(NOT_SHOWN).filter((one) => seen.holds.has(one) || seen.types.has(one) || seen.dos.has(one))).toEqual([]);
  });
  it('no golden without its scenario', () => expect(goldenNames().filter((name) => !files.some((file) => file.name === name))).toEqual([]));
});
