// Order among workloads that are being started or recovered: those it should start after come first.
import type { Workload } from '../../workloads/workload.js';
import { hold, type Hold } from '../decision.js';
import type { RuleContext } from '../decide.js';
import { isOurs } from './workload-brakes.js';

export interface StartOrder {
  /** Not yet; null: it may start. */
  readonly brake: Hold | null;
  /** What is worth saying although it starts. */
  readonly notes: readonly Hold[];
}

export function startOrder(context: RuleContext, workload: Workload): StartOrder {
  const before = workload.startAfter.flatMap((id) => context.workloadOf(id) ?? []).filter((one) => one.desired === 'running' && isOurs(context, one));
  const coming = before.filter((one) => isOnItsWay(context, one));
  const broken = before.filter((one) => one.state === 'error');
  const names = (some: readonly Workload[]): string => some.map((one) => one.name).join(', ');
  return {
    brake: coming.length === 0 ? null : hold('start-after', workload.name, `it starts after ${coming.map((one) => `${one.name} (${one.state})`).join(', ')}; \`reeve workload start ${workload.name}\` does not wait`),
    notes: broken.length === 0 ? [] : [hold('predecessor-in-error', workload.name, `it should start after ${names(broken)}, which failed for good: it is not waited for; \`reeve workload clear ${broken[0]?.name ?? ''}\``)],
  };
}

/** It will run by our doing: what waits for a person, is frozen or runs already is not waited for. */
function isOnItsWay(context: RuleContext, workload: Workload): boolean {
  if (workload.state === 'starting' || workload.state === 'waiting' || workload.state === 'awaiting-fence') return true;
  if (!workload.isProtected || workload.state === 'frozen' || workload.state === 'error') return false;
  const home = context.hostOf(workload.hostId);
  if (home && home.condition !== 'online') return true;
  return context.findings(workload)[0]?.kind === 'failed';
}
