// The room for failure as people meet it: refusals of starts and moves, the override, and what is told when the room is lost and back.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, anOperation, aVerdict, aView, NOW_MS } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import { roomyHost, sized, smallCluster } from '../scheduler/failure-room.fixture.js';
import { failureRoom, wanting } from '../scheduler/failure-room.js';
import { withRunning } from '../scheduler/keeps-room.js';
import type { RoomMode } from '../scheduler/losses-to-try.js';
import type { PlacementView } from '../scheduler/placement.js';
import { seededRng } from '../shared/rng.js';
import type { Workload } from '../workloads/workload.js';
import type { Change } from './change.js';
import type { ClusterView } from './cluster-view.js';
import { DEFAULT_POLICY, type AdmissionMode } from './cluster-policy.js';
import { setDesired } from './commands/owner-commands.js';
import type { Asked } from './commands/host-commands.js';
import { moveWorkload, startWorkload } from './commands/workload-commands.js';
import { decide } from './decide.js';
import { diagnose } from './diagnose.js';
import { placementViewOf } from './placement-ledger.js';

const policyWith = (admission: AdmissionMode): typeof DEFAULT_POLICY => ({ ...DEFAULT_POLICY, admission });
const verdictOf = ({ hosts }: ClusterView): ReturnType<typeof aClusterVerdict> => aClusterVerdict(hosts.map((host) => aVerdict(host)));
const placementOf = (view: ClusterView): PlacementView => placementViewOf({ view, verdict: verdictOf(view), policy: DEFAULT_POLICY });
const asked = (view: ClusterView, mode: AdmissionMode, override = false): Asked => ({ by: 'anna', nowMs: NOW_MS, admission: { mode, override, placement: () => placementOf(view) } });
const start = (view: ClusterView, name: string, mode: AdmissionMode, override = false): readonly Change[] => startWorkload(view, placementOf(view), name, asked(view, mode, override));
const move = (view: ClusterView, name: string, to: string | null, mode: AdmissionMode, override = false): readonly Change[] => moveWorkload(view, placementOf(view), name, { ...asked(view, mode, override), to, kind: 'migrate', params: {} });
const targetOf = (changes: readonly Change[]): string | null | undefined => changes.flatMap((one) => (one.change === 'operation' ? [one.operation.targetHostId] : []))[0];
const eventsOf = (changes: readonly Change[]): readonly string[] => changes.flatMap((one) => (one.change === 'event' ? [`${one.event.severity} ${one.event.type}: ${one.event.message}`] : []));

const [one, two, three] = [roomyHost('host-1', 8_192), roomyHost('host-2', 8_192), roomyHost('host-3', 8_192)];
const stopped = (name: string, host: Host | null, memoryMiB: number): Workload => sized(name, host, memoryMiB, { desired: 'stopped', state: 'stopped' });
const tight = aView({ hosts: [one, two], workloads: [sized('vm-1', one, 4_096), sized('vm-2', two, 4_096), stopped('vm-3', two, 2_048)] });

describe('admission', () => {
  it('refuses a start that leaves something down after a loss, with the numbers and the remedy', () => {
    const refusal = 'vm-3 on host-2 would leave no room for failure (n+1): with host-2 lost, 1 workload stays down: vm-3 (host-1: needs 2,048 MiB, 0 MiB free of 8,192 MiB); what would mend it: 2,048 MiB more free memory on host-1';
    expect(() => start(tight, 'vm-3', 'n+1')).toThrow(refusal);
    expect(() => setDesired(tight, 'vm-3', 'running', asked(tight, 'n+1'))).toThrow(refusal);
    expect(() => start(tight, 'vm-3', 'n+1')).toThrow(expect.objectContaining({ remedy: 'reeve cluster capacity; with --override (override: true) it is done all the same' }));
  });

  it('does it with an override, and tells so; without admission nothing is looked at', () => {
    expect(eventsOf(start(tight, 'vm-3', 'n+1', true))).toEqual([expect.stringMatching(/^warning cluster.room-overridden: vm-3 on host-2 would leave no room .*; anna wants it all the same$/)]);
    expect(eventsOf(setDesired(tight, 'vm-3', 'running', asked(tight, 'n+1', true)))).toContainEqual(expect.stringContaining('cluster.room-overridden'));
    expect(eventsOf(start(tight, 'vm-3', 'off'))).toEqual([]);
    expect(targetOf(startWorkload(tight, placementOf(tight), 'vm-3', { by: 'anna', nowMs: NOW_MS }))).toBe(two.id);
  });

  it('chooses a host that keeps the room before it refuses', () => {
    // The emptiest host would be host-3: lost, it would leave vm-1 down.
    const small = roomyHost('host-3', 6_144);
    const view = aView({ hosts: [one, two, small], workloads: [sized('vm-1', one, 6_144), sized('vm-2', two, 2_048), sized('vm-4', two, 1_024), stopped('vm-3', null, 2_048)] });
    expect(targetOf(start(view, 'vm-3', 'off'))).toBe(small.id);
    expect(targetOf(start(view, 'vm-3', 'n+1'))).toBe(one.id);
  });

  it('refuses a move that makes a loss worse, and lets one pass that makes none worse', () => {
    const small = roomyHost('host-3', 4_096);
    const view = aView({ hosts: [one, two, small], workloads: [sized('vm-1', one, 6_144), sized('vm-2', small, 3_072), sized('vm-3', small, 1_024)] });
    expect(failureRoom(placementOf(view), 'n+1').isOk).toBe(true);
    expect(() => move(view, 'vm-2', 'host-2', 'n+1')).toThrow(/^vm-2 on host-2 would leave no room for failure \(n\+1\): with host-1 lost, 1 workload stays down: vm-1 \(/);
    expect(() => move(view, 'vm-2', null, 'n+1')).toThrow(/vm-2 on host-2 would leave no room/);
    expect(eventsOf(move(view, 'vm-2', 'host-2', 'n+1', true))).toContainEqual(expect.stringContaining('cluster.room-overridden'));
    expect(() => move(view, 'vm-3', 'host-2', 'n+1')).not.toThrow();
    expect(() => move(aView({ hosts: [one, two], workloads: [sized('vm-1', one, 6_144), sized('vm-2', one, 2_048), sized('vm-3', two, 4_096)] }), 'vm-2', 'host-2', 'n+1')).not.toThrow();
  });

  it('does not count what is bound to its host', () => {
    const pinned = stopped('vm-9', one, 1_024);
    const view = aView({ hosts: [one, two], workloads: [{ ...pinned, needs: { ...pinned.needs, pinnedBy: ['a device'] } }] });
    expect(() => start(view, 'vm-9', 'n+1')).not.toThrow();
  });

  it('does not stand in the way of what is wanted running already: automation brings that about too', () => {
    const proof = { kind: 'power-off', evidence: 'off', atMs: 1, bootId: null, hostEpoch: 1 } as const;
    const off = roomyHost('host-3', 8_192, { condition: 'fenced', proof });
    const lost = (desired: Workload['desired']): ClusterView => aView({ hosts: [one, two, off], workloads: [...tight.workloads.slice(0, 2), sized('vm-3', off, 2_048, { desired, state: desired === 'running' ? 'waiting' : 'stopped' })] });
    expect(eventsOf(start(lost('running'), 'vm-3', 'n+1'))).toEqual([]);
    expect(() => start(lost('stopped'), 'vm-3', 'n+1')).toThrow(/would leave no room for failure/);
  });

  it('never lets an operator who does not override take room that was there', () => {
    let [refused, begun] = [0, 0];
    fc.assert(fc.property(fc.integer({ min: 0, max: 100_000 }), fc.constantFrom<RoomMode>('n+1', 'n+2', 'zone'), (seed, mode) => {
      const rng = seededRng(seed);
      const small = smallCluster(seed);
      let view = aView({ hosts: small.hosts, rules: small.rules, workloads: [...small.workloads.map((vm) => (rng.next() < 0.3 ? { ...vm, desired: 'stopped' as const, state: 'stopped' as const } : vm)), stopped('vm-90', null, 1_024), stopped('vm-91', null, 2_048)] });
      const wasOk = (): ReadonlyMap<string, boolean> => new Map(failureRoom(placementOf(view), mode).outcomes.map((outcome) => [outcome.hosts.join(), wanting(outcome).length === 0]));
      for (let turn = 0; turn < 6; turn += 1) {
        const [before, vm] = [wasOk(), view.workloads[rng.int(view.workloads.length)]];
        const changes = vm ? attempted(() => (vm.state === 'running' ? move(view, vm.name, rng.next() < 0.5 ? null : (view.hosts[rng.int(view.hosts.length)]?.name ?? null), mode) : start(view, vm.name, mode))) : null;
        if (changes === null) refused += 1;
        else begun += 1;
        view = done(view, changes ?? []);
        for (const [hosts, ok] of wasOk()) if (before.get(hosts) === true) expect([hosts, ok]).toEqual([hosts, true]);
      }
    }), { numRuns: 120 });
    expect([refused > 50, begun > 50]).toEqual([true, true]);
  });
});

function attempted(ask: () => readonly Change[]): readonly Change[] | null {
  try {
    return ask();
  } catch {
    return null;
  }
}

/** As it is when the operations have ended well. */
function done(view: ClusterView, changes: readonly Change[]): ClusterView {
  let { workloads } = view;
  for (const change of changes) {
    if (change.change === 'workload') workloads = workloads.map((vm) => (vm.id === change.id ? { ...vm, ...change.set } : vm));
    const moved = change.change === 'operation' ? workloads.find((vm) => vm.id === change.operation.workloadId) : undefined;
    // Who must stay with it follows.
    if (moved && change.change === 'operation' && change.operation.targetHostId !== null) ({ workloads } = withRunning({ ...placementOf(view), workloads }, moved, change.operation.targetHostId));
  }
  return { ...view, workloads };
}

const full = aView({ hosts: [one, two], workloads: [sized('vm-1', one, 6_144), sized('vm-2', two, 4_096)] });
const WHAT = 'there is no room for failure (n+1): with host-1 lost, 1 workload stays down: vm-1 (host-2: needs 6,144 MiB, 4,096 MiB free of 8,192 MiB); what would mend it: 2,048 MiB more free memory on host-2; something stays down with the loss of host-2, too';

function roomChanges(view: ClusterView, policy = policyWith('n+1')): readonly Change[] {
  return decide({ view, verdict: verdictOf(view), nowMs: NOW_MS, policy }).actions.filter(({ rule }) => rule === 'watchRoomForFailure').flatMap(({ changes }) => changes);
}
const roomEvents = (view: ClusterView, policy?: typeof DEFAULT_POLICY): readonly string[] => eventsOf(roomChanges(view, policy)).map((text) => text.split(':')[0] ?? '');

describe('the room is watched', () => {
  const told = { mode: 'n+1' as const, sinceMs: NOW_MS - 5, what: WHAT };

  it('tells once that it is lost, shows it in the status, and tells that it is back', () => {
    expect(eventsOf(roomChanges(full))).toEqual([`warning cluster.room-lost: ${WHAT}`]);
    expect(roomChanges({ ...full, room: told })).toEqual([]);
    expect(diagnose({ ...full, room: told }, verdictOf(full))).toContainEqual(expect.objectContaining({ code: 'no-room-for-failure', evidence: WHAT, remedy: 'reeve cluster capacity' }));
    expect(roomEvents({ ...full, hosts: [one, two, three], room: told })).toEqual(['notice cluster.room-back']);
    expect(roomEvents({ ...full, hosts: [one, two, three] })).toEqual([]);
  });

  it('keeps what is shown true, without telling it again', () => {
    expect(roomChanges({ ...full, room: { ...told, what: 'something else' } })).toEqual([{ change: 'room', room: told }]);
  });

  it('looks at nothing without admission, and ends what was told before', () => {
    expect(roomChanges(full, policyWith('off'))).toEqual([]);
    expect(roomEvents({ ...full, room: told }, policyWith('off'))).toEqual(['notice cluster.room-back']);
  });

  it('says nothing in the middle of a loss', () => {
    const proof = { kind: 'power-off', evidence: 'off', atMs: 1, bootId: null, hostEpoch: 1 } as const;
    const silent = { ...full, hosts: [one, two, { ...three, condition: 'silent' as const }] };
    const off = { ...full, hosts: [one, two, { ...three, condition: 'fenced' as const, proof }] };
    const lostVm = sized('vm-3', three, 512, { state: 'awaiting-fence' });
    expect(roomEvents(silent)).toEqual([]);
    expect(roomEvents({ ...off, workloads: [...full.workloads, lostVm] })).toEqual([]);
    expect(roomEvents({ ...off, operations: [anOperation('recover', { workloadId: lostVm.id, hostId: three.id, targetHostId: one.id })] })).toEqual([]);
    expect(roomEvents({ ...full, hosts: [one, two, { ...three, leaving: { purpose: 'reboot', sinceMs: 1, lastHeardMs: 1 } as never }] })).toEqual([]);
    expect(roomEvents(off)).toEqual(['warning cluster.room-lost']);
    // One that went down in order is as good as off, and what waits for it to come back needs no other place.
    const gone = { ...three, condition: 'offline' as const, proof, leaving: { purpose: 'shutdown', sinceMs: 1, lastHeardMs: 1 } as never };
    expect(roomEvents({ ...full, hosts: [one, two, gone], workloads: [...full.workloads, { ...lostVm, state: 'frozen' }] })).toEqual(['warning cluster.room-lost']);
  });

  it('is not back as long as what was lost waits for its place', () => {
    const proof = { kind: 'power-off', evidence: 'off', atMs: 1, bootId: null, hostEpoch: 1 } as const;
    const hosts = [one, two, { ...three, condition: 'fenced' as const, proof }];
    const workloads = [sized('vm-1', one, 1_024), sized('vm-3', three, 8_192, { state: 'waiting', leasedOn: three.id })];
    expect(roomEvents(aView({ hosts, workloads, room: told }))).toEqual([]);
    expect(roomEvents(aView({ hosts, workloads: workloads.slice(0, 1), room: told }))).toEqual(['notice cluster.room-back']);
  });

  it('answers after some rounds where there are many losses, whatever changes meanwhile', () => {
    const many = Array.from({ length: 30 }, (_, nth) => roomyHost(`host-${100 + nth}`, 8_192));
    const policy = policyWith('n+2');
    const round = (nth: number): readonly string[] => roomEvents(aView({ hosts: many, workloads: many.map((host, at) => sized(`vm-${at}`, host, 6_144, { priority: nth })) }), policy);
    expect([0, 1, 2, 3].map(round)).toEqual([[], [], [], ['warning cluster.room-lost']]);
    expect(roomChanges(aView({ hosts: many, workloads: many.map((host, at) => sized(`vm-${at}`, host, 6_144)) }), policy)[0]).toMatchObject({ room: { what: expect.stringContaining('and at least 3 more, too') } });
  });
});
