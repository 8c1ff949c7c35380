// Labels and zones as operators set them: what is kept, and what is refused because a hard rule could not be kept any more.
import { describe, expect, it } from 'vitest';
import { aHost, aView, aWorkload, NOW_MS } from '../../../test/fixtures/cluster.js';
import type { ClusterView } from '../cluster-view.js';
import { assertRulesTake, labelHost, labelWorkload, zoneHost } from './label-commands.js';
import { addRule, type WantedRule } from './rule-commands.js';

const [one, two, three] = [aHost('host-1', { zone: 'x', labels: { gpu: 'yes' } }), aHost('host-2', { zone: 'y' }), aHost('host-3')];
const [a, b, c] = [aWorkload('a', one, { labels: { app: 'db' } }), aWorkload('b', two, { labels: { app: 'db' } }), aWorkload('c', two)];
const asked = { by: 'anna', nowMs: NOW_MS };
const base = aView({ hosts: [one, two, three], workloads: [a, b, c] });

const withRules = (...rules: readonly WantedRule[]): ClusterView => rules.reduce((view, wanted) => {
  const [added] = addRule(view, wanted, asked);
  return added?.change === 'add-rule' ? { ...view, rules: [...view.rules, added.rule] } : view;
}, base);

const databases: WantedRule = { name: 'db', type: 'keep-apart', workloads: [], select: { app: 'db' }, hard: true };

describe('labels', () => {
  it('are set and taken away, in order of their keys; what is so already changes nothing', () => {
    expect(labelHost(base, 'host-1', { rack: '7', gpu: null }, asked)).toMatchObject([{ change: 'host', id: one.id, set: { labels: { rack: '7' } } }, { event: { type: 'host.labelled', message: 'host-1 is labelled by anna: rack=7' } }]);
    expect(labelWorkload(base, 'a', { tier: '1' }, asked)).toMatchObject([{ change: 'workload', id: a.id, set: { labels: { app: 'db', tier: '1' } } }, { event: { type: 'workload.labelled' } }]);
    expect(labelWorkload(base, 'a', { app: 'db', old: null }, asked)).toEqual([]);
    expect(labelHost(base, 'host-1', { gpu: 'yes' }, asked)).toEqual([]);
  });

  it('a zone is set and ended', () => {
    expect(zoneHost(base, 'host-3', 'x', asked)).toMatchObject([{ set: { zone: 'x' } }, { event: { type: 'host.zoned', message: 'host-3 is in zone x, by anna' } }]);
    expect(zoneHost(base, 'host-1', null, asked)).toMatchObject([{ set: { zone: null } }, { event: { message: 'host-1 is in no zone any more, by anna' } }]);
    expect(zoneHost(base, 'host-1', 'x', asked)).toEqual([]);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['the zone as a label', () => labelHost(base, 'host-1', { zone: 'y' }, asked), /labels\.zone: the zone of a host is no label/],
    ['a key with a space', () => labelWorkload(base, 'a', { 'a b': 'c' }, asked), /labels: "a b" is no key/],
    ['a value with a space', () => labelWorkload(base, 'a', { app: 'd b' }, asked), /labels\.app: "d b" is no value/],
    ['too many', () => labelWorkload(base, 'a', Object.fromEntries(Array.from({ length: 64 }, (_, nth) => [`k${nth}`, 'v'])), asked), /64 are allowed at most/],
    ['an unknown workload', () => labelWorkload(base, 'nobody', { app: 'db' }, asked), /no workload is named nobody/],
  ])('refuses %s', (_name, doIt, why) => expect(doIt).toThrow(why));
});

describe('what rules could not keep', () => {
  const pair: WantedRule = { name: 'pair', type: 'keep-together', workloads: ['a', 'c'], hard: true };
  const gpu: WantedRule = { name: 'gpu', type: 'hosts', workloads: ['a'], hard: true, hosts: [{ select: { gpu: 'yes' }, priority: 0 }] };
  const zones: WantedRule = { name: 'zones', type: 'keep-apart', per: 'zone', workloads: ['a', 'b', 'c'], hard: true };
  const newcomer = aWorkload('d', null, { labels: { app: 'db' } });

  it.each<[string, ClusterView, (view: ClusterView) => unknown, RegExp]>([
    ['a label of a workload, by a chain', withRules(databases, pair), (view) => labelWorkload(view, 'c', { app: 'db' }, asked), /labels: c can't be labelled so: rule db keeps a and c apart, but they must stay together: a–c by rule pair/],
    ['a label of a host', withRules(gpu), (view) => labelHost(view, 'host-1', { gpu: null }, asked), /labels: host-1 can't be labelled so: no host is allowed for a: rule gpu allows hosts with gpu=yes \(0\): none now/],
    ['a zone', withRules(zones), (view) => zoneHost(view, 'host-3', 'x', asked), /zone: host-3 can't be in zone x: rule zones keeps a, b, c apart per zone, and these 3 have only 2 zones between them/],
    ['a new workload', withRules(databases, { ...databases, name: 'few', type: 'hosts', hosts: [{ host: 'host-1', priority: 0 }, { host: 'host-2', priority: 0 }] }), (view) => assertRulesTake(view, newcomer), /d can't have these labels: rule db keeps .* apart, and these 3 have only 2 hosts between them: rule few allows/],
  ])('refuses %s', (_name, view, doIt, why) => expect(() => doIt(view)).toThrow(why));

  it('takes what a soft rule is against', () => {
    expect(labelWorkload(withRules({ ...databases, hard: false }, pair), 'c', { app: 'db' }, asked)).toHaveLength(2);
    expect(() => assertRulesTake(withRules({ ...zones, hard: false }), newcomer)).not.toThrow();
  });

  it('what can\'t be kept already, as a host is gone, is no reason to refuse something else', () => {
    const shrunk: ClusterView = { ...withRules(zones), hosts: [one, two] };
    expect(labelWorkload(shrunk, 'c', { app: 'db' }, asked)).toHaveLength(2);
    expect(addRule(shrunk, databases, asked)).toHaveLength(2);
  });
});
