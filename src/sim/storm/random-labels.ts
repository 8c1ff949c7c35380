// Random zones and labels, rules per zone and by selector, and people who change labels in the middle of a storm. Of streams of their own, so that seeds keep the rest.
import { seededRng, type Rng } from '../../shared/rng.js';
import { firstSenseless } from '../scenario/check-sense.js';
import type { ScenarioHost, ScenarioRule, ScenarioWorkload, TimelineEntry } from '../scenario/scenario.js';
import { holds, randomRule, type RuleSite } from './random-rules.js';
import { later, pick, workload, type StormSite } from './random-storm.js';

const ZONES = ['a', 'b', 'c'] as const;
const APPS = ['db', 'web'] as const;

/** In some clusters. A host in none is a zone of its own. */
export function labelled<Site extends { readonly hosts: readonly ScenarioHost[]; readonly workloads: readonly ScenarioWorkload[] }>(seed: number, { hosts, workloads }: Site): { readonly hosts: ScenarioHost[]; readonly workloads: ScenarioWorkload[] } {
  const rng = seededRng(seed ^ 0x20be_1ab5);
  if (rng.next() < 0.5) return { hosts: [...hosts], workloads: [...workloads] };
  return {
    hosts: hosts.map((host) => ({ ...host, ...(rng.next() < 0.8 ? { zone: pick(rng, ZONES) } : {}), ...(rng.next() < 0.5 ? { labels: { gpu: 'yes' } } : {}) })),
    workloads: workloads.map((one) => (rng.next() < 0.6 ? { ...one, labels: { app: pick(rng, APPS) } } : one)),
  };
}

/** Beside those that are there; hard ones only where they hold from the beginning. */
export function selectiveRules(seed: number, site: RuleSite, first: readonly ScenarioRule[]): readonly ScenarioRule[] {
  const rng = seededRng(seed ^ 0x5e1e_c701);
  if (rng.next() < 0.5) return first;
  const rules = [...first];
  for (let turn = 1 + rng.int(3); turn > 0; turn -= 1) {
    const rule = selectiveRule(rng, site, `select-${turn}`);
    const asked = { ...rule, hard: rule.hard === true && holds(rule, site) };
    if (firstSenseless({ ...site, hosts: [...site.hosts], workloads: [...site.workloads], rules: [...rules, asked] }) === null) rules.push(asked);
  }
  return rules;
}

function selectiveRule(rng: Rng, site: RuleSite, name: string): ScenarioRule {
  const [chance, perZone, hard] = [rng.next(), rng.next() < 0.6, rng.next() < 0.7];
  const per = perZone ? { per: 'zone' as const } : {};
  const select = { app: pick(rng, APPS) };
  const plain = randomRule(rng, site, name);
  if (chance < 0.25 && plain.type !== 'hosts') return { ...plain, ...per, hard };
  if (chance < 0.5) return { name, type: 'keep-apart', select, ...per, hard };
  if (chance < 0.75) return { name, type: 'keep-together', select, ...per, hard };
  return { name, type: 'hosts', select, hard, hosts: [pick(rng, [{ select: { gpu: 'yes' }, priority: rng.int(3) }, { select: { zone: pick(rng, ZONES) } }])] };
}

/** People label, and ask for rules: some are refused. */
export function relabelled(seed: number, site: StormSite & RuleSite): readonly TimelineEntry[] {
  const rng = seededRng(seed ^ 0x1abe_11ed);
  if (rng.next() < 0.6) return [];
  return Array.from({ length: 1 + rng.int(4) }, (_, turn): TimelineEntry => {
    const at = later(rng, site.beginsS, site.lengthS);
    const chance = rng.next();
    if (chance < 0.5) return { at, do: 'workload.label', workload: workload(rng, site), labels: { app: pick(rng, [...APPS, null]) } };
    if (chance < 0.7) return { at, do: 'host.label', host: pick(rng, site.hosts).name, ...pick(rng, [{ labels: { gpu: pick(rng, ['yes', null]) } }, { zone: pick(rng, [...ZONES, null]) }]) };
    return { at, do: 'rule.add', rule: selectiveRule(rng, site, `asked-${turn + 1}`) };
  });
}
