// The host itself: online, heard, not cordoned, not in maintenance, its sizes known.
import type { Host } from '../../hosts/host.js';
import type { FilterRefusal } from '../filter.js';
import type { PlacementRequest, PlacementView } from '../placement.js';

export function hostIsFit(view: PlacementView, request: PlacementRequest, host: Host): FilterRefusal | null {
  const excluded = request.exclude.find((one) => one.hostId === host.id);
  if (excluded) return { code: 'excluded', why: excluded.why };
  if (host.condition !== 'online') return { code: 'not-online', why: `${host.name} is ${host.condition}` };
  if (host.intent === 'maintenance') return { code: 'maintenance', why: `${host.name} is in maintenance` };
  if (host.cordoned) return { code: 'cordoned', why: `${host.name} is cordoned` };
  if (!view.heard.has(host.id)) return { code: 'not-heard', why: `the agent of ${host.name} is not heard now` };
  if (view.hypervisorSilent?.has(host.id)) return { code: 'hypervisor-silent', why: `libvirt on ${host.name} does not answer` };
  if (!host.facts) return { code: 'no-facts', why: `the sizes of ${host.name} are not known` };
  return null;
}
