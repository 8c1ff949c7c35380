// What was stopped for a move and is not started again at its source: the rules start it there, or recover it, without a person; and nothing elsewhere while it may run there.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, anOperation, aWorkload, NOW_MS, silentVerdict } from '../../test/fixtures/cluster.js';
import { crashingJournal } from '../shared/workflow.fixture.js';
import type { WorkflowOutcome } from '../shared/workflow.js';
import { OperationalError } from '../shared/errors.js';
import type { Host } from '../hosts/host.js';
import { onCopyEnd } from '../migration/copies.fixture.js';
import { DESTINATION, moveWorld, SOURCE, type MoveWorld } from '../migration/migration.fixture.js';
import { runCopyRelocation } from '../migration/run-copy-relocation.js';
import type { Workload } from '../workloads/workload.js';
import { Story, shown } from './decide.fixture.js';
import { moveEnding } from './endings.js';

const withLxd = (name: string): Host => aHost(name, { facts: aFacts({ containerDaemons: [{ driver: 'lxd', version: '5', address: 'x:8443', isClustered: false, criu: false, pools: [{ name: 'default', driver: 'dir', source: null }], filesystems: [], networks: [], profiles: [] }] }) });
const hosts = ['host-1', 'host-2', 'host-3'].map(withLxd);
const [source, target, other] = hosts as [Host, Host, Host];
const vm = aWorkload('ct', source);
const ct: Workload = { ...vm, state: 'migrating', needs: { ...vm.needs, disks: [], bridges: [], driver: 'lxd', accelerator: 'none', instance: { pool: 'default', profiles: [], networks: [] } }, replication: { everyMs: 60_000 }, replica: { hostId: other.id, asOfMs: NOW_MS - 5_000, triedAtMs: NOW_MS, why: null, isToldLate: false } };

/** The round after the operation's end. */
function after(outcome: WorkflowOutcome, workload: Workload, set: { readonly hosts?: readonly Host[]; readonly atSource?: 'running' | 'stopped' | 'silent' }): { readonly story: Story; readonly began: readonly string[] } {
  const now = set.hosts ?? hosts;
  const home = now.find(({ id }) => id === source.id) ?? source;
  const operation = anOperation('relocate', { workloadId: workload.id, hostId: source.id, targetHostId: target.id });
  const story = new Story({ hosts: now, workloads: [workload] });
  story.commit(moveEnding({ operation, workload, outcome, source: home, target, nowMs: story.nowMs }).changes);
  story.nowMs += 5_000;
  if (home.condition !== 'online') story.verdicts[home.name] = silentVerdict(home);
  for (const one of now.filter(({ condition, id }) => condition === 'online' && !(id === source.id && set.atSource === 'silent'))) {
    story.show(one, one.id === source.id && set.atSource !== 'silent' ? [shown(workload, set.atSource ?? 'stopped', set.atSource === 'running' ? 'booted' : 'shutdown')] : []);
  }
  return { story, began: story.round() };
}

async function leftStopped(promotes: boolean): Promise<WorkflowOutcome> {
  const one = moveWorld({ isLocal: true });
  const journal = crashingJournal();
  one.world.inject({ host: SOURCE, method: 'start', error: new OperationalError('failed', 'the daemon is being refreshed'), when: 'before', times: 10_000 });
  if (promotes) one.world.inject({ host: DESTINATION, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 1 });
  else onCopyEnd(one, 'last', () => journal.cancel());
  return runCopyRelocation(one.copying, journal.journal());
}

describe.each([['before a start at the target', false], ['after one that failed', true]])('its source does not start it again, %s', (_name, promotes) => {
  it.each([['protected', true], ['not protected', false]])('%s: it is started there', async (_what, isProtected) => {
    const { began } = after(await leftStopped(promotes), { ...ct, isProtected }, { atSource: 'stopped' });
    expect(began).toEqual(['start ct host-1']);
  });

  it('and runs there after all: that is seen', async () => {
    const { story, began } = after(await leftStopped(promotes), ct, { atSource: 'running' });
    expect([began.filter((what) => !what.startsWith('lease') && !what.startsWith('replicate')), story.workload('ct').state]).toEqual([[], 'running']);
  });

  it('and says nothing: it is started nowhere', async () => {
    const { began } = after(await leftStopped(promotes), ct, { atSource: 'silent' });
    expect(began).toEqual([]);
  });

  it('stays stopped where that is wanted by now', async () => {
    const { story, began } = after(await leftStopped(promotes), { ...ct, desired: 'stopped' }, {});
    expect([began, story.workload('ct').state]).toEqual([[], 'stopped']);
  });
});

describe('its source is lost in the gap', () => {
  const lost = async (lose: (one: MoveWorld) => void): Promise<WorkflowOutcome> => {
    const one = moveWorld({ isLocal: true });
    const { hypervisor } = one.copying.source;
    const shutdown = hypervisor.requestShutdown.bind(hypervisor);
    hypervisor.requestShutdown = async (...args) => shutdown(...args).finally(() => lose(one));
    return runCopyRelocation({ ...one.copying, source: { ...one.copying.source, provenOff: async () => !one.world.host(SOURCE).powered } }, crashingJournal().journal());
  };
  const off: Host = { ...source, condition: 'fenced', hostEpoch: 2, proof: { kind: 'power-off', evidence: 'off', atMs: NOW_MS, bootId: source.bootId, hostEpoch: 1 } };

  it.each<[string, (one: MoveWorld) => void]>([
    ['before the last copy', (one) => one.world.powerOff(SOURCE)],
    ['in the last copy', (one) => one.at(one.copying.clock.monotonicMs() + 300, () => one.world.powerOff(SOURCE))],
  ])('%s: it is recovered from its replica', async (_name, lose) => {
    const { began } = after(await lost(lose), ct, { hosts: [off, target, other] });
    expect(began).toEqual(['recover ct host-3']);
  });

  it('and has booted since, without a replica anywhere: it is started there', async () => {
    const { began } = after(await lost((one) => one.world.powerOff(SOURCE)), { ...ct, replication: null, replica: null }, { atSource: 'stopped' });
    expect(began).toEqual(['start ct host-1']);
  });
});
