// Fence, enrol, readmit, remove and drain: from an operation's row to the host's workflow and what follows.
import { FENCE_STEPS } from '../../fencing/run-fence.js';
import type { LeaseEnd } from '../../fencing/lease-end.js';
import { enforcesLease, type Host } from '../../hosts/host.js';
import type { EnrolmentSide } from '../../hosts/enrolment-side.js';
import type { AgentConfig, HostProbe } from '../../hosts/host-agent.js';
import type { HostFacts } from '../../hosts/host-facts.js';
import { DEFAULT_EXPECTATIONS, type FenceLook } from '../../hosts/judge-survey.js';
import { ENROLMENT_STEPS } from '../../hosts/run-enrolment.js';
import { READMISSION_STEPS, type KnownWorkload } from '../../hosts/run-readmission.js';
import { REMOVAL_STEPS, whyNotRemovable } from '../../hosts/run-removal.js';
import { messageOf } from '../../shared/errors.js';
import { runWorkflow, type WorkflowOutcome } from '../../shared/workflow.js';
import type { ClusterView } from '../cluster-view.js';
import { event } from '../cluster-event.js';
import { admissionEnding, ending, fenceEnding, type HostCase } from '../endings.js';
import { looksAlive } from '../looks-alive.js';
import type { Operation } from '../operation.js';
import type { Ending, Executor } from '../run-operation.js';
import { freshHost, hostOf, param, tokenFor, type ExecutePorts } from './execute-ports.js';
import { poolsAfterReturn } from '../pool-moves.js';
import { knownWorkload } from './known-workload.js';
import { isOnlyCopy } from './only-copy.js';
import { runsCopies } from '../commands/host-commands.js';
import { rememberCopies } from './remember-copies.js';
import { isMute } from '../../workloads/believable.js';
import { HYPERVISOR_NAMES } from '../../hosts/hypervisor.js';

export function fenceExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const host = hostOf(view, operation.hostId, 'fenced');
    const ofLease = enforcesLease(host) ? leaseEnd(ports, operation, host) : null;
    // A run before this one may have asked the voters.
    let isAsked = ofLease !== null && journal.doneSteps.length > 0;
    const lease = ofLease && { ...ofLease, look: () => ((isAsked = true), ofLease.look()) };
    const context = { host: host.name, devices: ports.world.fenceDevicesOf(host), lease, clock: ports.clock, stillWanted: () => whyFenceUnwanted(ports, operation, host, isAsked) };
    const rebooted = operation.attempts > 1 ? await whyRebooted(ports, host) : null;
    const outcome: WorkflowOutcome = rebooted === null ? await runWorkflow(FENCE_STEPS, context, journal) : { kind: 'cancelled', code: 'cancelled', why: rebooted, memo: {} };
    const now = (await freshHost(ports, host)) ?? host;
    const kind = outcome.memo['proof'] === 'lease-expired' ? 'lease-expired' : 'power-off';
    return fenceEnding({ operation, host: now, outcome, nowMs: ports.clock.nowMs() }, { kind, evidence: String(outcome.memo['evidence'] ?? '') });
  };
}

/** The sets of voters are read anew at each look: one that was committed meanwhile may have reached the host. */
function leaseEnd({ store, excluding }: ExecutePorts, { leaderEpoch }: Operation, host: Host): LeaseEnd {
  return {
    look: async () => {
      const { hosts, voters } = await store.readView();
      const now = hosts.find((one) => one.id === host.id);
      const sets = voters.filter((set) => set.epoch >= (now ?? host).voterEpoch);
      const state = excluding.exclude({ hostId: host.id, epoch: host.hostEpoch, leaderEpoch }, sets);
      return state.kind === 'unenforced' ? { kind: 'none', why: state.why } : state;
    },
    withdraw: () => excluding.withdrawExclusion(host.id),
  };
}

/** After this long the silence that led to a fence may be over, with nobody there to see it: the queue or all of us were away. */
const FENCE_IS_LATE_MS = 5_000;
/** A living host answers in 10–300 ms; right after a start of ours the connection must be made first. */
const LATE_LOOK_MS = 2_000;

async function whyFenceUnwanted(ports: ExecutePorts, operation: Operation, host: Host, isAsked: boolean): Promise<string | null> {
  const now = await freshHost(ports, host);
  if (!now) return `${host.name} was removed`;
  if (now.condition !== 'fencing') return `${host.name} is ${now.condition} meanwhile`;
  if (now.hostEpoch !== host.hostEpoch) return `${host.name} has another epoch meanwhile`;
  const isLate = ports.clock.nowMs() - operation.createdAtMs > FENCE_IS_LATE_MS;
  // An operator's fence is meant for a host that answers. Once voters were asked, what runs under its lease ends whatever it answers.
  return isLate && !isAsked && operation.requestedBy.startsWith('rule:') ? whyAlive(ports, host) : null;
}

const probe = ({ world }: ExecutePorts, host: Host): Promise<HostProbe | null> => world.agentOf(host).probe(LATE_LOOK_MS).catch(() => null);

/** A new boot proves it, once it is heard. A control plane that lives on the host itself would else cut itself off at each of its starts. */
async function whyRebooted(ports: ExecutePorts, host: Host): Promise<string | null> {
  const seen = await probe(ports, host);
  return seen !== null && host.bootId !== null && seen.bootId !== host.bootId ? `${host.name} has booted since: what ran there is gone` : null;
}

async function whyAlive(ports: ExecutePorts, host: Host): Promise<string | null> {
  const seen = await probe(ports, host);
  return seen !== null && looksAlive(host, (await ports.store.readView()).workloads, seen) ? `${host.name} answers SSH again, with the same boot id: it is not cut` : null;
}

/** Members whose agents are told of each other: all but those that are being enrolled. */
const members = (view: ClusterView, self: Host): readonly Host[] => view.hosts.filter((host) => host.condition !== 'enrolling' && host.id !== self.id);

export function enrolExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const host = hostOf(view, operation.hostId, 'new');
    const others = members(view, host);
    const all = [...others, host];
    const context = {
      self: ports.world.sideOf(host, all),
      peers: others.filter((peer) => peer.condition === 'online').map((peer) => ports.world.sideOf(peer, all)),
      world: {
        clock: ports.clock,
        lookAtFence: () => lookAtFence(ports, host),
        isHeard: (bootId: string) => ports.ear.isHeard(host, bootId),
        configOf: (peer: EnrolmentSide) => configNow(ports, peer, host),
        newMarkerId: () => ports.ear.newMarkerId(),
        report: (points: Parameters<typeof ports.ear.keepReport>[1]) => ports.ear.keepReport(host, points),
      },
      expectations: DEFAULT_EXPECTATIONS,
      setsUpLocks: operation.params['setUpLocks'] === true,
      token: tokenFor(operation, host, null),
    };
    const outcome = await runWorkflow(ENROLMENT_STEPS, context, journal);
    if (outcome.kind !== 'succeeded') return admissionEnding({ operation, host, outcome, nowMs: ports.clock.nowMs() }, null);
    const facts = await ports.world.hypervisorOf(host).facts();
    return admitted(ports, { operation, host, outcome }, { bootId: String(outcome.memo['bootId']), facts });
  };
}

/** With the members of now, and the one that is being enrolled. */
async function configNow({ store, world }: ExecutePorts, peer: EnrolmentSide, host: Host): Promise<AgentConfig> {
  const view = await store.readView();
  const now = view.hosts.find((one) => one.id === peer.host.hostId);
  return now ? world.sideOf(now, [...members(view, host), host]).config : peer.config;
}

/** A fence that was begun while it was being admitted is about this very epoch: it must not be taken for online. */
async function admitted(ports: ExecutePorts, one: Omit<HostCase, 'nowMs'>, as: { readonly bootId: string; readonly facts: HostFacts }): Promise<Ending> {
  const now = await freshHost(ports, one.host);
  const nowMs = ports.clock.nowMs();
  if (now && now.condition !== 'fencing' && now.hostEpoch === one.host.hostEpoch) return admissionEnding({ ...one, nowMs }, as);
  const why = now ? `${now.name} was fenced while it was being admitted` : 'it was removed while it was being admitted';
  return ending({ kind: 'failed', code: 'overtaken', why, memo: one.outcome.memo }, []);
}

/** A status query only. Never throws: a device that does not answer is a finding. */
export async function lookAtFence({ world }: Pick<ExecutePorts, 'world'>, host: Host): Promise<FenceLook> {
  const devices = world.fenceDevicesOf(host);
  const device = devices.find((one) => one.automatic);
  if (!device && host.fenceDevices.some((one) => one.kind === 'watchdog')) return { kind: 'lease' };
  if (!device) return host.fenceDevices.length > 0 && devices.length > 0 ? { kind: 'manual' } : { kind: 'none' };
  try {
    return { kind: 'answered', device: device.describe, power: await device.status() };
  } catch (error) {
    return { kind: 'failed', device: device.describe, why: messageOf(error), remedy: null };
  }
}

export function readmitExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const host = hostOf(view, operation.hostId, 'returned');
    const others = members(view, host);
    const all = [...others, host];
    const bootId = param(operation, 'bootId', '');
    const context = {
      self: ports.world.sideOf(host, all),
      peers: others.filter((peer) => peer.condition === 'online').map((peer) => ports.world.sideOf(peer, all)),
      hypervisor: ports.world.hypervisorOf(host),
      admission: { bootId, token: tokenFor(operation, host, null) },
      judgesByNewest: () => judgesByNewest(ports, host),
      isOnlyCopy: ({ uuid }: KnownWorkload) => isOnlyCopy(ports, host, uuid),
      onLook: rememberCopies(ports, host, { view, bootId }),
      workloads: view.workloads.map((workload) => knownWorkload(view, host, workload)),
      takenPools: host.takenPools,
    };
    const outcome = await runWorkflow(READMISSION_STEPS, context, journal);
    if (outcome.kind !== 'succeeded') return admissionEnding({ operation, host, outcome, nowMs: ports.clock.nowMs() }, null);
    const ended = await admitted(ports, { operation, host, outcome }, { bootId, facts: await ports.world.hypervisorOf(host).facts() });
    return ended.state === 'succeeded' ? { ...ended, changes: [...ended.changes, ...poolsAfterReturn(await ports.store.readView(), host, outcome.memo, ports.clock.nowMs())] } : ended;
  };
}

/** The agent looks at its configuration each second, and says by which voters it judges with its next heartbeat. */
const CONFIGURED = { withinMs: 10_000, everyMs: 200 };

async function judgesByNewest({ store, ear, clock }: ExecutePorts, host: Host): Promise<string | null> {
  const endsAtMs = clock.monotonicMs() + CONFIGURED.withinMs;
  for (;;) {
    const newest = (await store.readView()).voters.at(-1)?.epoch ?? 0;
    if (newest === 0 || (await ear.judgesBy(host, newest))) return null;
    if (clock.monotonicMs() > endsAtMs) return `the agent of ${host.name} does not say that it took its new configuration (voters ${newest})`;
    await clock.sleep(CONFIGURED.everyMs);
  }
}

export function removeExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const host = hostOf(view, operation.hostId, 'removed');
    const others = members(view, host).filter((peer) => peer.condition === 'online');
    const context = {
      self: ports.world.sideOf(host, [host]),
      peers: others.map((peer) => ports.world.sideOf(peer, members(view, host))),
      whyNot: async () => {
        const now = await ports.store.readView();
        const one = now.hosts.find((other) => other.id === host.id);
        return one ? (whyNotRemovable(one, now.workloads) ?? runsCopies(now, one)) : null;
      },
      hostIsLost: param(operation, 'hostIsLost', false),
    };
    const outcome = await runWorkflow(REMOVAL_STEPS, context, journal);
    if (outcome.kind !== 'succeeded') return ending(outcome, [{ change: 'host', id: host.id, set: { why: outcome.why } }]);
    return ending(outcome, [
      { change: 'remove-host', id: host.id },
      { change: 'event', event: event('host.removed', `${host.name} is removed`, { severity: 'notice', host: host.name, operationId: operation.id }) },
    ]);
  };
}

/** Between two looks at a drain; the rule that moves workloads is woken by every change, this only tells. */
const DRAIN_LOOK_MS = 500;

/** A drain is reconciled by its rule; this watches, tells how far it is, and ends when nothing is left or it is called off. */
export function drainExecutor(ports: ExecutePorts): Executor {
  return async (operation, _view, journal) => {
    let told = '';
    for (;;) {
      const view = await ports.store.readView();
      const host = view.hosts.find((one) => one.id === operation.hostId);
      if (!host || host.intent !== 'maintenance' || (await journal.cancelRequested())) return ended('cancelled', 'called off; what has moved stays where it is');
      if (host.condition !== 'online') return ended('failed', `${host.name} is ${host.condition}`);
      const left = view.workloads.filter((workload) => workload.hostId === host.id && isLeft(view, host, workload));
      if (left.length === 0) return { ...ended('succeeded', notOurs(view, host)), changes: [{ change: 'event', event: event('host.drained', `${host.name} is drained`, { severity: 'notice', host: host.name, operationId: operation.id }) }] };
      const moved = movedBy(view, operation);
      const line = `${moved} moved, ${left.length} left: ${left.map((workload) => workload.name).join(', ')}`;
      if (line !== told) await journal.progress({ line, percent: Math.round((moved / (moved + left.length)) * 100), numbers: { moved, left: left.length } });
      told = line;
      await ports.clock.sleep(DRAIN_LOOK_MS);
    }
  };
}

/** Whatever its state says: while its process is there, or that can't be seen, the host is not empty. */
function isLeft(view: ClusterView, host: Host, { uuid, state, needs: { driver } }: ClusterView['workloads'][number]): boolean {
  if (state !== 'stopped' && state !== 'missing' && state !== 'error') return true;
  const inventory = inventoryOf(view, host);
  return (inventory && isMute(inventory, driver)) || processesOn(view, host).some((one) => one.uuid === uuid);
}

const inventoryOf = (view: ClusterView, host: Host): ClusterView['inventories'][number] | undefined => view.inventories.find((one) => one.hostId === host.id && one.bootId === host.bootId);

function processesOn(view: ClusterView, host: Host): readonly { readonly uuid: string; readonly name: string }[] {
  return (inventoryOf(view, host)?.workloads ?? []).filter((one) => one.runState !== 'stopped');
}

/** Nobody asked to have them moved, and whoever reboots the host should know. */
function notOurs(view: ClusterView, host: Host): string | null {
  const names = processesOn(view, host).filter((one) => !view.workloads.some((known) => known.uuid === one.uuid)).map((one) => one.name);
  const [mute] = inventoryOf(view, host)?.mute ?? [];
  const unseen = mute ? `${HYPERVISOR_NAMES[mute.driver]} on ${host.name} does not answer: what it runs beside is not known` : null;
  return names.length === 0 ? unseen : `not managed by Reeve, and still running on ${host.name}: ${names.join(', ')}${unseen === null ? '' : `; ${unseen}`}`;
}

function movedBy(view: ClusterView, drain: Operation): number {
  return view.recentOperations.filter((operation) => operation.params['drain'] === drain.id && operation.state === 'succeeded').length;
}

function ended(state: 'succeeded' | 'failed' | 'cancelled', why: string | null): Awaited<ReturnType<Executor>> {
  return { state, code: state === 'succeeded' ? null : state, why, changes: [] };
}
