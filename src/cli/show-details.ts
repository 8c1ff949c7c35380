// One host, workload, operation or explanation, for a person.
import { HYPERVISOR_NAMES } from '../hosts/hypervisor.js';
import type { HostDocument, OperationDocument, WorkloadDocument } from '../api/documents.js';
import type { ClusterEvent } from '../cluster/cluster-event.js';
import { describeHealer, healers, healingRemedy } from '../cluster/healing.js';
import { endingCertificates, TOLD_BEFORE_MS } from '../hosts/daemon-trust.js';
import type { HostFacts } from '../hosts/host-facts.js';
import { pageSizeText } from '../hosts/hugepages.js';
import { describeEnding, endingRemedy } from '../cluster/trust.js';
import { describeTrouble } from '../hosts/host-health.js';
import type { CheckPoint } from '../hosts/enrolment-check.js';
import type { Explanation } from '../scheduler/explain-placement.js';
import { describeLabels } from '../shared/labels.js';
import { clockTime, coloured, count, duration, mebibytes, moment, table, type Style } from './format.js';

function leaseOf({ heard }: HostDocument): string {
  if (!heard?.lease) return 'nothing heard of it';
  if (!heard.lease.enforcing) return 'not enforced: protected workloads there are fenced, not trusted to end';
  return heard.lease.held ? 'held: a majority of voters acknowledges it' : 'not held: no majority of voters acknowledges it';
}

/** By which its daemons are known to those of other hosts. */
function certificatesOf({ containerDaemons }: Pick<HostFacts, 'containerDaemons'>): string {
  return containerDaemons.flatMap(({ driver, trust }) => (['client', 'server'] as const).flatMap((role) => {
    const one = trust?.[role] ?? null;
    return one === null ? [] : [`${HYPERVISOR_NAMES[driver]} ${role} ${one.fingerprint.slice(0, 12)} until ${new Date(one.expiresAtMs).toISOString().slice(0, 10)}`];
  })).join('; ');
}

export function showHost(host: HostDocument, style: Style): string {
  const { facts } = host;
  const rows: (readonly string[])[] = [
    ['state', coloured(style, host.state)],
    ['why', host.why ?? ''],
    ['address', `${host.address} (ssh ${host.ssh.user}, port ${host.ssh.port})`],
    ['links', host.links.join(', ')],
    ['zone', host.zone ?? ''],
    ['labels', describeLabels(host.labels)],
    ['heard', host.heard ? `${host.heard.state}: ${host.heard.evidence}` : 'not watched'],
    ['lease', leaseOf(host)],
    ['epoch', `${host.hostEpoch}, boot ${host.bootId?.slice(0, 8) ?? 'never admitted'}`],
    ['going down', host.leaving ? host.leaving.purpose : ''],
    ['quarantine', host.flapping.quarantine && !host.flapping.quarantine.isOver ? `until ${new Date(host.flapping.quarantine.untilMs).toISOString().slice(0, 19)}; reeve host release ${host.name}` : ''],
    ['trouble', host.trouble ? describeTrouble(host.trouble) : ''],
    ['proof', host.proof ? `${host.proof.kind}: ${host.proof.evidence}` : ''],
    ['fence devices', host.fenceDevices.map((device) => `${device.kind} ${Object.entries(device.options).map(([key, value]) => `${key}=${value}`).join(' ')}`).join('; ') || 'none'],
    ['pools lost', host.takenPools.map((one) => `${one.pool} to ${one.by ?? 'a host that is gone'}${one.isDone ? '' : ' (under way)'}`).join('; ')],
    ['workloads', host.workloads.join(', ') || 'none'],
    ['not known to Reeve', host.strangers.workloads > 0 ? `${count(host.strangers.workloads, 'guest')} (${mebibytes(host.strangers.memoryMiB)}, ${count(host.strangers.vcpus, 'vCPU')}), counted as used; reeve workload adopt ${host.name} NAME` : ''],
    ...(facts
      ? [
          ['size', `${count(facts.cpus, 'CPU')} (${facts.cpuModel}), ${mebibytes(facts.memoryMiB)}, ${facts.accelerator}`],
          ['hugepages', (facts.hugepages ?? []).map(({ sizeKiB, total, free }) => `${count(total, 'page')} of ${pageSizeText(sizeKiB)}, ${free} free`).join('; ')],
          ['shared pages', (facts.ksmSavedMiB ?? 0) > 0 ? `KSM saves ${mebibytes(facts.ksmSavedMiB ?? 0)} now; placement does not count on it` : ''],
          ['CPU features', facts.cpuFlags ? `${facts.cpuFlags.length}, of which all hosts have those of \`reeve cluster cpu-baseline\`` : ''],
          ['software', `${facts.libvirtVersion === null ? 'no libvirt' : `libvirt ${facts.libvirtVersion}, QEMU ${facts.qemuVersion ?? 'none'}`}, Linux ${facts.kernelVersion}`],
          ['pools', facts.pools.map((pool) => `${pool.name} at ${pool.path} (${mebibytes(pool.freeMiB)} free)`).join('; ')],
          ['bridges', facts.bridges.join(', ')],
          ['pools on block storage', host.blockPools.map(({ pool, takers }) => `${pool} (${takers.length > 0 ? `seen by ${takers.join(', ')}` : 'no other host sees its device'})`).join('; ')],
          ['containers', facts.containerDaemons.map((one) => `${HYPERVISOR_NAMES[one.driver]} ${one.version}${one.isClustered ? ', in a cluster of its own kind' : ''}, ${one.address ?? 'not listening'}; pools: ${one.pools.map((pool) => `${pool.name}${pool.freeMiB === undefined ? '' : ` (${mebibytes(pool.freeMiB)} free)`}`).join(', ')}`).join('; ')],
          ['certificates', certificatesOf(facts)],
          ['certificates end', endingCertificates(facts, TOLD_BEFORE_MS).map((one) => `${describeEnding(one)}; ${endingRemedy(host.name, one)}`).join('; ')],
          ['heals itself', healers(facts).map((one) => `${describeHealer(one)}; there: ${healingRemedy(one)}`).join('; ')],
        ]
      : []),
  ];
  return `${style.bold(host.name)}\n${table(rows.filter(([, value]) => value !== ''))}`;
}

export function showWorkload(workload: WorkloadDocument, style: Style): string {
  const { needs, observed } = workload;
  const rows: (readonly string[])[] = [
    ['state', coloured(style, workload.state)],
    ['why', workload.why ?? ''],
    ['wanted', `${workload.desired}, ${workload.isProtected ? 'protected' : 'not protected'}, priority ${workload.priority}`],
    ['host', workload.host ?? 'none'],
    ['labels', describeLabels(workload.labels)],
    ['observed', observed ? `${observed.runState} (${observed.reason}) at ${clockTime(observed.atMs)}` : 'not seen'],
    ['size', `${count(needs.vcpus, 'vCPU')}, ${mebibytes(needs.memoryMiB)}`],
    ['hugepages', (needs.hugepages ?? []).map(({ sizeKiB, memoryMiB, isBeside }) => `${isBeside ? 'up to ' : ''}${mebibytes(memoryMiB)} in pages of ${sizeKiB === null ? 'the default size' : pageSizeText(sizeKiB)}${isBeside ? ', beside its memory' : ''}`).join('; ')],
    ['CPU features', (needs.cpuFeatures ?? []).join(', ')],
    ['recoverable by', workload.recoverable.summary],
    ['copied', workload.replication === null ? '' : `every ${duration(workload.replication.everyMs)}${(workload.replica?.why ?? null) === null ? '' : `; the last time failed: ${workload.replica?.why ?? ''}`}`],
    ['disks', needs.disks.map((disk) => `${disk.target} ${disk.path}${disk.pool ? ` (pool ${disk.pool})` : ''}`).join('; ')],
    ['bridges', needs.bridges.join(', ')],
    ['uuid', workload.uuid],
    ['epoch', String(workload.workloadEpoch)],
    ['locked', workload.lock ? `by ${workload.lock.by}: ${workload.lock.reason}` : ''],
    ['starts after', workload.startAfter.join(', ')],
    ['failures', workload.failures.lastAtMs === null ? '' : `${workload.failures.restarts} of ${workload.maxRestarts} restarts, ${workload.failures.relocations} of ${workload.maxRelocations} relocations`],
    ['policies', `drain ${workload.drainPolicy}${workload.movesLiveByCriu ? ' (moves live by CRIU)' : ''}, failback ${workload.failback ? 'on' : 'off'}, ${workload.maxRestarts} restarts, ${workload.maxRelocations} relocations`],
    ['under way', workload.operation ? `${workload.operation.kind} (${workload.operation.id})` : ''],
  ];
  return `${style.bold(workload.name)}\n${table(rows.filter(([, value]) => value !== ''))}`;
}

export function showOperation(operation: OperationDocument, style: Style, nowMs: number): string {
  const rows: (readonly string[])[] = [
    ['state', coloured(style, operation.state)],
    ['why', operation.why ?? ''],
    ['about', [operation.workload, operation.host, operation.target ? `→ ${operation.target}` : ''].filter(Boolean).join(' ')],
    ['reason', `${operation.reason} (${operation.requestedBy})`],
    ['proof', operation.proof ? `${operation.proof.kind}: ${operation.proof.evidence}` : ''],
    ['progress', operation.progress?.line ?? ''],
    ['tries', operation.attempts > 1 ? `${operation.attempts}: it was resumed` : ''],
    ['began', moment(operation.createdAtMs, nowMs)],
    ['cancel', operation.cancelRequested && operation.endedAtMs === null ? 'asked to end' : ''],
    ['took', operation.startedAtMs && operation.endedAtMs ? duration(operation.endedAtMs - operation.startedAtMs) : ''],
  ];
  const steps = operation.steps.map((step) => [coloured(style, step.state), step.name, step.endedAtMs === null ? '' : duration(step.endedAtMs - step.startedAtMs), step.note ?? '']);
  return `${style.bold(`${operation.kind} ${operation.id}`)}\n${table(rows.filter(([, value]) => value !== ''))}${steps.length > 0 ? `\n${style.bold('Steps')}\n${table(steps)}` : ''}`;
}

export function showExplanation(explained: Explanation, style: Style): string {
  const head = `${style.bold(explained.workload)}: on ${explained.current ?? 'no host'}; placed now it would go to ${explained.chosen ?? 'no host'}`;
  const accepted = explained.ranking.map((one) => [style.green('fits'), one.host, one.total.toFixed(1), Object.entries(one.parts).map(([name, value]) => `${name} ${value.toFixed(1)}`).join(', ')]);
  const refused = explained.refusals.map((one) => [style.red('refused'), one.host, one.code, one.why]);
  const rules = explained.rules.map((one) => ['rule', one.name, one.hard ? 'hard' : 'soft', one.says]);
  const broken = explained.broken === null ? '' : `\n${style.red('broken now')}: ${explained.broken}`;
  const legend = accepted.length > 1 ? `\n${style.dim('  the score of a host that fits is the sum of its parts; the highest is chosen, of equals the first by id')}` : '';
  return `${head}${broken}\n${table([...accepted, ...refused, ...rules])}${legend}`;
}

export function showReport(points: readonly CheckPoint[], style: Style): string {
  return table(points.map((one) => [coloured(style, one.state), one.title, one.detail + (one.remedy ? style.dim(`  → ${one.remedy}`) : '')]));
}

export function showEvent(event: ClusterEvent, style: Style, nowMs: number): string {
  const mark = event.severity === 'alert' ? style.red : event.severity === 'warning' ? style.yellow : (text: string): string => text;
  const at = moment(event.atMs, nowMs);
  return `${style.dim(at.length > 8 ? at : clockTime(event.atMs))}  ${event.type.padEnd(22)}  ${mark(event.message)}`;
}
