// Scenario files: what is taken, and the one line for what is refused.
import { describe, expect, it } from 'vitest';
import { parseScenario } from './parse-scenario.js';

const CLUSTER = 'hosts: [{ name: h1 }, { name: h2 }]\nworkloads: [{ name: v1, host: h1 }]\n';

describe('a scenario', () => {
  it('is taken as YAML and as JSON', () => {
    expect(parseScenario(`${CLUSTER}timeline: [{ at: 1, do: host.power-cut, host: h1 }]`).ok).toBe(true);
    expect(parseScenario('{"hosts": [{"name": "h1", "power": "on", "labels": {"gpu": "yes"}}], "policy": {"rebalance": "off"}}').ok).toBe(true);
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
