// Scenario files: what is taken, and the one line for what is refused.
import { describe, expect, it } from 'vitest';
import { parseScenario } from './parse-scenario.js';

const CLUSTER = 'hosts: [{ name: h1 }, { name: h2 }]\nworkloads: [{ name: v1, host: h1 }]\n';
const TWO = CLUSTER.replace('{ name: v1, host: h1 }', '{ name: v1, host: h1 }, { name: v2, host: h2 }');

describe('a scenario', () => {
  it('is taken as YAML and as JSON', () => {
    expect(parseScenario(`${CLUSTER}timeline: [{ at: 1, do: host.power-cut, host: h1 }]`).ok).toBe(true);
    expect(parseScenario('{"hosts": [{"name": "h1", "power": "on", "labels": {"gpu": "yes"}}], "policy": {"rebalance": "off"}}').ok).toBe(true);
  });

  it('is taken with soft rules that can\'t all be kept, and with what the timeline asks for in vain', () => {
    expect(parseScenario(`${TWO}rules: [{ name: r1, type: keep-apart, workloads: [v1, v2], hard: false }, { name: r2, type: keep-together, workloads: [v1, v2] }]`).ok).toBe(true);
    expect(parseScenario(`${TWO}rules: [{ name: r1, type: keep-apart, workloads: [v1, v2] }]\ntimeline: [{ at: 1, do: rule.add, rule: { name: r2, type: keep-together, workloads: [v1, v2] } }]`).ok).toBe(true);
  });

  it.each([
    ['hosts: [{ name: h1, colour: red }]', 'hosts[0].colour: unknown key'],
    ['hosts: [{ name: h1 }]\nextra: 1', 'extra: unknown key'],
    ['hosts: [{ name: h1, cpus: -2 }]', /^hosts\[0\]\.cpus: .*not -2/],
    ['hosts: []', /^hosts: /],
    [`${CLUSTER}timeline: [{ at: 1, do: host.power-cut, host: h9 }]`, 'timeline[0].host: there is no host h9'],
    [`${CLUSTER}timeline: [{ at: -1, do: host.power-cut, host: h1 }]`, /^timeline\[0\]\.at: .*not -1/],
    [`${CLUSTER}timeline: [{ at: 1, do: host.explode, host: h1 }]`, /^timeline\[0\]\.do: "host.explode"/],
    [`${CLUSTER}timeline: [{ at: 1, do: host.hang, host: h1 }]`, /^timeline\[0\]\.seconds: .*missing/],
    [`${CLUSTER}timeline: [{ at: 1, do: host.power-cut, host: h1, link: 0 }]`, 'timeline[0].link: unknown key'],
    [`${CLUSTER}timeline: [{ at: 5, do: queue.flush }, { at: 1, do: queue.flush }]`, /^timeline\[1\]\.at: /],
    [`${CLUSTER}timeline: [{ at: 5, do: host.cut-from, host: h1, peers: [h2, control-plane, h7] }]`, 'timeline[0].peers[2]: there is no host h7'],
    [`${CLUSTER}timeline: [{ at: 5, do: controller.crash, replica: 4 }]`, /^timeline\[0\]\.replica: there is no replica 4/],
    [`${CLUSTER}rules: [{ name: r, type: keep-apart, workloads: [v1, v2] }]`, 'rules[0].workloads[1]: there is no workload v2'],
    [`${CLUSTER}policy: { rebalance: { treshold: 0.3 } }`, 'policy.rebalance.treshold: unknown key'],
    ['hosts: [{ name: h1 }, { name: h1 }]', 'hosts[1].name: h1 is there twice'],
    [`${CLUSTER}timeline: [{ at: 1, do: host.fence-breaks, host: h1, device: power }]`, 'timeline[0].device: h1 has no device power; its fencing is watchdog'],
    ['hosts: [{ name: h1, fencing: [power, none] }]\ntimeline: [{ at: 1, do: host.fence-repaired, host: h1, device: none }]', 'timeline[0].device: h1 has no device none; its fencing is power, none'],
    ['hosts: [{ name: h1, fencing: [power] }]\ntimeline: [{ at: 1, do: host.fence-breaks, host: h1, device: pdu }]', 'timeline[0].device: h1 has no device pdu; its fencing is power'],
    ['hosts: [{ name: h1, fencing: [power] }]\ntimeline: [{ at: 1, do: host.fence-breaks, host: h1, how: burns }]', /^timeline\[0\]\.how: /],
    ['hosts: [{ name: h1 }]\nworkloads: [{ name: v1, startAfter: [v1] }]', 'workloads[0].startAfter: v1 after v1 is a circle: none of them could ever start first'],
    ['hosts: [{ name: h1 }]\nworkloads: [{ name: v0 }, { name: v1, startAfter: [v2] }, { name: v2, startAfter: [v3, v0] }, { name: v3, startAfter: [v1] }]', /^workloads\[1\]\.startAfter: v1 after v2 after v3 after v1 is a circle/],
    [`${CLUSTER}timeline: [{ at: 1, do: workload.create, workload: { name: v2, startAfter: [v2] } }]`, /^timeline\[0\]\.workload\.startAfter: v2 after v2 is a circle/],
    [`${TWO}rules: [{ name: r1, type: keep-apart, workloads: [v1, v2] }, { name: r2, type: keep-together, workloads: [v1, v2] }]`, 'rules[1]: r2 can never be kept: rule r1 keeps v1 and v2 apart, but they must stay together: v1–v2 by rule r2'],
    [`${TWO}rules: [{ name: r1, type: keep-together, workloads: [v1, v2] }, { name: r2, type: hosts, workloads: [v1], hosts: [{ host: h1 }] }, { name: r3, type: hosts, workloads: [v2], hosts: [{ host: h2 }] }]`, /^rules\[2\]: r3 can never be kept: no host is allowed for v1, v2/],
    [`${TWO}rules: [{ name: r1, type: keep-apart, workloads: [v1] }]`, /^rules\[0\]\.workloads: a keep-apart rule is about at least two/],
    ['hosts: [', /^not YAML or JSON/],
    [`${CLUSTER}until: .nan`, /^until: /],
  ])('is refused in one line: %s', (text, line) => {
    const parsed = parseScenario(text);
    if (parsed.ok) expect.fail('it was taken');
    if (typeof line === 'string') expect(parsed.error).toBe(line);
    else expect(parsed.error).toMatch(line);
    expect(parsed.error).not.toContain('\n');
  });
});
