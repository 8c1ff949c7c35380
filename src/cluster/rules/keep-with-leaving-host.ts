// Workloads that wait for their host: it went down in order, and the policy says that they come back with it.
import type { Host, HostProof } from '../../hosts/host.js';
import type { Workload } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import { hold } from '../decision.js';
import type { RuleContext, RuleOutput } from '../decide.js';

/** What was forced off did not go down as it had said: it may never come back by itself. */
const IN_ORDER: ReadonlySet<HostProof['kind']> = new Set(['stopped', 'new-boot']);

/** conditional and migrate: a reboot only, and not for longer than a reboot takes. freeze: always. failover: never. */
export function staysWithHost({ policy, nowMs }: Pick<RuleContext, 'policy' | 'nowMs'>, { leaving, proof, conditionSinceMs }: Host): boolean {
  if (leaving === null || proof === null || !IN_ORDER.has(proof.kind) || policy.gracefulShutdown === 'failover') return false;
  if (policy.gracefulShutdown === 'freeze') return true;
  return leaving.purpose === 'reboot' && nowMs - conditionSinceMs < policy.rebootReturnMs;
}

export function keepWithHost({ policy }: RuleContext, host: Host, workload: Workload): RuleOutput {
  if (!workload.isProtected || workload.desired !== 'running') return { actions: [], holds: [] };
  const bound = policy.gracefulShutdown === 'freeze' ? '' : ` (waited for ${Math.round(policy.rebootReturnMs / 60_000)} min)`;
  const why = `${host.name} went down in order (${host.leaving?.purpose ?? 'shutdown'}): it comes back with it${bound}`;
  const holds = [hold('frozen', workload.name, `${why}; \`reeve workload start ${workload.name}\` starts it elsewhere now`)];
  if (workload.state === 'frozen') return { actions: [], holds };
  const changes: Change[] = [
    { change: 'workload', id: workload.id, set: { state: 'frozen', why } },
    { change: 'event', event: event('workload.frozen', `${workload.name}: ${why}`, { severity: 'notice', host: host.name, workload: workload.name }) },
  ];
  return { actions: [{ rule: 'recoverFromFencedHosts', about: workload.name, why, changes }], holds };
}
