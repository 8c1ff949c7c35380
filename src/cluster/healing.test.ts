// A cluster of daemons that was set to heal itself after its hosts were enrolled: told, and shown where people look, with the command against it.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aFacts, aHost, aVerdict, aView } from '../../test/fixtures/cluster.js';
import { diagnose } from './diagnose.js';
import { healingNews } from './healing.js';

const daemon = (driver: 'lxd' | 'incus', healingThresholdS?: number) => ({ driver, version: '6', address: null, isClustered: true, criu: false, pools: [], filesystems: [], networks: [], profiles: [], ...(healingThresholdS === undefined ? {} : { healingThresholdS }) });
const facts = (...daemons: readonly ReturnType<typeof daemon>[]) => aFacts({ containerDaemons: daemons });

describe('a cluster of daemons that heals itself', () => {
  it('is a problem of each of its hosts, with the command that switches it off', () => {
    const hosts = [aHost('host-1', { facts: facts(daemon('lxd', 30)) }), aHost('host-2', { facts: facts(daemon('lxd', 0), daemon('incus')) })];
    const problems = diagnose(aView({ hosts }), aClusterVerdict(hosts.map((host) => aVerdict(host)))).filter(({ code }) => code === 'heals-itself');
    expect(problems).toEqual([{ code: 'heals-itself', severity: 'alert', about: 'host-1', evidence: expect.stringContaining('silent for 30 s') as string, remedy: 'lxc config set cluster.healing_threshold 0' }]);
  });

  it('is told of by its daemon, when that changes', () => {
    const messages = (before: ReturnType<typeof facts> | null, now: ReturnType<typeof facts>) => healingNews({ name: 'host-1', facts: before }, now).map((one) => (one.change === 'event' ? one.event.message : ''));
    expect(messages(null, facts(daemon('incus', 12)))).toEqual(['host-1: Incus is in a cluster that starts the instances of a member elsewhere once it is silent for 12 s: beside Reeve they could run twice; there: `incus config set cluster.healing_threshold 0`']);
    expect(messages(facts(daemon('lxd', 30), daemon('incus')), facts(daemon('lxd', 60), daemon('incus', 12)))).toHaveLength(1);
    expect(messages(facts(daemon('lxd', 30)), facts())).toEqual(['host-1: the cluster of LXD leaves the instances of silent members alone again']);
  });
});
