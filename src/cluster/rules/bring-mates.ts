// A workload that goes elsewhere takes along what must stay on one host with it: the mates that run where it was move in the same decision.
import type { Host } from '../../hosts/host.js';
import type { HostId } from '../../shared/ids.js';
import { ruleIndex } from '../../scheduler/placement-rule.js';
import type { Workload } from '../../workloads/workload.js';
import type { RuleContext, RuleOutput } from '../decide.js';
import { beginMove, type Move } from './begin-move.js';
import { isOurs, lockBrake } from './workload-brakes.js';

export interface Leaving {
  readonly rule: string;
  /** Why they move, as people are told; `rule` where nothing else is said. */
  readonly cause?: Move['cause'];
  readonly workload: Workload;
  readonly from: Host;
  readonly target: { readonly hostId: HostId; readonly host: string };
}

/** Room for them was looked at when the target was chosen. One that is held back (locked, too many moves) follows when it may. */
export function bringMates(context: RuleContext, { rule, cause = 'rule', workload, from, target }: Leaving): RuleOutput {
  const outputs = matesAlong(context, workload, from).map((mate) =>
    beginMove(context, { rule, cause, workload: mate, from, target, kind: 'migrate', why: `it stays together with ${workload.name}, which leaves ${from.name}` }));
  return { actions: outputs.flatMap((one) => one.actions), holds: outputs.flatMap((one) => one.holds) };
}

/** Those that move when it leaves this host. */
export function matesAlong(context: RuleContext, workload: Workload, from: Host): readonly Workload[] {
  const group = ruleIndex(context.view.rules).group(workload.id).flatMap((id) => context.workloadOf(id) ?? []);
  return group.filter((mate) => mate.id !== workload.id && movesAlong(context, mate, from));
}

export function movesAlong(context: RuleContext, mate: Workload, from: Host): boolean {
  return mate.hostId === from.id && mate.state === 'running' && mate.desired === 'running' && isOurs(context, mate) && context.operationOn(mate.id) === null && lockBrake(mate, '') === null;
}
