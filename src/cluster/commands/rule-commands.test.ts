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
    ['a taken name', withRules(apart), { ...apart, workloads: ['vm-b', 'vm-c'] }, /a rule named r exists already/],
    ['together and apart', withRules(apart), { name: 't', type: 'keep-together', workloads: ['vm-a', 'vm-b'], hard: true }, /t can never be kept: vm-a and vm-b are to be kept together, and apart by rule r/],
    ['together and apart, through another rule', withRules(apart, { name: 't1', type: 'keep-together', workloads: ['vm-a', 'vm-c'], hard: true }), { name: 't2', type: 'keep-together', workloads: ['vm-c', 'vm-b'], hard: true }, /t2 can never be kept/],
    ['together on hosts that exclude each other', withRules({ name: 'h1', type: 'hosts', workloads: ['vm-a'], hard: true, hosts: [{ host: 'host-1', priority: 0 }] }, { name: 'h2', type: 'hosts', workloads: ['vm-b'], hard: true, hosts: [{ host: 'host-2', priority: 0 }] }), { name: 't', type: 'keep-together', workloads: ['vm-a', 'vm-b'], hard: true }, /no host is allowed for vm-a, vm-b/],
  ])('refuses %s', (_name, view, wanted, why) => {
    expect(() => addRule(view, wanted, asked)).toThrow(why);
  });

  it('takes as soft what can\'t be kept: it is a preference', () => {
    expect(addRule(withRules(apart), { name: 't', type: 'keep-together', workloads: ['vm-a', 'vm-b'], hard: false }, asked)).toHaveLength(2);
  });
});

it('removes by name', () => {
  expect(removeRule(withRules(apart), 'r', asked)[0]).toEqual({ change: 'remove-rule', name: 'r' });
  expect(() => removeRule(base, 'r', asked)).toThrow('no rule is named r');
});
