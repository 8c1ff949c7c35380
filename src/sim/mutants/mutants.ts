// Mutants: the product with one safety rule switched off, each alone. The simulator must catch every one: this tests the tests.
//
// Storage locks are switched off for all of them: as the second net they would hide what the first one lets through.
import { Exclusion } from '../../cluster/exclusion.js';
import { RULES, type Rule } from '../../cluster/decide.js';
import { Listening } from '../../cluster/listening.js';
import { NO_PROMISES, Promises } from '../../cluster/promises.js';
import { QuorumLease } from '../../cluster/quorum-lease.js';
import { carryOutPlans } from '../../cluster/rules/carry-out-plans.js';
import { drainMaintenanceHosts } from '../../cluster/rules/drain-maintenance-hosts.js';
import { fenceSilentHosts } from '../../cluster/rules/fence-silent-hosts.js';
import { recoverFromFencedHosts } from '../../cluster/rules/recover-from-fenced-hosts.js';
import { startWorkloads } from '../../cluster/rules/start-workloads.js';
import { SelfFence } from '../../cluster/self-fence.js';
import { Witness } from '../../agent/witness.js';
import type { Change } from '../../cluster/change.js';
import type { Host, HostProof } from '../../hosts/host.js';
import { POWER_PROOFS } from '../../hosts/shared-filesystem.js';
import { FILTERS } from '../../scheduler/filters.js';
import type { Filter, FilterInput } from '../../scheduler/filter.js';
import { cpusFit } from '../../scheduler/rules/cpus-fit.js';
import { diskFits } from '../../scheduler/rules/disk-fits.js';
import { hugepagesFit } from '../../scheduler/rules/hugepages-fit.js';
import { keepsApart } from '../../scheduler/rules/keeps-apart.js';
import { keepsTogether } from '../../scheduler/rules/keeps-together.js';
import { memoryFits } from '../../scheduler/rules/memory-fits.js';
import { obeysHostsRules } from '../../scheduler/rules/obeys-hosts-rules.js';
import { COPY_RELOCATION_STEPS } from '../../migration/run-copy-relocation.js';
import { NO_FAILURES, type Workload } from '../../workloads/workload.js';
import { fail, ok } from '../../shared/result.js';
import { MemoryClusterStore } from '../memory-cluster-store.js';
import type { InvariantName } from '../scenario/result.js';
import { Disk } from '../simulated-agent.js';
import { SimulatedFenceDevice } from '../simulated-fence-device.js';
import { SimulatedGuard } from '../simulated-guard.js';
import { SimulatedWorld } from '../simulated-world.js';
import { instead, insteadInList } from './instead.js';

export interface Mutant {
  readonly name: string;
  /** The rule that is switched off. */
  readonly without: string;
  readonly apply: () => () => void;
  /** What must be seen violated, any of them. */
  readonly caughtBy: readonly InvariantName[];
}

const TWICE: readonly InvariantName[] = ['runs-once', 'proof-before-start'];

export const MUTANTS: readonly Mutant[] = [
  { name: 'start-before-proof', without: 'workloads of a silent host wait for the proof', caughtBy: TWICE, apply: () => insteadInList(RULES, recoverFromFencedHosts, recoverFromSilentHosts) },
  { name: 'no-mass-failure-brake', without: 'more than half of the hosts silent at once: our own network', caughtBy: ['no-fence-without-quorum'], apply: () => insteadInList(RULES, fenceSilentHosts, (context) => fenceSilentHosts({ ...context, policy: { ...context.policy, maxSilentShare: 1 } })) },
  { name: 'no-start-up-grace', without: 'nobody is judged before a whole window was listened to', caughtBy: ['no-fence-without-quorum'], apply: () => instead(Listening.prototype, 'isBlind', () => () => false) },
  { name: 'fence-trusts-the-answer', without: 'only the status of a fence device proves anything', caughtBy: TWICE, apply: fenceTrustsTheAnswer },
  { name: 'guard-ignores-host-epoch', without: 'the guard refuses commands of another host epoch', caughtBy: TWICE, apply: () => instead(SimulatedGuard.prototype, 'check', (check) => function (this: SimulatedGuard, token, bootId) { check.call(this, { ...token, hostEpoch: this.state(bootId).hostEpoch }, bootId); }) },
  { name: 'guard-ignores-leader-epoch', without: 'the guard refuses commands of older leaders', caughtBy: ['one-leader-acts'], apply: () => instead(SimulatedGuard.prototype, 'check', (check) => function (this: SimulatedGuard, token, bootId) { check.call(this, { ...token, leaderEpoch: Math.max(token.leaderEpoch, this.state(bootId).leaderEpoch) }, bootId); }) },
  { name: 'guard-ignores-workload-epoch', without: 'the guard refuses commands of older placements', caughtBy: [...TWICE, 'newest-placement-acts'], apply: () => instead(SimulatedGuard.prototype, 'check', (check) => function (this: SimulatedGuard, { leaderEpoch, hostEpoch }, bootId) { check.call(this, { leaderEpoch, hostEpoch }, bootId); }) },
  { name: 'guard-forgets-after-reboot', without: 'a fresh boot refuses everything until it is admitted', caughtBy: TWICE, apply: guardForgetsAfterReboot },
  { name: 'guard-asks-for-no-lease', without: 'nothing protected is started without a lease', caughtBy: TWICE, apply: () => both(instead(SimulatedWorld.prototype, 'holdsLease', () => () => true), instead(SimulatedWorld.prototype, 'isArmed', () => () => true)) },
  { name: 'lease-from-receipt', without: 'the lease counts from the sending of what is acknowledged', caughtBy: TWICE, apply: leaseFromReceipt },
  { name: 'lease-of-any-voter', without: 'a lease needs a majority of acknowledgements', caughtBy: TWICE, apply: leaseOfAnyVoter },
  { name: 'no-last-copy', without: 'what must be copied is copied once more when it is stopped', caughtBy: ['no-write-lost'], apply: noLastCopy },
  { name: 'pool-taken-without-power', without: 'a pool is taken over only from a host that surely has no power', caughtBy: ['pool-mounted-once'], apply: poolTakenWithoutPower },
  { name: 'copy-counts-from-its-end', without: 'a copy is as old as the moment at which its copying began', caughtBy: ['no-write-lost'], apply: copyCountsFromItsEnd },
  { name: 'no-self-fence', without: 'when the lease ends, what runs under it is ended, or the watchdog resets the host', caughtBy: TWICE, apply: () => instead(SelfFence.prototype, 'duty', (duty) => function (this: SelfFence, sight) { return duty.call(this, { ...sight, leaseUntilMs: Infinity }); }) },
  { name: 'watchdog-fed-regardless', without: 'until what ran under the lease is seen gone, the watchdog gets nothing', caughtBy: TWICE, apply: () => instead(SelfFence.prototype, 'duty', (duty) => function (this: SelfFence, sight) { const asked = duty.call(this, sight); return asked.watchdog === 'starve' ? { ...asked, watchdog: 'feed' } : asked; }) },
  { name: 'voters-forget-promises', without: 'a promise holds through every restart of the voter', caughtBy: TWICE, apply: () => instead(Disk.prototype, 'load', () => () => NO_PROMISES) },
  { name: 'voters-break-promises', without: 'who has promised acknowledges that epoch no more', caughtBy: TWICE, apply: () => instead(Promises.prototype, 'isExcluded', () => () => false) },
  { name: 'silence-is-proof', without: 'a take-over needs the promises of so many that no majority is left', caughtBy: TWICE, apply: silenceIsProof },
  { name: 'take-over-at-once', without: 'a take-over waits for the lease and the watchdog', caughtBy: TWICE, apply: () => takeOverAfter(() => 0) },
  { name: 'take-over-without-watchdog', without: 'a take-over waits for the watchdog too', caughtBy: TWICE, apply: () => takeOverAfter((leftMs) => leftMs - WATCHDOG_MS) },
  { name: 'exclusion-by-newest-voters', without: 'a take-over holds in every set of voters by which the host may judge', caughtBy: TWICE, apply: () => instead(Witness.prototype, 'exclude', (exclude) => function (this: Witness, asked, sets) { return exclude.call(this, asked, sets.slice(-1)); }) },
  { name: 'stale-leader-commits', without: 'the store takes commits of the newest leader only, on the newest view', caughtBy: ['one-leader-acts'], apply: staleLeaderCommits },
  { name: 'same-epoch-again', without: 'a host that was fenced or excluded is admitted at a higher epoch', caughtBy: TWICE, apply: sameEpochAgain },
  { name: 'placement-ignores-keep-apart', without: 'hard keep-apart rules filter', caughtBy: ['hard-rules-hold'], apply: () => withoutFilter(keepsApart) },
  { name: 'placement-splits-groups', without: 'hard keep-together rules filter', caughtBy: ['hard-rules-hold'], apply: () => withoutFilter(keepsTogether) },
  { name: 'placement-ignores-zones', without: 'rules per zone look at zones', caughtBy: ['hard-rules-hold'], apply: () => insteadInList<Filter>(FILTERS, keepsApart, (input) => keepsApart(withoutZones(input))) },
  { name: 'placement-splits-zones', without: 'what must stay in one zone goes to that zone', caughtBy: ['hard-rules-hold'], apply: () => insteadInList<Filter>(FILTERS, keepsTogether, (input) => keepsTogether(withoutZoneRules(input))) },
  { name: 'placement-ignores-hosts', without: 'hard hosts rules filter', caughtBy: ['hard-rules-hold'], apply: () => withoutFilter(obeysHostsRules) },
  { name: 'placement-ignores-memory', without: 'what does not fit into the memory waits', caughtBy: ['capacity-holds'], apply: () => withoutFilter(memoryFits) },
  { name: 'placement-ignores-cpus', without: 'what does not fit into the CPUs waits', caughtBy: ['capacity-holds'], apply: () => withoutFilter(cpusFit) },
  { name: 'placement-ignores-hugepages', without: 'what finds no hugepages waits', caughtBy: ['capacity-holds'], apply: () => withoutFilter(hugepagesFit) },
  { name: 'placement-ignores-reserved-hugepages', without: 'ordinary memory is what hugepages leave', caughtBy: ['capacity-holds'], apply: () => withFilter(memoryFits, memoryWithHugepages) },
  { name: 'placement-ignores-disks', without: 'what finds no room on a disk is not copied there', caughtBy: ['capacity-holds'], apply: () => withoutFilter(diskFits) },
  { name: 'plan-is-believed', without: 'each move of a plan is asked of placement again when its turn comes', caughtBy: ['hard-rules-hold', 'capacity-holds'], apply: () => insteadInList(RULES, carryOutPlans, believePlans) },
  { name: 'error-is-retried', without: 'what is in error waits for a person', caughtBy: ['error-is-left-alone'], apply: () => insteadInList(RULES, startWorkloads, startFromError) },
  { name: 'drain-moves-cold', without: 'a drain moves live, or leaves it running', caughtBy: ['bystanders-untouched'], apply: () => insteadInList(RULES, drainMaintenanceHosts, drainCold) },
];

const withFilter = (filter: Filter, other: Filter): (() => void) => insteadInList<Filter>(FILTERS, filter, other);

const memoryWithHugepages: Filter = (input) => {
  const { hugepages: _kept, ...facts } = input.facts;
  return memoryFits({ ...input, facts });
};

const withoutFilter = (filter: Filter): (() => void) => insteadInList<Filter>(FILTERS, filter, () => null);

/** Every host passes for one that stands alone. */
const withoutZones = (input: FilterInput): FilterInput => ({ ...input, host: { ...input.host, zone: null }, view: { ...input.view, hosts: input.view.hosts.map((host) => ({ ...host, zone: null })) } });
const withoutZoneRules = (input: FilterInput): FilterInput => ({ ...input, view: { ...input.view, rules: input.view.rules.filter((rule) => rule.type === 'hosts' || rule.per !== 'zone') } });

/** Silent hosts pass for fenced ones. */
const recoverFromSilentHosts: Rule = (context) => {
  const believed = (host: Host): Host => (host.condition !== 'silent' && host.condition !== 'fencing' ? host : { ...host, condition: 'fenced', proof: { kind: 'operator', evidence: 'it is silent', atMs: context.nowMs, bootId: null, hostEpoch: host.hostEpoch } });
  return recoverFromFencedHosts({ ...context, view: { ...context.view, hosts: context.view.hosts.map(believed) }, hostOf: (id) => { const host = context.hostOf(id); return host && believed(host); } });
};

/** Where the plan says, whatever has come to be against it. */
const believePlans: Rule = (context) => {
  const place: typeof context.ledger.place = ({ exclude }) => {
    const target = context.view.hosts.find((host) => exclude.every((one) => one.hostId !== host.id));
    return target ? ok({ hostId: target.id, host: target.name, ranking: [], refusals: [] }) : fail({ code: 'no-legal-host', why: 'it is gone', refusals: [] });
  };
  return carryOutPlans({ ...context, ledger: { ...context.ledger, place } });
};

/** What is in error passes for something that waits for its first start. */
const startFromError: Rule = (context) => {
  const waits = (one: Workload): Workload => (one.state === 'error' ? { ...one, state: 'waiting', failures: NO_FAILURES } : one);
  return startWorkloads({ ...context, view: { ...context.view, workloads: context.view.workloads.map(waits) } });
};

const drainCold: Rule = (context) => {
  const cold = (change: Change): Change => (change.change === 'operation' ? { ...change, operation: { ...change.operation, kind: 'relocate' } } : change);
  const { actions, holds } = drainMaintenanceHosts(context);
  return { actions: actions.map((one) => ({ ...one, changes: one.changes.map(cold) })), holds };
};

function fenceTrustsTheAnswer(): () => void {
  const told = new WeakSet<SimulatedFenceDevice>();
  const undo: readonly (() => void)[] = [
    instead(SimulatedFenceDevice.prototype, 'off', (off) => async function (this: SimulatedFenceDevice) {
      await off.call(this);
      told.add(this);
    }),
    instead(SimulatedFenceDevice.prototype, 'status', (status) => async function (this: SimulatedFenceDevice) {
      const state = await status.call(this);
      return told.delete(this) ? 'off' : state;
    }),
  ];
  return () => undo.forEach((one) => one());
}

/** The end of a lease passes for the end of the mount. */
function poolTakenWithoutPower(): () => void {
  const proofs = POWER_PROOFS as Set<HostProof['kind']>;
  proofs.add('lease-expired');
  return () => void proofs.delete('lease-expired');
}

function guardForgetsAfterReboot(): () => void {
  const admitted = new WeakMap<SimulatedGuard, string>();
  const undo: readonly (() => void)[] = [
    instead(SimulatedGuard.prototype, 'admit', (admit) => function (this: SimulatedGuard, token, bootId, currentBootId) {
      admit.call(this, token, bootId, currentBootId);
      admitted.set(this, bootId);
    }),
    instead(SimulatedGuard.prototype, 'check', (check) => function (this: SimulatedGuard, token, bootId) {
      check.call(this, token, admitted.get(this) ?? bootId);
    }),
  ];
  return () => undo.forEach((one) => one());
}

/** The last tick is the nearest that it knows of now. */
function leaseFromReceipt(): () => void {
  const seenMs = new WeakMap<QuorumLease, number>();
  const undo: readonly (() => void)[] = [
    instead(QuorumLease.prototype, 'untilMs', (untilMs) => function (this: QuorumLease, nowMs) {
      seenMs.set(this, nowMs);
      return untilMs.call(this, nowMs);
    }),
    instead(QuorumLease.prototype, 'acknowledged', (acknowledged) => function (this: QuorumLease, voterId, sentAtMs) {
      acknowledged.call(this, voterId, Math.max(sentAtMs, seenMs.get(this) ?? sentAtMs));
    }),
  ];
  return () => undo.forEach((one) => one());
}

function leaseOfAnyVoter(): () => void {
  return instead(QuorumLease.prototype, 'acknowledged', (acknowledged) => function (this: QuorumLease, voterId, sentAtMs) {
    for (const id of this.voters?.ids ?? [voterId]) acknowledged.call(this, id, sentAtMs);
  });
}

const LEASE_AND_MARGIN_MS = 5_754;
const WATCHDOG_MS = 3_000;

function silenceIsProof(): () => void {
  const askedAtMs = new WeakMap<Exclusion, number>();
  return instead(Exclusion.prototype, 'state', (state) => function (this: Exclusion, nowMs) {
    const since = askedAtMs.get(this) ?? nowMs;
    askedAtMs.set(this, since);
    const known = state.call(this, nowMs);
    return known.kind === 'asking' && nowMs - since > LEASE_AND_MARGIN_MS ? { kind: 'over', evidence: 'it has been silent for long' } : known;
  });
}

function takeOverAfter(leftOf: (leftMs: number) => number): () => void {
  return instead(Exclusion.prototype, 'state', (state) => function (this: Exclusion, nowMs) {
    const known = state.call(this, nowMs);
    return known.kind === 'running-out' && leftOf(known.leftMs) <= 0 ? { kind: 'over', evidence: 'enough' } : known;
  });
}

function copyCountsFromItsEnd(): () => void {
  const younger = (change: Change): Change => {
    const replica = change.change === 'workload' ? change.set.replica : null;
    return change.change === 'workload' && replica && replica.asOfMs !== null ? { ...change, set: { ...change.set, replica: { ...replica, asOfMs: replica.asOfMs + 800 } } } : change;
  };
  return instead(MemoryClusterStore.prototype, 'commit', (commit) => function (this: MemoryClusterStore, changes, at) {
    return commit.call(this, changes.map(younger), at);
  });
}

function staleLeaderCommits(): () => void {
  const stale = new WeakMap<MemoryClusterStore, number>();
  const undo: readonly (() => void)[] = [
    instead(MemoryClusterStore.prototype, 'commit', (commit) => async function (this: MemoryClusterStore, changes, at) {
      const { onCommit } = this;
      stale.set(this, at.leaderEpoch);
      this.onCommit = (_by, leads) => onCommit(at.leaderEpoch, leads);
      try {
        return await commit.call(this, changes, { viewVersion: null, leaderEpoch: this.peek().leader.epoch });
      } finally {
        this.onCommit = onCommit;
      }
    }),
  ];
  return () => undo.forEach((one) => one());
}

function sameEpochAgain(): () => void {
  const raised = new WeakMap<SimulatedGuard, number>();
  const without = (changes: readonly Change[]): readonly Change[] => changes.map((change) => {
    if (change.change !== 'host') return change;
    const { hostEpoch: _raised, ...set } = change.set;
    return { ...change, set };
  });
  const undo: readonly (() => void)[] = [
    instead(MemoryClusterStore.prototype, 'commit', (commit) => function (this: MemoryClusterStore, changes, at) { return commit.call(this, without(changes), at); }),
    instead(SimulatedGuard.prototype, 'admit', (admit) => function (this: SimulatedGuard, token, bootId, currentBootId) {
      try {
        admit.call(this, token, bootId, currentBootId);
      } catch {
        // A new boot at the old epoch: passed on as a higher one, and every token with it.
        raised.set(this, (raised.get(this) ?? 0) + 1);
        admit.call(this, { ...token, hostEpoch: token.hostEpoch + (raised.get(this) ?? 0) }, bootId, currentBootId);
      }
    }),
    instead(SimulatedGuard.prototype, 'check', (check) => function (this: SimulatedGuard, token, bootId) { check.call(this, { ...token, hostEpoch: token.hostEpoch + (raised.get(this) ?? 0) }, bootId); }),
    instead(MemoryClusterStore.prototype, 'finishOperation', (finish) => function (this: MemoryClusterStore, id, worker, end, changes) { return finish.call(this, id, worker, end, without(changes)); }),
  ];
  return () => undo.forEach((one) => one());
}

const both = (...undo: readonly (() => void)[]) => (): void => undo.forEach((one) => one());

/** For all mutants: the second net is taken away. */
export function withoutLocks(): () => void {
  return instead(SimulatedWorld.prototype, 'lockHolder', () => () => null);
}

function noLastCopy(): () => void {
  const copy = COPY_RELOCATION_STEPS.find((step) => step.name === 'copy');
  if (!copy) throw new Error('no step of a relocation copies what was stopped');
  return insteadInList(COPY_RELOCATION_STEPS, copy, { ...copy, run: async () => ({ kind: 'done' }) });
}
