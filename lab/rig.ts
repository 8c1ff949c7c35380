// The rig: a lab with a control plane in it, and the verbs that the story, the e2e tests and the benches share.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ApiClient, Json } from './client.js';
import type { ControlPlane } from './control-plane.js';
import type { Lab, LabHost } from './lab.js';
import { waitUntil } from './wait-until.js';

const run = promisify(execFile);

export interface RigEvent {
  readonly seq: number;
  readonly atMs: number;
  readonly type: string;
  readonly host: string | null;
  readonly workload: string | null;
  readonly operationId: string | null;
  readonly message: string;
  readonly data: Json;
}

export interface RigWorkload {
  readonly name: string;
  readonly state: string;
  readonly host: string | null;
  readonly isProtected: boolean;
  readonly why: string | null;
  readonly uuid: string;
}

export interface RigHost {
  readonly name: string;
  readonly state: string;
  readonly condition: string;
  readonly why: string | null;
  /** The boot that was admitted; a host that was reset, but is not missed yet, still shows the one before. */
  readonly bootId: string | null;
  readonly heard: { readonly lease: { readonly held: boolean } | null } | null;
}

export interface RigOperation {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly why: string | null;
  readonly steps: readonly { readonly name: string; readonly state: string; readonly startedAtMs: number; readonly endedAtMs: number | null; readonly note: string | null }[];
  readonly memo: Json;
  readonly proof: { readonly kind: string; readonly evidence: string } | null;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly attempts: number;
  readonly workload?: string | null;
}

export interface Rig {
  readonly lab: Lab;
  readonly control: ControlPlane;
  readonly api: () => ApiClient;
}

/** Reads the host's SSH key as its administrator would give it. */
export async function hostKeyOf(lab: Lab, host: LabHost): Promise<string> {
  const { stdout } = await run('ip', ['netns', 'exec', lab.ctlNetns, 'ssh-keyscan', '-T', '5', '-t', 'ed25519', host.address], { timeout: 15_000 });
  const line = stdout.split('\n').find((one) => one !== '' && !one.startsWith('#'));
  if (!line) throw new Error(`${host.name} shows no host key`);
  return line.split(/\s+/).slice(1, 3).join(' ');
}

/** Its lease with the watchdog behind it: what every host has, unless a test wants it otherwise. */
export const WATCHDOG = { kind: 'watchdog', options: {} };

export function bmcOf({ bmc }: LabHost): { readonly kind: string; readonly options: Readonly<Record<string, string>> } {
  return { kind: 'ipmi', options: { address: bmc.address, port: String(bmc.port), user: bmc.user, password: bmc.password } };
}

export async function addHost(rig: Rig, host: LabHost, more: Json = {}): Promise<string> {
  const answer = await rig.api().post('/hosts', {
    name: host.name,
    address: host.address,
    links: host.links,
    ssh: { user: 'root', port: 22, hostKey: await hostKeyOf(rig.lab, host) },
    fenceDevices: [bmcOf(host), WATCHDOG],
    ...more,
  });
  return String(answer['operationId']);
}

export async function enrolAll(rig: Rig, hosts: readonly LabHost[] = rig.lab.hosts, more: (host: LabHost) => Json = () => ({})): Promise<void> {
  // One after the other: each new host is checked against those before it.
  for (const host of hosts) await ended(rig, await addHost(rig, host, more(host)));
  await waitUntil('all hosts online', async () => (await hostsOf(rig)).every(isInService), { timeoutMs: 30_000, describe: () => describe(rig) });
}

/** Waits for an operation to end; throws with its steps when it did not succeed. */
export async function ended(rig: Rig, id: string, expected = 'succeeded', timeoutMs = 90_000): Promise<RigOperation> {
  const operation = await waitUntil(
    `operation ${id} to end`,
    async () => {
      const one = await rig.api().get<RigOperation>(`/operations/${id}`);
      return one.state === 'pending' || one.state === 'running' ? null : one;
    },
    { timeoutMs, describe: () => describe(rig) },
  );
  if (operation.state !== expected) {
    const steps = operation.steps.map((step) => `  ${step.name}: ${step.state}${step.note ? ` (${step.note})` : ''}`).join('\n');
    throw new Error(`${operation.kind} ${operation.state}, expected ${expected}: ${operation.why ?? ''}\n${steps}`);
  }
  return operation;
}

/** Online, and given the lease under which protected workloads run: a host just back has none for a moment. */
export const isInService = (host: RigHost): boolean => host.state === 'online' && host.heard?.lease?.held !== false;

/** In service with the boot that it runs now. Right after a power cut and a start the control plane may not have missed it yet: it shows it online, and takes it as lost a moment later. */
export async function allInServiceSinceBoot(rig: Rig): Promise<boolean> {
  const seen = await hostsOf(rig);
  const checks = rig.lab.hosts.map(async (host) => {
    const known = seen.find((one) => one.name === host.name);
    return known === undefined || (isInService(known) && known.bootId === (await rig.lab.bootIdOf(host)));
  });
  return (await Promise.all(checks)).every(Boolean);
}

export async function hostsOf(rig: Rig): Promise<readonly RigHost[]> {
  return (await rig.api().get<{ items: readonly RigHost[] }>('/hosts?limit=100')).items;
}

export async function workloadsOf(rig: Rig): Promise<readonly RigWorkload[]> {
  return (await rig.api().get<{ items: readonly RigWorkload[] }>('/workloads?limit=500')).items;
}

export async function workloadNamed(rig: Rig, name: string): Promise<RigWorkload> {
  return rig.api().get<RigWorkload>(`/workloads/${name}`);
}

/** All events after a sequence number, oldest first. */
export async function eventsAfter(rig: Rig, after: number): Promise<readonly RigEvent[]> {
  const found: RigEvent[] = [];
  for (let seq = after; ; ) {
    const { items } = await rig.api().get<{ items: readonly RigEvent[] }>(`/events?after=${seq}&limit=200`);
    found.push(...items);
    const last = items.at(-1);
    if (!last || items.length < 200) return found;
    seq = last.seq;
  }
}

export async function lastSeq(rig: Rig): Promise<number> {
  const { items } = await rig.api().get<{ items: readonly RigEvent[] }>('/events?limit=1');
  return items.at(-1)?.seq ?? 0;
}

export async function allRunning(rig: Rig, names: readonly string[], timeoutMs = 60_000): Promise<void> {
  await waitUntil(`${names.join(', ')} to run`, async () => {
    const now = await workloadsOf(rig);
    return names.every((name) => now.find((one) => one.name === name)?.state === 'running');
  }, { timeoutMs, describe: () => describe(rig) });
}

/** What a person would look at when a wait fails. */
export async function describe(rig: Rig): Promise<string> {
  const [hosts, workloads, events] = await Promise.all([hostsOf(rig), workloadsOf(rig), rig.api().get<{ items: readonly RigEvent[] }>('/events?limit=200')]);
  // A machine with its processors full says so twice a second.
  const told = events.items.filter(({ message }) => !message.includes('own-stall')).slice(-40);
  return [
    ...hosts.map((host) => `host ${host.name}: ${host.state}${host.why ? ` (${host.why})` : ''}`),
    ...workloads.map((one) => `workload ${one.name}: ${one.state} on ${one.host ?? '-'}${one.why ? ` (${one.why})` : ''}`),
    ...told.map((one) => `event ${new Date(one.atMs).toISOString().slice(11, 23)} ${one.type}: ${one.message}`),
  ].join('\n');
}
