// diagnose: a table of problems, each with its evidence. For people; decide() has its own look at the same view.
import { hasPowerDevice, enforcesLease, type Host } from '../hosts/host.js';
import { HYPERVISOR_NAMES, type DriverName } from '../hosts/hypervisor.js';
import { DEFAULT_POLICY } from './cluster-policy.js';
import type { ClusterView } from './cluster-view.js';
import { describeHealer, healers, healingRemedy } from './healing.js';
import { describeEnding, describeMisfit, endingRemedy, renewCommand, trustProblems } from './trust.js';
import { endingCertificates, TOLD_BEFORE_MS } from '../hosts/daemon-trust.js';
import { looksAlive } from './looks-alive.js';
import { hypervisorsSilent } from './observations.js';
import type { ClusterVerdict, HostVerdict } from './verdict.js';

export type ProblemCode =
  | 'no-room-for-failure' | 'queue-away' | 'alerts-failing' | 'alerts-untried' | 'no-quorum' | 'host-suspect' | 'host-silent' | 'host-fencing' | 'host-fenced' | 'agent-gone' | 'host-not-heard-yet' | 'hypervisor-silent' | 'no-fence-device'
  | 'facts-missing' | 'heals-itself' | 'certificate-expires' | 'certificate-expired' | 'trust-broken' | 'workload-error' | 'workload-waiting' | 'workload-awaiting-fence' | 'workload-missing' | 'workload-paused' | 'operation-unknown';

export interface Problem {
  readonly code: ProblemCode;
  readonly severity: 'warning' | 'alert';
  /** Name of the host, workload or alert target; '' for the cluster. */
  readonly about: string;
  readonly evidence: string;
  /** What a person can do, as a command where there is one. */
  readonly remedy: string | null;
}

export function diagnose(view: ClusterView, verdict: ClusterVerdict): readonly Problem[] {
  const verdicts = new Map(verdict.hosts.map((one) => [one.hostId, one]));
  return [
    ...(verdict.quorum || view.hosts.length === 0 ? [] : [problem('no-quorum', 'alert', '', verdict.quorumEvidence, null)]),
    ...(view.room ? [problem('no-room-for-failure', 'warning', '', view.room.what, 'reeve cluster capacity')] : []),
    ...view.hosts.flatMap((host) => hostProblems(view, host, verdicts.get(host.id) ?? null)),
    ...view.workloads.flatMap(workloadProblems),
    ...view.recentOperations
      .filter((operation) => operation.state === 'unknown')
      .map((operation) => problem('operation-unknown', 'alert', operation.kind, operation.why ?? 'no reason given', `reeve operation show ${operation.id}`)),
  ];
}

function problem(code: ProblemCode, severity: Problem['severity'], about: string, evidence: string, remedy: string | null): Problem {
  return { code, severity, about, evidence, remedy };
}

const RESTARTS: { readonly [D in DriverName]: string } = { libvirt: 'systemctl restart libvirtd', lxd: 'systemctl restart snap.lxd.daemon', incus: 'systemctl restart incus' };

function hostProblems(view: ClusterView, host: Host, verdict: HostVerdict | null): readonly Problem[] {
  const found: Problem[] = [];
  if (host.condition === 'silent') found.push(problem('host-silent', 'alert', host.name, host.why ?? 'silent', `reeve host confirm-off ${host.name}`));
  if (host.condition === 'fencing') found.push(problem('host-fencing', 'alert', host.name, host.why ?? 'being fenced', null));
  if (host.condition === 'fenced') found.push(problem('host-fenced', 'warning', host.name, host.proof ? `fenced (${host.proof.kind}): ${host.proof.evidence}` : 'fenced', `reeve host power-on ${host.name}`));
  if (host.condition === 'online') found.push(...onlineProblems(view, host, verdict));
  found.push(...healers(host.facts).map((one) => problem('heals-itself', 'alert', host.name, describeHealer(one), healingRemedy(one))));
  found.push(...endingCertificates(host.facts, TOLD_BEFORE_MS).map((one) => problem(one.isOver ? 'certificate-expired' : 'certificate-expires', one.isOver ? 'alert' : 'warning', host.name, describeEnding(one), endingRemedy(host.name, one))));
  // Both sides are seen at different moments: what is being changed is not judged.
  found.push(...trustProblems(view, host).map((one) => problem('trust-broken', 'warning', host.name, describeMisfit(one), renewCommand(host.name))));
  const silent = verdict?.hearing === 'heard' ? (hypervisorsSilent(view, DEFAULT_POLICY.inventoryMaxAgeMs).get(host.id) ?? []) : [];
  for (const driver of silent) {
    found.push(problem('hypervisor-silent', 'alert', host.name, `the host is there, and its ${HYPERVISOR_NAMES[driver]} does not answer: what it runs goes on unwatched, nothing of its kind is placed there`, `ssh ${host.address} ${RESTARTS[driver]}`));
  }
  const protectedHere = view.workloads.some((workload) => workload.hostId === host.id && workload.isProtected);
  if (protectedHere && !hasPowerDevice(host) && !enforcesLease(host)) {
    found.push(problem('no-fence-device', 'warning', host.name, 'protected workloads run there and no device can prove it off: recovery would wait for a person', `reeve host set-fence ${host.name} …`));
  }
  return found;
}

function onlineProblems(view: ClusterView, host: Host, verdict: HostVerdict | null): readonly Problem[] {
  if (!verdict || verdict.hearing === 'unknown') return [problem('host-not-heard-yet', 'warning', host.name, 'not heard since the control plane started', null)];
  const facts = host.facts ? [] : [problem('facts-missing', 'warning', host.name, 'its sizes and versions are not known', `reeve host refresh ${host.name}`)];
  if (verdict.hearing === 'suspect') return [...facts, problem('host-suspect', 'warning', host.name, verdict.evidence, null)];
  if (verdict.hearing === 'silent' && verdict.probe?.answered && looksAlive(host, view.workloads, verdict.probe)) {
    return [...facts, problem('agent-gone', 'warning', host.name, 'no heartbeats, but SSH answers: only its agent is gone', `ssh ${host.address} systemctl restart reeve-agent`)];
  }
  return facts;
}

function workloadProblems(workload: ClusterView['workloads'][number]): readonly Problem[] {
  const why = workload.why ?? workload.state;
  switch (workload.state) {
    case 'error':
      return [problem('workload-error', 'alert', workload.name, why, `reeve workload clear ${workload.name}`)];
    case 'waiting':
      return [problem('workload-waiting', 'alert', workload.name, why, `reeve workload explain ${workload.name}`)];
    case 'awaiting-fence':
      return [problem('workload-awaiting-fence', 'alert', workload.name, why, null)];
    case 'missing':
      return [problem('workload-missing', 'warning', workload.name, why, `reeve workload delete ${workload.name} --forget`)];
    case 'paused':
      return [problem('workload-paused', 'warning', workload.name, why, null)];
    case 'running':
    case 'stopped':
    case 'starting':
    case 'stopping':
    case 'migrating':
    case 'frozen':
    case 'unmanaged':
      return [];
  }
}
