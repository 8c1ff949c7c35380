// Containers on real LXD, or Incus: the gap of a relocation, what the refresh of a replica costs, and recovery from one. Prints percentiles; judges nothing.
// usage: npm run bench:containers [-- --trials N] [--cuts N] [--incus]
import { cpus, totalmem } from 'node:os';
import { createContainer, destroyAllContainers } from '../lab/containers.js';
import { startControlPlane } from '../lab/control-plane.js';
import type { InstanceDaemon } from '../lab/daemons.js';
import { Lab, type LabHost } from '../lab/lab.js';
import { describe, ended, enrolAll, hostsOf, isInService, workloadNamed, type Rig, type RigOperation } from '../lab/rig.js';
import { ensureIncus, ensureLabPackages, whyNoContainers, whyNoLab } from '../lab/setup.js';
import { REPO_ROOT, startTicks, type TickLog } from '../lab/ticks.js';
import { waitUntil } from '../lab/wait-until.js';

const NAME = 'ct-1';
const EVERY_S = 10;
const DAEMON: InstanceDaemon = process.argv.includes('--incus') ? 'incus' : 'lxd';
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? fallback : Number(process.argv[at + 1]);
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${name}: a whole number`);
  return value;
}

async function main(): Promise<void> {
  const why = whyNoLab() ?? whyNoContainers();
  if (why) throw new Error(`no lab with containers here: ${why}`);
  await ensureLabPackages(say);
  const noIncus = DAEMON === 'incus' ? await ensureIncus(say) : null;
  if (noIncus) throw new Error(noIncus);
  const lab = await Lab.start({ name: 'rb1', hosts: 3, lxd: DAEMON === 'lxd', incus: DAEMON === 'incus', log: say });
  try {
    const control = await startControlPlane(lab, { repoRoot: REPO_ROOT, fresh: true });
    const ticks = await startTicks(lab.ctlNetns, REPO_ROOT);
    const rig: Rig = { lab, control, api: () => control.api() };
    await enrolAll(rig);
    say(`machine: ${cpus().length} cores (${cpus()[0]?.model.trim() ?? '?'}), ${Math.round(totalmem() / 2 ** 30)} GiB; three hosts and the control plane share it; a container of 1.5 MB on pools of type dir`);
    await relocations(rig, ticks, option('trials', 10));
    await recoveries(rig, ticks, option('cuts', 5));
    await ticks.close();
    await control.stop();
  } finally {
    await lab.down();
  }
}

async function adopt(rig: Rig, ticks: TickLog, host: LabHost): Promise<void> {
  await createContainer(rig.lab, host, { name: NAME, index: 11, daemon: DAEMON, memoryMiB: 64, config: ['limits.cpu=1'] });
  await ticks.waitForTick(NAME, Date.now());
  await rig.api().post('/workloads/adopt', { host: host.name, name: NAME, isProtected: true });
  await waitUntil('the lease', async () => (await rig.api().get<{ leasedOn: string | null }>(`/workloads/${NAME}`)).leasedOn !== null, { describe: () => describe(rig) });
}

async function forget(rig: Rig, ticks: TickLog): Promise<void> {
  await rig.api().delete(`/workloads/${NAME}?forget=true`);
  await destroyAllContainers(rig.lab);
  ticks.forget();
}

async function relocations(rig: Rig, ticks: TickLog, trials: number): Promise<void> {
  if (trials === 0) return;
  await adopt(rig, ticks, rig.lab.host('host-1'));
  const [gaps, wholes]: [number[], number[]] = [[], []];
  for (let trial = 0; trial < trials; trial += 1) {
    await ticks.waitForTick(NAME, Date.now());
    const began = Date.now();
    const answer = await rig.api().post<{ operationIds: string[] }>(`/workloads/${NAME}/relocate`, { to: trial % 2 === 0 ? 'host-2' : 'host-1' });
    await ended(rig, answer.operationIds[0] ?? '');
    await ticks.waitForTick(NAME, Date.now());
    wholes.push(Date.now() - began);
    gaps.push(ticks.downtimeMs(NAME, began));
  }
  report(`relocation, ${trials} trials`, [['without ticks', gaps], ['in all', wholes]]);
  await copies(rig, ticks, trials);
  const violations = ticks.violations();
  if (violations.length > 0) process.exitCode = 1;
  say(violations.length === 0 ? 'no second writer, nothing lost that was told of' : `VIOLATIONS: ${violations.join('; ')}`);
  await forget(rig, ticks);
}

async function copies(rig: Rig, ticks: TickLog, trials: number): Promise<void> {
  const began = Date.now();
  await rig.api().put(`/workloads/${NAME}/policies`, { replicateEveryS: EVERY_S });
  const done = async (): Promise<readonly RigOperation[]> => (await rig.api().get<{ items: readonly RigOperation[] }>(`/operations?kind=replicate&limit=${trials + 1}`)).items.filter((one) => one.state === 'succeeded');
  await waitUntil('the copies', async () => (await done()).length >= Math.min(trials, 5) + 1, { timeoutMs: 300_000, describe: () => describe(rig) });
  const took = (await done()).map((one) => (one.endedAtMs ?? Number.NaN) - (one.startedAtMs ?? Number.NaN)).reverse();
  report(`copies for a replica, one every ${EVERY_S} s`, [['the first', took.slice(0, 1)], ['each later one', took.slice(1)]]);
  say(`  the longest pause of the container meanwhile: ${Math.round(ticks.downtimeMs(NAME, began))} ms`);
}

async function recoveries(rig: Rig, ticks: TickLog, cuts: number): Promise<void> {
  const [runs, answers]: [number[], number[]] = [[], []];
  for (let cut = 0; cut < cuts; cut += 1) {
    await adopt(rig, ticks, rig.lab.host('host-1'));
    await rig.api().put(`/workloads/${NAME}/policies`, { replicateEveryS: EVERY_S });
    await waitUntil('a copy', async () => (await rig.api().get<{ recoverable: { by: string } }>(`/workloads/${NAME}`)).recoverable.by === 'replica', { timeoutMs: 60_000, describe: () => describe(rig) });
    const cutAt = Date.now();
    await rig.lab.powerCut(rig.lab.host('host-1'));
    const goneAt = Date.now();
    await waitUntil('recovery', async () => {
      const now = await workloadNamed(rig, NAME);
      return now.state === 'running' && now.host !== 'host-1';
    }, { timeoutMs: 60_000, everyMs: 50, describe: () => describe(rig) });
    runs.push(Date.now() - cutAt);
    answers.push((await ticks.waitForTick(NAME, goneAt)).atMs - cutAt);
    await rig.lab.powerOn(rig.lab.host('host-1'));
    await rig.lab.waitDaemons([rig.lab.host('host-1')]);
    await waitUntil('all hosts online', async () => (await hostsOf(rig)).every(isInService), { timeoutMs: 60_000, describe: () => describe(rig) });
    await rig.api().post('/hosts/host-1/release').catch(() => undefined);
    await forget(rig, ticks);
  }
  if (cuts > 0) report(`power cut of the host of a container with a replica, IPMI, ${cuts} trials: seconds after the cut`, [['it runs', runs], ['it answers', answers]]);
}

function report(title: string, rows: readonly (readonly [string, readonly number[]])[]): void {
  say(`\n${title}`);
  for (const [name, values] of rows) {
    const sorted = [...values].sort((one, other) => one - other);
    const at = (share: number): string => ((sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN) / 1000).toFixed(2).padStart(8);
    say(`  ${name.padEnd(24)}p50 ${at(0.5)} s  p95 ${at(0.95)} s  max ${at(1)} s`);
  }
}

await main();
