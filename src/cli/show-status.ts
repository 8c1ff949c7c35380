// `reeve status`: the cluster at a glance, what needs a person first.
import type { StatusDocument } from '../api/documents.js';
import { ago, coloured, count, duration, mebibytes, moment, progressText, table, type Style } from './format.js';

export function showStatus(status: StatusDocument, style: Style, nowMs: number): string {
  return [
    header(status, style, nowMs),
    section('Problems', status.problems.map((one) => [coloured(style, one.severity === 'alert' ? 'fail' : 'warn').replace(/fail|warn/, one.severity), one.about || 'cluster', one.evidence + (one.remedy ? style.dim(`  → ${one.remedy}`) : '')]), style),
    section('Hosts', hosts(status, style), style),
    section('Workloads', workloads(status, style), style),
    section('Under way', operations(status, nowMs), style),
    section('Held', status.holds.map((one) => [one.about || 'cluster', one.code, one.why]), style),
    section('Failed lately', status.failures.map((one) => [moment(one.endedAtMs ?? 0, nowMs), one.kind, one.workload ?? one.host ?? '', one.why ?? '']), style),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function section(title: string, rows: readonly (readonly string[])[], style: Style): string {
  return rows.length === 0 ? '' : `${style.bold(title)}\n${table(rows)}`;
}

function header({ cluster, hosts: all, workloads: known, problems }: StatusDocument, style: Style, nowMs: number): string {
  const alerts = problems.filter((one) => one.severity === 'alert').length;
  const health = alerts > 0 ? style.red(count(alerts, 'alert')) : problems.length > 0 ? style.yellow(count(problems.length, 'warning')) : style.green('healthy');
  const armed = cluster.disarm === null ? 'armed' : style.red(`DISARMED (${cluster.disarm.mode}) by ${cluster.disarm.by} (${cluster.disarm.reason})${cluster.disarm.untilMs === null ? '' : `, ends in ${duration(Math.max(0, cluster.disarm.untilMs - nowMs))}`}`);
  const quorum = all.length === 0 ? style.dim('no hosts yet') : cluster.quorum ? `quorum: ${cluster.quorumEvidence}` : style.red(`NO QUORUM: ${cluster.quorumEvidence}`);
  const leader = cluster.leader.epoch === null ? style.yellow('another replica leads, or none') : `led by ${cluster.leader.replica}, epoch ${cluster.leader.epoch}`;
  // What moves live runs meanwhile.
  const running = known.filter((one) => one.state === 'running' || one.state === 'migrating').length;
  return `${style.bold(`Cluster ${cluster.name}`)}: ${health}, ${armed}\n  ${quorum}; ${leader}\n  ${all.filter((one) => one.state === 'online').length} of ${all.length} hosts online, ${running} of ${known.length} workloads running`;
}

function hosts({ hosts: all }: StatusDocument, style: Style): readonly (readonly string[])[] {
  return all.map((host) => {
    const memory = host.facts ? `${mebibytes(host.usage.memoryMiB)} of ${mebibytes(host.facts.memoryMiB)}` : 'sizes unknown';
    const flags = [host.cordoned && host.intent === 'active' ? 'cordoned' : '', host.leaving ? `going down (${host.leaving.purpose})` : '', host.flapping.quarantine && !host.flapping.quarantine.isOver ? 'quarantined' : '', host.trouble ? 'in trouble' : '', host.heard === null || host.heard.state === 'unknown' ? 'not heard' : ''].filter(Boolean).join(', ');
    return [host.name, coloured(style, host.state), count(host.usage.workloads, 'workload'), memory, [flags, host.condition === 'online' ? '' : (host.why ?? '')].filter(Boolean).join('; ')];
  });
}

/** What does not run as wanted comes first. */
function workloads({ workloads: all }: StatusDocument, style: Style): readonly (readonly string[])[] {
  const rank = (state: string): number => (state === 'running' ? 2 : state === 'stopped' ? 1 : 0);
  const sorted = [...all].sort((one, other) => rank(one.state) - rank(other.state) || (one.name < other.name ? -1 : 1));
  return sorted.map((one) => [one.name, coloured(style, one.state), one.host ?? '-', one.isProtected ? 'protected' : style.dim('unprotected'), one.why ?? '']);
}

function operations({ operations: all }: StatusDocument, nowMs: number): readonly (readonly string[])[] {
  return all.map((one) => {
    const step = one.steps.at(-1);
    const progress = one.progress ? progressText(one.progress) : '';
    return [one.id.slice(0, 16), one.kind, one.workload ?? one.host ?? '', one.target ? `→ ${one.target}` : '', step ? `${step.name} (${step.state})` : one.state, progress || ago(one.createdAtMs, nowMs)];
  });
}
