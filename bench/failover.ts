// Failover on real hosts, phase by phase: cut → silent → fenced → process started → guest answers. Prints percentiles; judges nothing.
// usage: npm run bench:failover [-- --trials N] [--crowd N] [--lease-only]
import { cpus, totalmem } from 'node:os';
import { startControlPlane } from '../lab/control-plane.js';
import { Lab, type LabHost } from '../lab/lab.js';
import { describe, ended, enrolAll, eventsAfter, hostsOf, isInService, lastSeq, WATCHDOG, workloadsOf, type Rig, type RigOperation } from '../lab/rig.js';
import { ensureLabPackages, whyNoLab } from '../lab/setup.js';
import { createTicker } from '../lab/story.js';
import { REPO_ROOT, startTicks, type TickLog } from '../lab/ticks.js';
import { waitUntil } from '../lab/wait-until.js';
import { DEFAULT_TIMING_SETTINGS, deriveTiming } from '../src/cluster/timing.js';

const NAMES = ['vm-1', 'vm-2', 'vm-3'];
const PHASES = ['silent', 'fenced', 'first process started', 'last process started', 'first guest answers', 'last guest answers'] as const;
type Phase = (typeof PHASES)[number];
type Trial = Readonly<Record<Phase, number>>;

/** Hosts without a fence device: the end of their lease is the proof. */
const LEASE_ONLY = process.argv.includes('--lease-only');
const derived = deriveTiming(DEFAULT_TIMING_SETTINGS);
if (!derived.ok) throw new Error(derived.error.join());
const timing = derived.value;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? fallback : Number(process.argv[at + 1]);
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${name}: a whole number`);
  return value;
}

async function main(): Promise<void> {
  const why = whyNoLab();
  if (why) throw new Error(`no lab here: ${why}`);
  const trials = option('trials', 10);
  const crowd = option('crowd', 40);
  await ensureLabPackages(say);
  const lab = await Lab.start({ name: 'rb0', hosts: 3, log: say });
  try {
    const control = await startControlPlane(lab, { repoRoot: REPO_ROOT, fresh: true, config: { placement: { memoryOvercommit: 1, cpuOvercommit: 64, reservedMemoryMiB: 256 } } });
    const ticks = await startTicks(lab.ctlNetns, REPO_ROOT);
    const rig: Rig = { lab, control, api: () => control.api() };
    await enrolAll(rig, lab.hosts, () => (LEASE_ONLY ? { fenceDevices: [WATCHDOG] } : {}));
    say(`machine: ${cpus().length} cores (${cpus()[0]?.model.trim() ?? '?'}), ${Math.round(totalmem() / 2 ** 30)} GiB; three hosts and the control plane share it, guests are emulated (TCG)`);
    if (trials > 0) await power(rig, ticks, trials);
    if (crowd > 0) await crowded(rig, crowd);
    const violations = ticks.violations();
    if (violations.length > 0) process.exitCode = 1;
    say(violations.length === 0 ? 'no second writer, no counter that went back' : `VIOLATIONS: ${violations.join('; ')}`);
    await ticks.close();
    await control.stop();
  } finally {
    await lab.down();
  }
}

async function power(rig: Rig, ticks: TickLog, trials: number): Promise<void> {
  for (const [index, name] of NAMES.entries()) await createTicker(rig, name, index + 1, { host: 'host-1' });
  const results: Trial[] = [];
  for (let trial = 1; trial <= trials; trial += 1) {
    for (const name of NAMES) await ticks.waitForTick(name, Date.now() - 500);
    const host = rig.lab.host((await workloadsOf(rig)).find((one) => one.name === 'vm-1')?.host ?? 'host-1');
    await gather(rig, host);
    const result = await cutOnce(rig, ticks, host);
    results.push(result);
    say(`trial ${String(trial).padStart(2)}: ${PHASES.map((phase) => `${phase} ${(result[phase] / 1000).toFixed(2)} s`).join(', ')}`);
    await rig.lab.powerOn(host);
    await waitUntil('all hosts online', async () => (await hostsOf(rig)).every(isInService), { timeoutMs: 60_000, describe: () => describe(rig) });
    // Lost this often, it would be quarantined.
    await rig.api().post(`/hosts/${host.name}/release`).catch(() => undefined);
  }
  report(`power cut of a host with ${NAMES.length} VMs, ${LEASE_ONLY ? `no fence device (bounded by: detection ${timing.silentMs} ms + take-over ${timing.takeOverMs} ms, beside exchanges and starts)` : 'IPMI fencing'}, default settings, ${trials} trials`, results);
}

/** All three onto one host, live, so that each trial loses the same number. */
async function gather(rig: Rig, host: LabHost): Promise<void> {
  for (const one of await workloadsOf(rig)) {
    if (!NAMES.includes(one.name) || one.host === host.name) continue;
    const answer = await rig.api().post<{ operationIds: string[] }>(`/workloads/${one.name}/migrate`, { to: host.name });
    await ended(rig, answer.operationIds[0] ?? '');
  }
}

async function cutOnce(rig: Rig, ticks: TickLog, host: LabHost): Promise<Trial> {
  const seq = await lastSeq(rig);
  const cutAt = Date.now();
  await rig.lab.powerCut(host);
  const goneAt = Date.now();
  const answers = await Promise.all(NAMES.map((name) => ticks.waitForTick(name, goneAt, { timeoutMs: 90_000 })));
  await recovered(rig, NAMES, host);
  const started = await startTimes(rig, NAMES.length);
  const at = await eventTimes(rig, seq);
  for (const name of NAMES) if (ticks.boots(name, goneAt).length !== 1) throw new Error(`${name} was started ${ticks.boots(name, goneAt).length} times`);
  return {
    silent: at('host.silent') - cutAt,
    fenced: at('host.fenced') - cutAt,
    'first process started': Math.min(...started) - cutAt,
    'last process started': Math.max(...started) - cutAt,
    'first guest answers': Math.min(...answers.map((tick) => tick.atMs)) - cutAt,
    'last guest answers': Math.max(...answers.map((tick) => tick.atMs)) - cutAt,
  };
}

async function recovered(rig: Rig, names: readonly string[], host: LabHost): Promise<void> {
  await waitUntil('recovery', async () => {
    const now = await workloadsOf(rig);
    return names.every((name) => now.some((one) => one.name === name && one.state === 'running' && one.host !== host.name));
  }, { timeoutMs: 180_000, describe: () => describe(rig) });
}

/** The end of the start command: QEMU's process runs. */
async function startTimes(rig: Rig, count: number): Promise<readonly number[]> {
  const { items } = await rig.api().get<{ items: readonly RigOperation[] }>(`/operations?kind=recover&limit=${count}`);
  return items.map((operation) => operation.steps.find((step) => step.name === 'start')?.endedAtMs ?? Number.NaN);
}

async function eventTimes(rig: Rig, seq: number): Promise<(type: string) => number> {
  const events = await eventsAfter(rig, seq);
  return (type) => events.find((event) => event.type === type)?.atMs ?? Number.NaN;
}

const CREATED_AT_ONCE = 8;

async function createBios(rig: Rig, name: string, host: LabHost): Promise<void> {
  const spec = { name, vcpus: 1, memoryMiB: 16, machine: 'pc', cpuModel: 'qemu64', disks: [{ pool: 'shared', sizeMiB: 1, format: 'raw' }] };
  const answer = await rig.api().post<{ operationIds: string[] }>('/workloads', { spec, host: host.name, isProtected: true });
  await ended(rig, answer.operationIds[0] ?? '', 'succeeded', 180_000);
}

/** Many BIOS-only guests on the dead host: what does each further workload cost? */
async function crowded(rig: Rig, count: number): Promise<void> {
  const host = rig.lab.host('host-3');
  const names = Array.from({ length: count }, (_, index) => `bios-${index + 1}`);
  // A few at a time: making them is not what is measured, and all at once would keep this machine from answering.
  for (let at = 0; at < names.length; at += CREATED_AT_ONCE) await Promise.all(names.slice(at, at + CREATED_AT_ONCE).map((name) => createBios(rig, name, host)));
  const cutAt = Date.now();
  await rig.lab.powerCut(host);
  await recovered(rig, names, host);
  const started = [...(await startTimes(rig, count))].sort((one, other) => one - other).map((at) => at - cutAt);
  const [first = Number.NaN, last = Number.NaN] = [started[0], started.at(-1)];
  say(`power cut of a host with ${count} BIOS-only guests: first process started ${(first / 1000).toFixed(2)} s, last ${(last / 1000).toFixed(2)} s after the cut; ${Math.round((last - first) / Math.max(1, count - 1))} ms per further workload`);
}

function report(title: string, results: readonly Trial[]): void {
  say(`\n${title}`);
  say(`  ${'phase'.padEnd(24)}${'p50'.padStart(8)}${'p95'.padStart(8)}${'max'.padStart(8)}   seconds after the cut`);
  for (const phase of PHASES) {
    const sorted = results.map((result) => result[phase]).sort((one, other) => one - other);
    const at = (share: number): string => ((sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN) / 1000).toFixed(2).padStart(8);
    say(`  ${phase.padEnd(24)}${at(0.5)}${at(0.95)}${at(1)}`);
  }
}

await main();
