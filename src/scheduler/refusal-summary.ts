// Many refusals in one sentence: each kind with how many hosts it concerns and one of them as an example.
import type { HostRefusal, RefusalCode } from './placement.js';

/** So many hosts are named one by one; the sentence is kept with the workload and shown on one line. */
const NAMED = 5;

export function summarizeRefusals(refusals: readonly HostRefusal[]): string {
  if (refusals.length <= NAMED) return refusals.map(({ host, why }) => `${host}: ${why}`).join('; ');
  const kinds = new Map<RefusalCode, HostRefusal[]>();
  for (const refusal of refusals) kinds.set(refusal.code, [...(kinds.get(refusal.code) ?? []), refusal]);
  const sorted = [...kinds].sort(([code, some], [otherCode, others]) => others.length - some.length || (code < otherCode ? -1 : 1));
  return sorted.map(([code, some]) => told(code, some)).join('; ');
}

function told(code: RefusalCode, some: readonly HostRefusal[]): string {
  const [first] = some;
  const example = `${first?.host ?? ''}: ${first?.why ?? ''}`;
  return some.length === 1 ? example : `${some.length} hosts (${code}), such as ${example}`;
}
