// Renew-trust: from an operation's row to the certificates of a host's daemons for containers, and to the facts of all whom that concerns.
import type { Host } from '../../hosts/host.js';
import { TRUST_RENEWAL_STEPS } from '../../hosts/run-trust-renewal.js';
import { OperationalError } from '../../shared/errors.js';
import { runWorkflow } from '../../shared/workflow.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import { ending } from '../endings.js';
import type { Executor } from '../run-operation.js';
import { certificateNews } from '../trust.js';
import { hostOf, param, type ExecutePorts } from './execute-ports.js';

export function renewTrustExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const host = hostOf(view, operation.hostId, 'known');
    const others = view.hosts.filter((one) => one.id !== host.id && one.condition !== 'enrolling');
    const [online, away] = [others.filter(({ condition }) => condition === 'online'), others.filter(({ condition }) => condition !== 'online')];
    const context = {
      self: ports.world.sideOf(host, view.hosts),
      peers: online.map((peer) => ports.world.sideOf(peer, view.hosts)),
      absent: away.flatMap(({ name, condition, facts }) => (facts?.containerDaemons ?? []).map(({ driver }) => ({ driver, why: `${name} is ${condition}` }))),
      renewsAll: param(operation, 'force', false),
      clock: ports.clock,
    };
    const outcome = await runWorkflow(TRUST_RENEWAL_STEPS, context, journal);
    // What is shown of the others' certificates would not fit with this one's until they are looked at again.
    const looks = (await Promise.all([host, ...online].map((one) => factsNow(ports, one)))).flat();
    const news = outcome.kind === 'succeeded' && outcome.memo['renewals'] ? [event('host.trust-renewed', `${host.name} is known to the daemons of other hosts by a new certificate`, { severity: 'notice', host: host.name, operationId: operation.id })] : [];
    return ending(outcome, [...looks, ...news.map((one): Change => ({ change: 'event', event: one }))]);
  };
}

/** One that does not answer keeps what is known of it. */
async function factsNow({ world }: ExecutePorts, host: Host): Promise<readonly Change[]> {
  try {
    const facts = await world.hypervisorOf(host).facts();
    return [{ change: 'host', id: host.id, set: { facts } }, ...certificateNews(host, facts)];
  } catch (error) {
    if (error instanceof OperationalError) return [];
    throw error;
  }
}
