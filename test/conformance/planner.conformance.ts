// What every Planner must do, in the asking thread or in others.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_POLICY } from '../../src/cluster/cluster-policy.js';
import { drainPlan } from '../../src/cluster/commands/drain-plan.js';
import { planned, planOf, type PlanKind, type Planning } from '../../src/cluster/commands/plan-commands.js';
import { fitDocument } from '../../src/cluster/fit.js';
import type { Planner } from '../../src/cluster/planner.js';
import { explainPlacement } from '../../src/scheduler/explain-placement.js';
import { failureRoom } from '../../src/scheduler/failure-room.js';
import type { PlacementView } from '../../src/scheduler/placement.js';
import { OperationalError, UserError } from '../../src/shared/errors.js';
import { NOW_MS } from '../fixtures/cluster.js';
import { generatedCluster } from '../fixtures/generated-cluster.js';

/** More workloads than are sent at once, and something of all that a view can hold. */
const WORKLOADS = 600;

function aView(): PlacementView {
  const view = generatedCluster({ hosts: 30, workloads: WORKLOADS, fill: 0.7, rules: true });
  const [first, second, third, fourth] = view.hosts.map(({ id }) => id);
  if (!first || !second || !third || !fourth) throw new Error('four hosts at least');
  return {
    ...view,
    heard: new Set(view.hosts.slice(0, -1).map(({ id }) => id)),
    leaseless: new Set([third]),
    hypervisorSilent: new Map([[second, ['libvirt']]]),
    strangers: new Map([[fourth, { memoryMiB: 65_536, vcpus: 8, workloads: 2 }]]),
    promised: view.workloads.slice(0, 1).map(({ id }) => ({ workloadId: id, hostId: fourth })),
    // One that a person moved lately: a balance leaves it alone.
    workloads: view.workloads.map((one, nth) => ({ ...one, definition: `<domain>${nth}</domain>`, ...(nth % 3 === 0 ? { movedByHandAtMs: NOW_MS - 1_000 } : {}) })),
  };
}

export function plannerConformance(name: string, open: () => Promise<Planner>): void {
  describe(`Planner: ${name}`, () => {
    let planner: Planner;
    const view = aView();
    const planning: Planning = { view, policy: DEFAULT_POLICY, wanted: view.workloads.slice(1, 6).map(({ id }) => ({ workloadId: id, hostId: view.hosts.at(-2)!.id })), nowMs: NOW_MS };
    const hostName = view.hosts[0]!.name;
    const request = (kind: PlanKind): { kind: PlanKind; hosts: string[] } => ({ kind, hosts: kind === 'balance' ? [] : [hostName] });
    const plan = (kind: PlanKind) => planner.compute('plan', { ...planning, request: request(kind) });
    beforeAll(async () => void (planner = await open()));
    afterAll(() => planner?.close());

    it.each<PlanKind>(['loss', 'drain', 'balance', 'return'])('plans as the pure function does: %s', async (kind) => {
      const answer = await plan(kind);
      expect(answer).toEqual(planned(planning, request(kind)));
      expect(answer.moves.length).toBeGreaterThan(0);
    });

    it('leaves alone what a person moved lately, and only where it is told the time', async () => {
      const lately = new Set(view.workloads.filter(({ movedByHandAtMs }) => movedByHandAtMs !== undefined).map(({ name: one }) => one));
      const moved = async (nowMs: number | null) => (await planner.compute('plan', { ...planning, nowMs, request: request('balance') })).moves.filter(({ workload }) => lately.has(workload));
      expect(await moved(NOW_MS)).toEqual([]);
      expect(await moved(null)).not.toEqual([]);
    });

    it('gives the moves that are carried out, with ids', async () => {
      expect(await planner.compute('moves', { ...planning, kind: 'balance', hosts: [] })).toEqual(planOf(planning, 'balance', []));
    });

    it('says what a drain does with each workload', async () => {
      expect(await planner.compute('drain', { view, host: hostName, moves: [], recentOperations: [] })).toEqual(drainPlan({ ...view, recentOperations: [] }, view, hostName, []));
    });

    it('says what room for failure there is, again what it said as long as nothing changed, and not of another cluster', async () => {
      const room = failureRoom(aView(), 'n+1');
      expect(await planner.compute('room', { cluster: 'one', view, mode: 'n+1' })).toEqual(room);
      expect(await planner.compute('room', { cluster: 'one', view: aView(), mode: 'n+1' })).toEqual(room);
      const fewer = { ...view, hosts: view.hosts.slice(0, 20), workloads: view.workloads.slice(0, 100) };
      expect((await planner.compute('room', { cluster: 'one', view: fewer, mode: 'n+1' })).outcomes).toHaveLength(20);
      expect((await planner.compute('room', { cluster: 'two', view, mode: 'n+1' })).outcomes).toHaveLength(30);
    });

    it('counts how many more fit', async () => {
      const request = { one: { memoryMiB: 4_096, vcpus: 2 }, mode: 'n+1', most: 20 } as const;
      expect(await planner.compute('fit', { view, request })).toEqual(fitDocument(view, request));
    });

    it('explains a place', async () => {
      const [workload] = view.workloads;
      expect(await planner.compute('place', { view, workload: workload!.name })).toEqual(explainPlacement(view, workload!));
    });

    it('answers each of several with its own, and leaves what it was asked of as it was', async () => {
      const names = view.workloads.slice(0, 8).map(({ name: one }) => one);
      const answers = await Promise.all(names.map((workload) => planner.compute('place', { view, workload })));
      expect(answers.map(({ workload }) => workload)).toEqual(names);
      expect(view).toEqual(aView());
    });

    it('refuses as the product does, with code and remedy, and answers the next one', async () => {
      const unknown = await planner.compute('plan', { ...planning, request: { kind: 'loss', hosts: ['host-9'] } }).catch((error: unknown) => error);
      expect(unknown).toBeInstanceOf(UserError);
      expect(unknown).toMatchObject({ code: 'not-found', message: 'no host is named host-9', remedy: 'reeve host list' });
      expect(await planner.compute('plan', { ...planning, request: { kind: 'drain', hosts: [] } }).catch((error: unknown) => error)).toMatchObject({ name: 'UserError', code: 'invalid', remedy: 'reeve plan drain HOST' });
      expect((await plan('drain')).hosts).toEqual([hostName]);
    });

    it('refuses once it is closed', async () => {
      const other = await open();
      await other.close();
      const refusal = await other.compute('place', { view, workload: view.workloads[0]!.name }).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(OperationalError);
      expect(refusal).toMatchObject({ code: 'unreachable' });
      await other.close();
    });
  });
}
