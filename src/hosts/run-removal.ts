// Removal: a host stops being a member. Its agent and its keys go, the members forget it; its disks and pools stay.
import { runWorkflow, type Journal, type Step, type WorkflowOutcome } from '../shared/workflow.js';
import { awayNote, foreignCluster, forEachHost, tellPeers, type EnrolmentSide } from './enrolment-side.js';
import { forgetHost, revokeTrust } from './forget-host.js';
import { isOff, type Host } from './host.js';

export interface RemovalContext {
  readonly self: EnrolmentSide;
  /** The members that stay; their `config` is without the host. */
  readonly peers: readonly EnrolmentSide[];
  /** Asked right before anything is done: null, or why the host may not be removed (see whyNotRemovable). */
  readonly whyNot: () => Promise<string | null>;
  /** The host is gone for good: what is on it is left there. */
  readonly hostIsLost: boolean;
}

/** Null: it may be removed. A host that is in use or could be fenced half-way is refused. */
export function whyNotRemovable(host: Host, workloads: readonly { readonly name: string; readonly hostId: string | null }[]): string | null {
  const here = workloads.filter((workload) => workload.hostId === host.id).map((workload) => workload.name);
  if (here.length > 0) return `${host.name} still has ${here.length === 1 ? 'a workload' : `${here.length} workloads`}: ${firstFew(here)}; what runs is moved by \`reeve host drain ${host.name}\`; what is stopped by \`reeve workload relocate NAME\`; or remove it from Reeve`;
  if (host.condition === 'enrolling' || isOff(host)) return null;
  if (host.condition !== 'online') return `${host.name} is ${host.condition}: wait until it is online or proven off (\`reeve host confirm-off ${host.name}\`)`;
  // Its agent goes silent in the course of this: only maintenance keeps it from being fenced.
  return host.intent === 'maintenance' ? null : `${host.name} is in service: \`reeve host drain ${host.name}\` first`;
}

/** More names would make the line unreadable. */
const NAMED = 5;
const firstFew = (names: readonly string[]): string => (names.length > NAMED ? `${names.slice(0, NAMED).join(', ')} and ${names.length - NAMED} more` : names.join(', '));

const check: Step<RemovalContext> = {
  name: 'check',
  run: async ({ whyNot }) => {
    const why = await whyNot();
    return why === null ? { kind: 'done' } : { kind: 'failed', code: 'in-use', why };
  },
};

const removeFromHost: Step<RemovalContext> = {
  name: 'host',
  run: async ({ self, hostIsLost }) => {
    if (hostIsLost) return { kind: 'done', note: `${self.host.name} is given up: agent and keys are left on it` };
    // As when its enrolment here was refused.
    const foreign = await foreignCluster(self);
    if (foreign !== null) return { kind: 'done', note: `${self.host.name} belongs to another cluster (${foreign}): agent and keys are left on it` };
    await self.agent.uninstall();
    const left = await revokeTrust(self);
    return { kind: 'done', note: `agent, guard, migration keys and remotes removed; pool markers stay${left === null ? '' : `; ${left}`}` };
  },
};

const forget: Step<RemovalContext> = {
  name: 'members',
  run: async ({ self, peers }) => {
    const untold = await tellPeers(peers, async (peer) => peer.config);
    const away = await forEachHost(peers, (peer) => forgetHost(peer, self));
    return { kind: 'done', note: `${peers.length} members forget it${awayNote([...new Set([...untold, ...away.filter((line) => line !== null)])])}` };
  },
};

export const REMOVAL_STEPS: readonly Step<RemovalContext>[] = [check, removeFromHost, forget];

/** Every step may be repeated: a removal that failed is simply asked for again. */
export function runRemoval(context: RemovalContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(REMOVAL_STEPS, context, journal);
}
