// A host that says that something is wrong with it: what a person is told, and which workloads are better off elsewhere.
import { deadAmong, describeTrouble, isFailing } from '../../hosts/host-health.js';
import type { Host } from '../../hosts/host.js';
import type { Workload } from '../../workloads/workload.js';
import { hold, type Hold } from '../decision.js';
import type { RuleContext } from '../decide.js';
import { groupOf } from './group-moves.js';

/** Is it better off elsewhere, by the policy? What is not protected is left to its people. */
export function suffersThere({ policy: { onTrouble } }: Pick<RuleContext, 'policy'>, host: Host, workload: Workload): boolean {
  if (!workload.isProtected) return false;
  return (onTrouble.uplinkLost === 'migrate' && isCutOff(host, workload)) || (onTrouble.hardwareFailing === 'migrate' && isFailing(host));
}

/** It, or one that must stay on one host with it: a group leaves as one. */
export function leavesTrouble(context: RuleContext, host: Host, workload: Workload): boolean {
  return workload.isProtected && groupOf(context, workload).some((one) => one.hostId === host.id && suffersThere(context, host, one));
}

const isCutOff = (host: Host, workload: Workload): boolean => deadAmong(host, workload.needs.bridges).length > 0;

/** Hosts on which it would be no better off. Nobody is moved from one trouble into another. */
export function noBetterThan({ view }: Pick<RuleContext, 'view'>, workload: Workload): readonly { readonly hostId: Host['id']; readonly why: string }[] {
  return view.hosts.flatMap((host) => (host.trouble && (isFailing(host) || isCutOff(host, workload)) ? [{ hostId: host.id, why: `${host.name} has trouble of its own: ${describeTrouble(host.trouble)}` }] : []));
}

/** Shown for as long as the trouble lasts. */
export function troubleHolds(context: RuleContext): readonly Hold[] {
  return context.view.hosts.flatMap((host) => (host.trouble && host.condition === 'online' ? [hold('unhealthy', host.name, `${describeTrouble(host.trouble)}; other hosts are preferred to it, ${whatFollows(context, host)}`)] : []));
}

function whatFollows(context: RuleContext, host: Host): string {
  const there = context.view.workloads.filter((one) => one.hostId === host.id && one.state === 'running');
  const touched = isFailing(host) ? there : there.filter((one) => isCutOff(host, one));
  const leaving = there.filter((one) => leavesTrouble(context, host, one));
  if (leaving.length > 0) return `and ${names(leaving)} move${leaving.length === 1 ? 's' : ''} away live`;
  return touched.length > 0 ? `and ${names(touched)} stay${touched.length === 1 ? 's' : ''}, as the policy says; \`reeve host drain ${host.name}\` empties it` : 'and nothing there suffers from it';
}

const MOST_NAMES = 5;

function names(workloads: readonly Workload[]): string {
  const shown = workloads.slice(0, MOST_NAMES).map((one) => one.name).join(', ');
  return workloads.length > MOST_NAMES ? `${shown} and ${workloads.length - MOST_NAMES} more` : shown;
}
