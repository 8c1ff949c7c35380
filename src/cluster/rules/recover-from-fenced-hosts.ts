// Protected workloads of a host that is proven off are started elsewhere, by priority, each with the proof.
import type { Host, HostProof } from '../../hosts/host.js';
import { orderForRecovery } from '../../scheduler/drain-order.js';
import type { Workload } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext, RuleOutput } from '../decide.js';
import { findingsOf } from '../observations.js';
import { disarmBrake } from './brakes.js';
import { setWaiting } from './set-waiting.js';

export const recoverFromFencedHosts: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const host of context.view.hosts) {
    if (host.condition !== 'fenced' && host.condition !== 'offline') continue;
    const output = recoverFrom(context, host);
    actions.push(...output.actions);
    holds.push(...output.holds);
  }
  return { actions, holds };
};

function recoverFrom(context: RuleContext, host: Host): RuleOutput {
  const here = context.view.workloads.filter((workload) => workload.hostId === host.id && wasThere(workload));
  const lost = here.filter((workload) => workload.isProtected && workload.desired === 'running');
  const unprotected = here.filter((workload) => !lost.includes(workload) && workload.state !== 'stopped');
  const stopped = unprotected.map((workload) => sayStopped(host, workload));
  if (lost.length === 0) return { actions: stopped, holds: [] };
  const brake = disarmBrake(context);
  if (brake) return { actions: stopped, holds: [brake] };
  const still = stillHeard(context, host);
  if (still) return { actions: stopped, holds: [still] };
  if (!host.proof) return { actions: stopped, holds: [hold('no-fence-device', host.name, 'no proof that it is off is recorded: nothing of it is started elsewhere')] };
  const actions: Action[] = [...stopped];
  const holds: Hold[] = [];
  for (const workload of orderForRecovery(lost)) {
    const output = recover(context, host, host.proof, workload);
    actions.push(...output.actions);
    holds.push(...output.holds);
  }
  return { actions, holds };
}

/** A proof that the host itself contradicts is none: its device may cut another machine. */
function stillHeard({ verdictOf }: RuleContext, host: Host): Hold | null {
  const verdict = verdictOf(host.id);
  if (verdict?.hearing !== 'heard' || verdict.bootId === null || verdict.bootId !== host.proof?.bootId) return null;
  return hold('duplicate', host.name, `proven off (${host.proof.kind}), and still heard with the same boot id: nothing of it is started elsewhere while that is so; look at the machine and its fence device`);
}

const wasThere = (workload: Workload): boolean => workload.state !== 'error';

function sayStopped(host: Host, workload: Workload): Action {
  const why = `its host ${host.name} is off; it is ${workload.isProtected ? 'not wanted running' : 'not protected'} and stays there`;
  return { rule: 'recoverFromFencedHosts', about: workload.name, why, changes: [{ change: 'workload', id: workload.id, set: { state: 'stopped', why } }] };
}

function recover(context: RuleContext, host: Host, proof: HostProof, workload: Workload): RuleOutput {
  const active = context.view.operations.find((operation) => operation.workloadId === workload.id);
  if (active) {
    if (active.kind === 'recover') return { actions: [], holds: [] };
    return { actions: [], holds: [hold('operation-active', workload.name, `${active.kind} is under way; recovery follows when it has ended`)] };
  }
  const elsewhere = elsewhereAlready(context, workload);
  if (elsewhere !== 'no') return { actions: [], holds: elsewhere === 'adopted' ? [] : [elsewhere] };
  const placed = context.ledger.place({ workload, exclude: [{ hostId: host.id, why: `${host.name} is ${host.condition}` }] });
  if (!placed.ok) return setWaiting('recoverFromFencedHosts', workload, placed.error);
  const { hostId: target, host: targetName } = placed.value;
  if (context.ledger.inFlight(target, ['recover', 'start', 'create']) >= context.policy.startsPerHost) {
    return { actions: [], holds: [hold('too-many-in-flight', workload.name, `${context.policy.startsPerHost} starts are under way on ${targetName}; it is next`)] };
  }
  context.ledger.promise(workload.id, target, 'recover', null);
  const why = `${host.name} is off (${proof.kind}): start on ${targetName}`;
  const changes: Change[] = [
    { change: 'workload', id: workload.id, set: { state: 'starting', why, workloadEpoch: workload.workloadEpoch + 1 } },
    { change: 'operation', operation: { kind: 'recover', workloadId: workload.id, hostId: host.id, targetHostId: target, requestedBy: 'rule:recoverFromFencedHosts', reason: why, proof } },
    { change: 'event', event: event('workload.recovering', `${workload.name}: ${why}`, { severity: 'notice', host: targetName, workload: workload.name, data: { from: host.name, to: targetName, proof: proof.kind } }) },
  ];
  return { actions: [{ rule: 'recoverFromFencedHosts', about: workload.name, why, changes }], holds: [] };
}

/** The proof is of its old host only. A person may have moved it before that host was lost: then it runs on, and is not started. */
function elsewhereAlready(context: RuleContext, workload: Workload): Hold | 'adopted' | 'no' {
  const [finding] = findingsOf(context, workload);
  // followObservations places it there in this very round.
  if (finding?.kind === 'moved-by-hand') return 'adopted';
  if (finding?.kind === 'duplicate' || finding?.kind === 'runs-unadmitted') return hold('duplicate', workload.name, `${finding.why}; not started once more`);
  if (finding?.kind === 'not-interpreted' && finding.sighted) return hold('looking-around', workload.name, `${finding.why}; not started before that is clear`);
  return notLookedAt(context, workload);
}

/** All others are asked what runs there as soon as a host is lost; one that does not answer holds nobody up for longer than this. */
const LOOK_WITHIN_MS = 1_000;

function notLookedAt({ view, verdictOf, nowMs }: RuleContext, workload: Workload): Hold | 'no' {
  const home = view.hosts.find((host) => host.id === workload.hostId);
  if (!home?.proof || nowMs - home.proof.atMs > LOOK_WITHIN_MS) return 'no';
  const lost = verdictOf(home.id);
  const lostAtMs = lost?.hearing === 'silent' ? Math.min(home.proof.atMs, lost.sinceMs) : home.proof.atMs;
  const others = view.hosts.filter((host) => host.id !== home.id && host.condition === 'online' && verdictOf(host.id)?.hearing === 'heard');
  const unseen = others.filter((host) => (view.inventories.find((one) => one.hostId === host.id)?.atMs ?? -Infinity) < lostAtMs);
  if (unseen.length === 0) return 'no';
  return hold('looking-around', workload.name, `${unseen.map((host) => host.name).join(', ')} ${unseen.length === 1 ? 'is' : 'are'} being asked first whether it was moved there by hand`);
}
