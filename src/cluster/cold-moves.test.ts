// What becomes of a workload that was moved while it was stopped: it stays so until somebody wants it, wherever it is.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, aVerdict, aWorkload, silentVerdict } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import { DEFAULT_POLICY } from './cluster-policy.js';
import { setDesired } from './commands/owner-commands.js';
import { moveWorkload } from './commands/workload-commands.js';
import { Story, shown } from './decide.fixture.js';
import { placementViewOf } from './placement-ledger.js';

const withWatchdog = (name: string): Host => aHost(name, { fenceDevices: [{ kind: 'watchdog', options: {} }], facts: aHost(name).facts && { ...aHost(name).facts!, watchdogDevice: true } });
const hosts = ['host-1', 'host-2', 'host-3'].map(withWatchdog);
const [source, target, other] = hosts as [Host, Host, Host];
const vm = (set: Partial<Workload>): Workload => aWorkload('vm', source, { state: 'stopped', ...set });

function begun(workload: Workload): Story {
  const story = new Story({ hosts, workloads: [workload] });
  const placement = placementViewOf({ view: story.view, verdict: aClusterVerdict(hosts.map((host) => aVerdict(host))), policy: DEFAULT_POLICY });
  story.commit(moveWorkload(story.view, placement, 'vm', { by: 'ann', nowMs: story.nowMs, to: 'host-2', kind: 'relocate', params: {} }));
  return story;
}
function showAll(story: Story, reason: string): void {
  story.nowMs += 5_000;
  for (const host of [source, other]) story.show(host, []);
  story.show(target, [shown(story.workload('vm'), 'stopped', reason)]);
}

describe('a stopped workload that was moved', () => {
  it('by hand stopped, and wanted running in principle: it stays stopped, whatever its new host can say of its end', () => {
    const story = begun(vm({ desired: 'running', why: 'it was stopped by hand on host-1; `reeve workload start vm` starts it' }));
    story.end('vm', 'succeeded');
    expect(story.workload('vm')).toMatchObject({ state: 'stopped', hostId: target.id, why: expect.stringContaining('stopped by hand') as string });
    for (const reason of ['ended', 'unknown']) {
      showAll(story, reason);
      expect([story.round(), story.workload('vm').state]).toEqual([[], 'stopped']);
    }
  });

  it.each(['succeeded', { failed: 'target-unreachable' }] as const)('wanted running meanwhile: it is started once the move has ended (%s)', (ending) => {
    const story = begun(vm({ desired: 'stopped' }));
    story.commit(setDesired(story.view, 'vm', 'running', { by: 'ann', nowMs: story.nowMs }));
    story.end('vm', ending);
    const home = ending === 'succeeded' ? target : source;
    story.nowMs += 5_000;
    for (const host of hosts) story.show(host, host.id === home.id ? [shown(story.workload('vm'), 'stopped', 'unknown')] : []);
    expect(story.round()).toEqual([expect.stringContaining(`start vm ${home.name}`)]);
  });

  it('the end of its new host\'s lease is a proof for it, as it was at the old one', () => {
    const story = begun(vm({ desired: 'running', why: 'it was stopped by hand on host-1', leasedOn: source.id }));
    story.end('vm', 'succeeded');
    expect(story.workload('vm').leasedOn).toBe(target.id);
    const off: Host = { ...target, condition: 'fenced', hostEpoch: 2, proof: { kind: 'lease-expired', evidence: 'x', atMs: story.nowMs, bootId: target.bootId, hostEpoch: 1 } };
    story.view = { ...story.view, hosts: hosts.map((host) => (host.id === target.id ? off : host)) };
    story.verdicts[target.name] = silentVerdict(target);
    for (const host of [source, other]) story.show(host, []);
    expect(story.round()).toEqual([expect.stringContaining('recover vm')]);
  });
});
