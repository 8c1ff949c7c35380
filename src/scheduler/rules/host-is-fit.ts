// The host itself: online, heard, not cordoned, not in maintenance, its sizes known.
import { enforcesLease, isQuarantined, type Host } from '../../hosts/host.js';
import { HYPERVISOR_NAMES } from '../../hosts/hypervisor.js';
import type { FilterRefusal } from '../filter.js';
import type { PlacementRequest, PlacementView } from '../placement.js';

export function hostIsFit(view: PlacementView, request: PlacementRequest, host: Host): FilterRefusal | null {
  const excluded = request.exclude.find((one) => one.hostId === host.id);
  if (excluded) return { code: 'excluded', why: excluded.why };
  if (host.condition !== 'online') return { code: 'not-online', why: `${host.name} is ${host.condition}` };
  if (host.intent === 'maintenance') return { code: 'maintenance', why: `${host.name} is in maintenance` };
  if (host.leaving) return { code: 'leaving', why: `${host.name} is going down (${host.leaving.purpose})` };
  if (isQuarantined(host)) return { code: 'quarantined', why: `${host.name} is quarantined: it was lost too often; \`reeve host release ${host.name}\` ends it` };
  if (host.cordoned) return { code: 'cordoned', why: `${host.name} is cordoned` };
  if (!view.heard.has(host.id)) return { code: 'not-heard', why: `the agent of ${host.name} is not heard now` };
  const { driver } = request.workload.needs;
  if (view.hypervisorSilent?.get(host.id)?.includes(driver)) return { code: 'hypervisor-silent', why: `${HYPERVISOR_NAMES[driver]} on ${host.name} does not answer` };
  if (request.workload.isProtected && enforcesLease(host) && view.leaseless.has(host.id)) {
    return { code: 'no-lease', why: `${host.name} holds no lease now: no majority of voters acknowledges it` };
  }
  if (!host.facts) return { code: 'no-facts', why: `the sizes of ${host.name} are not known` };
  return null;
}
