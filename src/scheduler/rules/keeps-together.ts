// Hard keep-together rules, merged into groups: where the other members stand, and nowhere else.
import type { RuleFilter } from '../filter.js';
import { matesOf } from '../standing.js';

export const keepsTogether: RuleFilter = ({ view, request, host }) => {
  const away = matesOf(view, request).anchors.find((anchor) => !anchor.hostIds.includes(host.id));
  if (!away) return null;
  const where = away.hostIds.map((id) => view.hosts.find((other) => other.id === id)?.name ?? id).join(' and ');
  return { code: 'keep-together', why: `it stays together with ${away.workload.name}, which is on ${where}` };
};
