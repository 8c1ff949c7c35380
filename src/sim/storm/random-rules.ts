// Random placement rules that overlap: several over the same workloads, groups that merge into one.
import { seededRng, type Rng } from '../../shared/rng.js';
import { firstSenseless } from '../scenario/check-sense.js';
import type { ScenarioHost, ScenarioRule, ScenarioWorkload } from '../scenario/scenario.js';
import { pick } from './random-storm.js';

interface RuleSite {
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

function holds(rule: ScenarioRule, { workloads }: RuleSite): boolean {
  const homes = workloads.filter((one) => rule.workloads.includes(one.name)).map((one) => one.host);
  if (rule.type === 'hosts') return homes.every((home) => rule.hosts.some((one) => one.host === home));
  return new Set(homes).size === (rule.type === 'keep-together' ? 1 : homes.length);
}

/** At least so many where there are so many, four at most. */
function some(rng: Rng, among: readonly string[], least: number): string[] {
  const left = [...among];
  return Array.from({ length: Math.min(among.length, least + rng.int(3)) }, () => left.splice(rng.int(left.length), 1)[0] ?? '');
}
