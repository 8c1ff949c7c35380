// The main job, played on real hosts with a live timeline: place, migrate, drain, undrain, power cut, fence, recover.
import { createContainer, destroyAllContainers } from './containers.js';
import { allRunning, ended, enrolAll, eventsAfter, hostsOf, isInService, lastSeq, workloadNamed, workloadsOf, type Rig } from './rig.js';
import { guestCommandLine } from './guest.js';
import type { TickLog } from './ticks.js';
import { waitUntil } from './wait-until.js';

type Say = (line: string) => void;

export interface StoryInput {
  readonly rig: Rig;
  readonly ticks: TickLog;
  readonly say: Say;
}

export const STORY_WORKLOADS = ['vm-1', 'vm-2', 'vm-3'] as const;

/** Each part throws when what it promises did not happen. */
export async function playStory({ rig, ticks, say }: StoryInput): Promise<void> {
  await enrol(rig, say);
  await place(rig, ticks, say);
  await migrate(rig, ticks, say);
  await drainAndBack(rig, ticks, say);
  if (rig.lab.hasLxd) await moveContainer(rig, ticks, say);
  await powerCut(rig, ticks, say);
  const violations = ticks.violations();
  if (violations.length > 0) throw new Error(`the guests saw what must never be: ${violations.join('; ')}`);
  say('the guests saw no second writer, no corrupt memory, no counter that went back');
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

async function enrol(rig: Rig, say: Say): Promise<void> {
  const began = performance.now();
  await enrolAll(rig);
  say(`enrolled ${(await hostsOf(rig)).map((host) => host.name).join(', ')} in ${seconds(performance.now() - began)}`);
}

/** Creates a VM that ticks; index 1 … gives its address. */
export async function createTicker(rig: Rig, name: string, index: number, options: { readonly host?: string; readonly isProtected?: boolean; readonly priority?: number; readonly more?: string; readonly bridge?: string } = {}): Promise<void> {
  const answer = await rig.api().post('/workloads', {
    host: options.host ?? null,
    isProtected: options.isProtected ?? true,
    priority: options.priority ?? 0,
    spec: {
      name, vcpus: 1, memoryMiB: 96, machine: 'pc', cpuModel: 'qemu64', disks: [{ pool: 'shared', sizeMiB: 8, format: 'raw' }], network: [{ bridge: options.bridge ?? 'br0' }],
      kernel: '/srv/shared/boot/vmlinux', initrd: '/srv/shared/boot/initrd.cpio', commandLine: guestCommandLine(name, index, options.more),
    },
  });
  await ended(rig, String((answer['operationIds'] as readonly string[])[0]));
}

async function place(rig: Rig, ticks: TickLog, say: Say): Promise<void> {
  for (const [index, name] of STORY_WORKLOADS.entries()) await createTicker(rig, name, index + 1);
  for (const name of STORY_WORKLOADS) await ticks.waitForTick(name, 0);
  for (const one of await workloadsOf(rig)) say(`placed ${one.name} on ${one.host ?? '?'}; it ticks`);
}

async function migrate(rig: Rig, ticks: TickLog, say: Say): Promise<void> {
  const before = await workloadNamed(rig, 'vm-1');
  const began = Date.now();
  const answer = await rig.api().post('/workloads/vm-1/migrate', {});
  const operation = await ended(rig, String((answer['operationIds'] as readonly string[])[0]));
  const after = await workloadNamed(rig, 'vm-1');
  await ticks.waitForTick('vm-1', Date.now());
  say(`moved vm-1 live from ${before.host ?? '?'} to ${after.host ?? '?'} in ${seconds(Date.now() - began)}; downtime ${operation.memo['downtimeMs'] ?? '?'} ms by libvirt, ${Math.round(ticks.downtimeMs('vm-1', began))} ms as seen from outside`);
  notRestarted(ticks, 'vm-1');
}

function notRestarted(ticks: TickLog, name: string, since = 0): void {
  const boots = ticks.boots(name, since);
  if (boots.length > 1) throw new Error(`${name} was restarted: boots ${boots.join(', ')}`);
}

async function drainAndBack(rig: Rig, ticks: TickLog, say: Say): Promise<void> {
  const host = (await workloadNamed(rig, 'vm-1')).host ?? '';
  const there = (await workloadsOf(rig)).filter((one) => one.host === host).map((one) => one.name);
  const began = Date.now();
  const answer = await rig.api().post(`/hosts/${host}/drain`);
  await ended(rig, String((answer['operationIds'] as readonly string[])[0]));
  const took = Date.now() - began;
  for (const name of there) {
    await ticks.waitForTick(name, Date.now());
    notRestarted(ticks, name);
    say(`drain: ${name} is on ${(await workloadNamed(rig, name)).host ?? '?'}, not restarted, ${Math.round(ticks.downtimeMs(name, began))} ms without ticks`);
  }
  say(`drained ${host} (${there.join(', ')}) in ${seconds(took)}`);
  await rig.api().post(`/hosts/${host}/undrain`);
  await waitUntil(`${host} in service`, async () => (await hostsOf(rig)).some((one) => one.name === host && isInService(one)));
  say(`${host} is in service again`);
}

const CONTAINER = { name: 'ct-1', index: 20, memoryMiB: 64 };

/** Made with LXD by hand, adopted, relocated while it writes, and copied; then it is taken away again. */
async function moveContainer(rig: Rig, ticks: TickLog, say: Say): Promise<void> {
  const { name } = CONTAINER;
  const [from, to] = [rig.lab.host('host-1'), rig.lab.host('host-2')];
  await createContainer(rig.lab, from, { ...CONTAINER, config: ['limits.cpu=1'] });
  await ticks.waitForTick(name, 0);
  await rig.api().post('/workloads/adopt', { host: from.name, name, isProtected: true });
  say(`adopted the LXD container ${name} on ${from.name}; it ticks`);
  await waitUntil(`${name} under its host's lease`, async () => (await rig.api().get<{ leasedOn: string | null }>(`/workloads/${name}`)).leasedOn !== null);
  const began = Date.now();
  const answer = await rig.api().post(`/workloads/${name}/relocate`, { to: to.name });
  await ended(rig, String((answer['operationIds'] as readonly string[])[0]));
  await ticks.waitForTick(name, Date.now());
  say(`relocated ${name} from ${from.name} to ${to.name} in ${seconds(Date.now() - began)}: copied while it ran, stopped, copied once more, started; ${Math.round(ticks.downtimeMs(name, began))} ms without ticks, nothing that it had told of is lost`);
  await rig.api().put(`/workloads/${name}/policies`, { replicateEveryS: 60 });
  const recoverable = async (): Promise<{ readonly by: string; readonly summary: string }> => (await rig.api().get<{ recoverable: { by: string; summary: string } }>(`/workloads/${name}`)).recoverable;
  await waitUntil(`a copy of ${name}`, async () => (await recoverable()).by === 'replica', { timeoutMs: 60_000 });
  say(`should ${to.name} be lost, ${name} is recoverable by: ${(await recoverable()).summary}`);
  await rig.api().delete(`/workloads/${name}?forget=true`);
  await destroyAllContainers(rig.lab);
  say(`took ${name} away again`);
}

async function powerCut(rig: Rig, ticks: TickLog, say: Say): Promise<void> {
  const workloads = await workloadsOf(rig);
  const crowded = [...(await hostsOf(rig))].sort((one, other) => countOn(workloads, other.name) - countOn(workloads, one.name))[0];
  const host = rig.lab.host(crowded?.name ?? 'host-1');
  const lost = workloads.filter((one) => one.host === host.name).map((one) => one.name);
  const boots = new Map(lost.map((name) => [name, ticks.boots(name).at(-1) ?? '']));
  const seq = await lastSeq(rig);
  say(`cutting the power of ${host.name}, which runs ${lost.join(', ')}`);
  const cutAt = Date.now();
  await rig.lab.powerCut(host);
  const goneAt = Date.now();
  const told = new Set<number>();
  const tellNew = async (): Promise<void> => {
    for (const event of await eventsAfter(rig, seq)) {
      if (told.has(event.seq) || !/^(host\.(silent|fencing|fenced)|workload\.(recovering|recovered))$/.test(event.type)) continue;
      told.add(event.seq);
      say(`  +${seconds(event.atMs - cutAt).padStart(6)}  ${event.message}`);
    }
  };
  const answers = Promise.all(lost.map(async (name) => say(`  +${seconds((await ticks.waitForTick(name, cutAt, { notBoot: boots.get(name) ?? '' })).atMs - cutAt).padStart(6)}  ${name} answers again`)));
  await waitUntil('recovery', async () => {
    await tellNew();
    const now = await workloadsOf(rig);
    return lost.every((name) => now.some((one) => one.name === name && one.state === 'running' && one.host !== host.name));
  }, { timeoutMs: 60_000, everyMs: 100 });
  await tellNew();
  await answers;
  await allRunning(rig, STORY_WORKLOADS);
  for (const name of lost) if (ticks.boots(name, goneAt).length !== 1) throw new Error(`${name} was started ${ticks.boots(name, goneAt).length} times`);
  say('all workloads run, each exactly once');
}

const countOn = (workloads: readonly { readonly host: string | null }[], host: string): number => workloads.filter((one) => one.host === host).length;
