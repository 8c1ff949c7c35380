// Rules as operators give them: what is taken, and what is refused with the field that is wrong.
import { describe, expect, it } from 'vitest';
import { aHost, aView, aWorkload, NOW_MS } from '../../../test/fixtures/cluster.js';
import type { ClusterView } from '../cluster-view.js';
import { addRule, removeRule, type WantedRule } from './rule-commands.js';

const [one, two] = [aHost('host-1'), aHost('host-2')];
const [a, b, c] = [aWorkload('vm-a', one), aWorkload('vm-b', one), aWorkload('vm-c', two)];
const asked = { by: 'anna', nowMs: NOW_MS };
const base = aView({ hosts: [one, two], workloads: [a, b, c] });
const apart: WantedRule = { name: 'r', type: 'keep-apart', workloads: ['vm-a', 'vm-b'], hard: true };

function withRules(...rules: readonly WantedRule[]): ClusterView {
  return rules.reduce((view, wanted) => {
    const [added] = addRule(view, wanted, asked);
    return added?.change === 'add-rule' ? { ...view, rules: [...view.rules, added.rule] } : view;
  }, base);
}

describe('adding a rule', () => {
  it('is by names, kept by ids', () => {
    expect(addRule(base, apart, asked)[0]).toEqual({ change: 'add-rule', rule: { name: 'r', type: 'keep-apart', hard: true, workloads: [a.id, b.id] } });
    const hosts = { name: 'h', type: 'hosts' as const, workloads: ['vm-a'], hard: false, hosts: [{ host: 'host-2', priority: 3 }] };
    expect(addRule(base, hosts, asked)[0]).toMatchObject({ rule: { hosts: [{ hostId: two.id, priority: 3 }] } });
  });

  it.each<[string, ClusterView, WantedRule, RegExp]>([
    ['an unknown workload', base, { ...apart, workloads: ['vm-a', 'nobody'] }, /no workload is named nobody/],
    ['one workload', base, { ...apart, workloads: ['vm-a'] }, /workloads: a keep-apart rule is about at least two/],
    ['the same twice', base, { ...apart, workloads: ['vm-a', 'vm-a'] }, /workloads: one is named twice/],
    ['hosts where none belong', base, { ...apart, hosts: [{ host: 'host-1', priority: 0 }] }, /names no hosts/],
    ['no hosts', base, { ...apart, type: 'hosts' }, /hosts: a hosts rule names at least one host/],
    ['a selector of nothing', base, { ...apart, workloads: [], select: {} }, /select: at least one label/],
    ['a selector of hosts of nothing', base, { ...apart, type: 'hosts', hosts: [{ select: {}, priority: 0 }] }, /hosts\.select: at least one label/],
    ['a zone of a hosts rule', base, { ...apart, type: 'hosts', per: 'zone', hosts: [{ host: 'host-1', priority: 0 }] }, /per: a hosts rule is about hosts/],
    ['hosts that no host is', base, { ...apart, type: 'hosts', hosts: [{ select: { gpu: 'yes' }, priority: 0 }] }, /no host is allowed for vm-a: rule r allows hosts with gpu=yes \(0\): none now/],
    ['more apart than there are hosts', base, { ...apart, workloads: ['vm-a', 'vm-b', 'vm-c'] }, /rule r keeps vm-a, vm-b, vm-c apart, and these 3 have only 2 hosts between them/],
    ['a taken name', withRules(apart), { ...apart, workloads: ['vm-b', 'vm-c'] }, /a rule named r exists already/],
    ['together and apart', withRules(apart), { name: 't', type: 'keep-together', workloads: ['vm-a', 'vm-b'], hard: true }, /t can never be kept: rule r keeps vm-a and vm-b apart, but they must stay together: vm-a–vm-b by rule t/],
    ['together and apart, through another rule', withRules(apart, { name: 't1', type: 'keep-together', workloads: ['vm-a', 'vm-c'], hard: true }), { name: 't2', type: 'keep-together', workloads: ['vm-c', 'vm-b'], hard: true }, /t2 can never be kept/],
    ['together on hosts that exclude each other', withRules({ name: 'h1', type: 'hosts', workloads: ['vm-a'], hard: true, hosts: [{ host: 'host-1', priority: 0 }] }, { name: 'h2', type: 'hosts', workloads: ['vm-b'], hard: true, hosts: [{ host: 'host-2', priority: 0 }] }), { name: 't', type: 'keep-together', workloads: ['vm-a', 'vm-b'], hard: true }, /no host is allowed for vm-a, vm-b/],
  ])('refuses %s', (_name, view, wanted, why) => {
    expect(() => addRule(view, wanted, asked)).toThrow(why);
  });

  it('is by labels as well: what is written is kept beside what it comes to', () => {
    const labelled = aView({ hosts: [{ ...one, zone: 'x' }, two], workloads: [a, { ...b, labels: { app: 'db' } }] });
    const wanted: WantedRule = { name: 's', type: 'hosts', workloads: ['vm-a'], select: { app: 'db' }, hard: true, hosts: [{ select: { zone: 'x' }, priority: 4 }] };
    expect(addRule(labelled, wanted, asked)).toMatchObject([
      { rule: { workloads: [a.id, b.id], selector: { named: [a.id], labels: { app: 'db' } }, hosts: [{ hostId: one.id, priority: 4 }], hostSelector: { named: [], selected: [{ labels: { zone: 'x' }, priority: 4 }] } } },
      { event: { message: 'rule s (hard) is added by anna: vm-a, app=db (vm-b) on hosts with zone=x (4): host-1' } },
    ]);
    expect(addRule(base, { ...apart, per: 'zone' }, asked)[0]).toMatchObject({ rule: { per: 'zone' } });
    expect(addRule(base, { ...apart, workloads: [], select: { app: 'later' } }, asked)[0]).toMatchObject({ rule: { workloads: [] } });
  });

  it('takes as soft what can\'t be kept: it is a preference', () => {
    expect(addRule(withRules(apart), { name: 't', type: 'keep-together', workloads: ['vm-a', 'vm-b'], hard: false }, asked)).toHaveLength(2);
  });
});

it('removes by name', () => {
  expect(removeRule(withRules(apart), 'r', asked)[0]).toEqual({ change: 'remove-rule', name: 'r' });
  expect(() => removeRule(base, 'r', asked)).toThrow('no rule is named r');
});
