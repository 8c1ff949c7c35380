// Protected workloads of hosts that are proven off are started elsewhere, by priority, each with the proof.
import { isOff, type Host, type HostProof } from '../../hosts/host.js';
import { orderForRecovery } from '../../scheduler/drain-order.js';
import { placeTogether } from '../../scheduler/place-together.js';
import type { NoPlacement } from '../../scheduler/placement.js';
import { proofCovers } from '../../workloads/proof-covers.js';
import { movesLive, type Workload } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext, RuleOutput } from '../decide.js';
import { findingsOf } from '../observations.js';
import { poolBrake } from '../lost-pools.js';
import { disarmBrake } from './brakes.js';
import { elsewhereAlready } from './elsewhere-already.js';
import { keepWithHost, staysWithHost } from './keep-with-leaving-host.js';
import { makeRoom } from './make-room.js';
import { setWaiting } from './set-waiting.js';
import { retryBrake, startsBrake } from './start-brakes.js';
import { startOrder } from './start-order.js';
import { isOurs } from './workload-brakes.js';
import { nextTry } from '../../workloads/placement-epoch.js';

const NAME = 'recoverFromFencedHosts';

export const recoverFromFencedHosts: Rule = (context) => {
  const off = new Map(context.view.hosts.filter(isOff).map((host) => [host.id, host]));
  if (off.size === 0) return { actions: [], holds: [] };
  const here = context.view.workloads.filter((workload) => workload.hostId !== null && off.has(workload.hostId) && workload.state !== 'error' && isOurs(context, workload));
  // Over all hosts at once: what matters most gets the room, wherever it was.
  const inOrder = orderForRecovery(here);
  const together = placeTogether(context.ledger.view(), inOrder.filter((one) => one.isProtected && one.desired === 'running' && context.operationOn(one.id) === null && isProven(off, one)));
  // What the plan leaves without a place takes none from the others.
  const last = (one: Workload): number => (together.size > 0 && one.isProtected && !together.has(one.id) ? 1 : 0);
  const outputs = inOrder.toSorted((one, other) => last(one) - last(other)).map((workload) => {
    const host = workload.hostId === null ? undefined : off.get(workload.hostId);
    return host ? follow(context, host, workload, together.get(workload.id)) : { actions: [], holds: [] };
  });
  return { actions: outputs.flatMap((one) => one.actions), holds: outputs.flatMap((one) => one.holds) };
};

const isProven = (off: ReadonlyMap<Host['id'], Host>, workload: Workload): boolean => {
  const host = workload.hostId === null ? undefined : off.get(workload.hostId);
  return host !== undefined && proofCovers(host, workload);
};

const no = (...holds: readonly Hold[]): RuleOutput => ({ actions: [], holds });

function follow(context: RuleContext, host: Host, workload: Workload, planned: Host['id'] | undefined): RuleOutput {
  if (staysWithHost(context, host)) return keepWithHost(context, host, workload);
  // It may run on there, and nobody says otherwise.
  if (!workload.isProtected && !proofCovers(host, workload)) return isSighted(context, workload) ? no(notUnderLease(host, workload)) : no();
  if (!workload.isProtected) return workload.state === 'stopped' ? no() : sayStopped(host, workload, 'not protected');
  if (workload.desired === 'running') return recover(context, host, workload, planned);
  if (!proofCovers(host, workload)) return no();
  const settled = workload.state === 'stopped' ? no() : sayStopped(host, workload, 'not wanted running');
  return settled.actions.length === 0 && workload.desired === 'stopped' ? rehome(context, host, workload) : settled;
}

/** It runs somewhere, and may run at home as well: it is taken for moved by hand once that is clear. */
function isSighted(context: RuleContext, workload: Workload): boolean {
  const [finding] = findingsOf(context, workload);
  return finding?.kind === 'not-interpreted' && finding.sighted === true;
}

/** A proof that the host itself contradicts is none: its device may cut another machine. */
function stillHeard({ verdictOf }: RuleContext, host: Host): Hold | null {
  const verdict = verdictOf(host.id);
  // A host that lost its lease may live on: what ran under it is gone all the same.
  if (host.proof?.kind === 'lease-expired') return null;
  if (verdict?.hearing !== 'heard' || verdict.bootId === null || verdict.bootId !== host.proof?.bootId) return null;
  if (host.proof.kind === 'stopped') return hold('not-admitted', host.name, 'it said good-bye and is heard again with the same boot: it is admitted first, and what was there starts there; `reeve operation list`');
  return hold('duplicate', host.name, `proven off (${host.proof.kind}), and still heard with the same boot id: nothing of it is started elsewhere while that is so; look at the machine and its fence device`);
}

function notUnderLease(host: Host, workload: Workload): Hold {
  return hold('not-under-lease', workload.name, `the lease of ${host.name} is over, but ${workload.name} did not run under it yet and may run there still: \`reeve host fence ${host.name}\` with a device, or \`reeve host confirm-off ${host.name}\``);
}

function sayStopped(host: Host, workload: Workload, reason: string): RuleOutput {
  const why = `its host ${host.name} is off; it is ${reason} and stays there`;
  return { actions: [{ rule: NAME, about: workload.name, why, changes: [{ change: 'workload', id: workload.id, set: { state: 'stopped', why } }] }], holds: [] };
}

/** What is kept stopped gets a healthy home too: it can be started at once, whatever becomes of the old one. */
function rehome(context: RuleContext, host: Host, workload: Workload): RuleOutput {
  // Where its newest data are is its home, as long as nobody wants it elsewhere.
  if (!movesLive(workload) || context.operationOn(workload.id) || disarmBrake(context) || !host.proof) return no();
  const placed = context.ledger.place({ workload, exclude: [{ hostId: host.id, why: `${host.name} is ${host.condition}` }] });
  if (!placed.ok) return no();
  const why = `its host ${host.name} is off (${host.proof.kind}); its home is ${placed.value.host} now`;
  const changes: Change[] = [
    { change: 'workload', id: workload.id, set: { hostId: placed.value.hostId, leasedOn: null, isDefinedAtHome: false, workloadEpoch: nextTry(workload.workloadEpoch), why } },
    { change: 'event', event: event('workload.rehomed', `${workload.name} (stopped): ${why}`, { severity: 'notice', workload: workload.name, data: { from: host.name, to: placed.value.host, proof: host.proof.kind } }) },
  ];
  return { actions: [{ rule: NAME, about: workload.name, why, changes }], holds: [] };
}

function recover(context: RuleContext, host: Host, workload: Workload, planned: Host['id'] | undefined): RuleOutput {
  const disarmed = disarmBrake(context);
  if (disarmed) return no(disarmed);
  const contradicted = stillHeard(context, host);
  if (contradicted) return no(contradicted);
  const { proof } = host;
  if (!proof) return no(hold('no-fence-device', host.name, `no proof that it is off is recorded: nothing of it is started elsewhere; \`reeve host confirm-off ${host.name}\``));
  if (!proofCovers(host, workload)) return no(notUnderLease(host, workload));
  const active = context.operationOn(workload.id);
  if (active) return active.kind === 'recover' ? no() : no(hold('operation-active', workload.name, `${active.kind} is under way (operation ${active.id}); recovery follows when it has ended; \`reeve operation show ${active.id}\``));
  const elsewhere = elsewhereAlready(context, workload);
  if (elsewhere !== 'no') return elsewhere === 'adopted' ? no() : no(elsewhere);
  // Only where its data are can it be placed: first they get there.
  const waitsForPool = poolBrake(context, host, workload);
  if (waitsForPool) return heldBack(workload, waitsForPool);
  const { brake, notes } = startOrder(context, workload);
  const reason = brake ?? retryBrake(context, workload);
  if (reason) return heldBack(workload, reason);
  const exclude = [{ hostId: host.id, why: `${host.name} is ${host.condition}` }];
  const placed = context.ledger.place({ workload, exclude, planned });
  if (!placed.ok) return withRoom(workload, placed.error, makeRoom(context, { rule: NAME, workload, exclude, refusals: placed.error.refusals, why: `${host.name} is off` }));
  const busy = startsBrake(context, workload, placed.value);
  if (busy) return heldBack(workload, busy);
  context.ledger.promise(workload.id, placed.value.hostId, 'recover', null);
  return { actions: [recovery(host, proof, workload, placed.value)], holds: notes };
}

function withRoom(workload: Workload, error: NoPlacement, room: RuleOutput | null): RuleOutput {
  const waiting = setWaiting(NAME, workload, error);
  return room === null ? waiting : { actions: [...waiting.actions, ...room.actions], holds: [...waiting.holds, ...room.holds] };
}

/** It surely does not run any more, and is to: should its host be back before its turn comes, it starts there without being counted as failed. */
function heldBack(workload: Workload, reason: Hold): RuleOutput {
  if (workload.state === 'waiting') return no(reason);
  return { actions: [{ rule: NAME, about: workload.name, why: reason.why, changes: [{ change: 'workload', id: workload.id, set: { state: 'waiting', why: reason.why } }] }], holds: [reason] };
}

function recovery(host: Host, proof: HostProof, workload: Workload, target: { readonly hostId: Host['id']; readonly host: string }): Action {
  const why = `${host.name} is off (${proof.kind}): start on ${target.host}`;
  const changes: Change[] = [
    { change: 'workload', id: workload.id, set: { state: 'starting', why } },
    { change: 'operation', operation: { kind: 'recover', workloadId: workload.id, hostId: host.id, targetHostId: target.hostId, requestedBy: `rule:${NAME}`, reason: why, proof } },
    { change: 'event', event: event('workload.recovering', `${workload.name}: ${why}`, { severity: 'notice', host: target.host, workload: workload.name, data: { from: host.name, to: target.host, proof: proof.kind } }) },
  ];
  return { rule: NAME, about: workload.name, why, changes };
}
