// `reeve workload replicas`: what each host has of containers that run elsewhere, and what each copy is good for.
import type { CopiesDocument, CopyDocument } from '../cluster/commands/copy-commands.js';
import { ago, table } from './format.js';

export function showCopies({ copies, unseen }: CopiesDocument, nowMs: number): string {
  const rows = copies.map((one) => [one.workload ?? one.name, one.host, one.kind, one.asOfMs === null ? '-' : ago(one.asOfMs, nowMs), whatFor(one)]);
  const shown = rows.length === 0 ? 'no copies' : table([['WORKLOAD', 'HOST', 'KIND', 'AS OF', 'WHAT FOR'], ...rows], '');
  return [shown, ...unseen.map(({ host, why }) => `not known of ${host}: ${why}`)].join('\n');
}

function whatFor({ workload, name, kind, isLeftover, isRecoveredFrom, asOfMs }: CopyDocument): string {
  if (workload === null) return `of nothing that Reeve knows; there: lxc delete ${name} (or incus delete)`;
  if (kind === 'set-aside') return 'may hold what it wrote last before its host was lost: look before it is discarded';
  if (isLeftover) return 'left over: nothing would be recovered from it';
  if (isRecoveredFrom) return 'it would be recovered from this';
  return kind === 'spare' ? `the next copy is written into it${asOfMs === null ? '' : '; whole'}` : 'not whole yet';
}
