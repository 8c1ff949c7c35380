// Random placement rules that overlap: several over the same workloads, groups that merge into one.
import { workloadId } from '../../shared/ids.js';
import { seededRng, type Rng } from '../../shared/rng.js';
import { firstSenseless } from '../scenario/check-sense.js';
import type { ScenarioHost, ScenarioRule, ScenarioWorkload } from '../scenario/scenario.js';
import { ruleRow } from '../scenario/setup-cluster.js';
import { pick } from './random-storm.js';

export interface RuleSite {
  readonly hosts: readonly ScenarioHost[];
  readonly workloads: readonly ScenarioWorkload[];
}

const TYPES = ['keep-apart', 'keep-together', 'keep-together', 'hosts'] as const;

/** Hard or not, kept or not at this moment: a person may ask for anything, and be refused. */
export function randomRule(rng: Rng, { hosts, workloads }: RuleSite, name: string): ScenarioRule {
  const type = pick(rng, TYPES);
  const names = some(rng, workloads.map((one) => one.name), type === 'hosts' ? 1 : 2);
  const hard = rng.next() < 0.5;
  if (type !== 'hosts') return { name, type, workloads: names, hard };
  return { name, type, workloads: names, hard, hosts: some(rng, hosts.map((one) => one.name), 1).map((host) => ({ host, priority: rng.int(3) })) };
}

/** Beside those that are there. Of a stream of its own, so that seeds keep their clusters. */
export function moreRules(seed: number, site: RuleSite, first: readonly ScenarioRule[]): readonly ScenarioRule[] {
  const rng = seededRng(seed ^ 0x66d2_0a1b);
  if (rng.next() < 0.6) return first;
  const rules = [...first];
  for (let turn = 1 + rng.int(4); turn > 0; turn -= 1) {
    const rule = randomRule(rng, site, `more-${turn}`);
    // Hard rules only where they hold from the beginning.
    const asked = { ...rule, hard: rule.hard === true && holds(rule, site) };
    if (firstSenseless({ ...site, hosts: [...site.hosts], workloads: [...site.workloads], rules: [...rules, asked] }) === null) rules.push(asked);
  }
  return rules;
}

/** At time 0, by where the file puts them. */
export function holds(rule: ScenarioRule, { hosts, workloads }: RuleSite): boolean {
  const resolved = ruleRow(rule, { hosts: [...hosts], workloads: [...workloads] });
  const homes = workloads.filter((one) => resolved.workloads.includes(workloadId(one.name))).map((one) => hosts.find(({ name }) => name === one.host));
  if (resolved.type === 'hosts') return homes.every((home) => resolved.hosts.some((one) => one.hostId === home?.name));
  const places = homes.map((home) => (resolved.per === 'zone' && home?.zone !== undefined ? `zone ${home.zone}` : home?.name));
  return resolved.type === 'keep-together' ? new Set(places).size <= 1 : new Set(places).size === places.length;
}

/** At least so many where there are so many, four at most. */
export function some(rng: Rng, among: readonly string[], least: number): string[] {
  const left = [...among];
  return Array.from({ length: Math.min(among.length, least + rng.int(3)) }, () => left.splice(rng.int(left.length), 1)[0] ?? '');
}
