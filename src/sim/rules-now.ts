// The rules of the memory store as they stand now, so that the checkers see what each selector comes to, and since when.
import type { PlacementRule } from '../scheduler/placement-rule.js';
import { resolveRule, type Labelled } from '../scheduler/resolve-rules.js';
import { storableJson } from '../shared/storable.js';

export class RulesNow {
  #rules: ReadonlyMap<string, PlacementRule> = new Map();

  /** By name. One that comes to the same as before stays the object that it was. */
  follow(written: ReadonlyMap<string, PlacementRule>, labelled: () => Labelled): ReadonlyMap<string, PlacementRule> {
    const all = [...written.values()];
    if (!all.some(isSelective)) return (this.#rules = written);
    const seen = labelled();
    const now = all.map((rule) => (isSelective(rule) ? this.#same(resolveRule(rule, seen)) : rule));
    return (this.#rules = new Map(now.map((rule) => [rule.name, rule])));
  }

  #same(rule: PlacementRule): PlacementRule {
    const before = this.#rules.get(rule.name);
    return before && storableJson(before) === storableJson(rule) ? before : rule;
  }
}

const isSelective = (rule: PlacementRule): boolean => rule.selector !== undefined || (rule.type === 'hosts' && rule.hostSelector !== undefined);
