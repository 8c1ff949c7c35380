// The fixture of the e2e tests: a lab of its own, a control plane in it, and what every test must end with.
import { spawn, type ChildProcess } from 'node:child_process';
import { expect } from 'vitest';
import { startControlPlane, type ControlPlaneOptions } from '../../lab/control-plane.js';
import type { Json } from '../../lab/client.js';
import { reviveDaemons } from '../../lab/containers.js';
import { Lab, type LabHost, type LabOptions } from '../../lab/lab.js';
import { allInServiceSinceBoot, describe as describeRig, enrolAll, workloadsOf, type Rig } from '../../lab/rig.js';
import { REPO_ROOT, startTicks, type TickLog } from '../../lab/ticks.js';
import { waitUntil } from '../../lab/wait-until.js';

export interface E2eRig extends Rig {
  readonly ticks: TickLog;
  close(): Promise<void>;
}

/** A Redis of the test's own inside the control namespace, durable as docker-compose.yml has it. */
export interface LabRedis {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startRedis(lab: Lab): Promise<LabRedis> {
  const args = ['netns', 'exec', lab.ctlNetns, 'redis-server', '--port', '6379', '--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes', '--dir', lab.stateDir, '--maxmemory-policy', 'noeviction'];
  const server: ChildProcess = spawn('ip', args, { stdio: 'ignore' });
  await waitUntil('Redis', async () => (await lab.execCtl(['redis-cli', 'ping'], { okCodes: 'any' })).stdout.trim() === 'PONG');
  const stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    await ended;
  };
  return { url: 'redis://127.0.0.1:6379', stop };
}

export interface E2eOptions extends Partial<ControlPlaneOptions> {
  readonly withRedis?: boolean;
  /** Beside LXD and libvirt, or without the latter. */
  readonly kinds?: Pick<LabOptions, 'incus' | 'withoutLibvirt'>;
  /** Default: its BMC, and its lease with the watchdog. */
  readonly fences?: (host: LabHost) => readonly Json[];
  /** How the hosts' daemons for containers stand to each other. Default: each by itself. */
  readonly daemons?: 'alone' | 'clustered';
  /** Done to the hosts before they are enrolled. */
  readonly prepare?: (lab: Lab) => Promise<void>;
}

/** Each test file has a lab of its own name: a crashed run is cleaned up by the next. */
export async function startE2eRig(name: string, hosts: number, { withRedis, kinds, fences, prepare, daemons = 'alone', ...options }: E2eOptions = {}): Promise<E2eRig> {
  const lab = await Lab.start({ name, hosts, daemons, ...kinds });
  try {
    await prepare?.(lab);
    const redis = withRedis ? await startRedis(lab) : null;
    const control = await startControlPlane(lab, { repoRoot: REPO_ROOT, fresh: true, redisUrl: redis?.url ?? null, ...options });
    const ticks = await startTicks(lab.ctlNetns, REPO_ROOT);
    const rig: Rig = { lab, control, api: () => control.api() };
    const close = async (): Promise<void> => {
      await ticks.close();
      await control.stop();
      await redis?.stop();
      await lab.down();
    };
    await enrolAll(rig, lab.hosts, (host) => (fences ? { fenceDevices: fences(host) } : {}));
    return { ...rig, ticks, close };
  } catch (error) {
    await lab.down();
    throw error;
  }
}

/** Every test ends with this: no second writer, no corrupt memory, no counter that went back, each workload on exactly one host. */
export async function expectHealthyEnd(rig: E2eRig): Promise<void> {
  expect(rig.ticks.violations()).toEqual([]);
  const running = new Map<string, string[]>();
  for (const host of rig.lab.hosts) for (const name of await rig.lab.runningOn(host)) running.set(name, [...(running.get(name) ?? []), host.name]);
  for (const workload of await workloadsOf(rig)) {
    if (workload.state === 'running') expect({ [workload.name]: running.get(workload.name) }).toEqual({ [workload.name]: [workload.host] });
  }
}

/** What a test broke is not left to the next one, also when it did not end well. */
export async function endHealthy(rig: E2eRig): Promise<void> {
  try {
    await expectHealthyEnd(rig);
  } finally {
    await resetRig(rig);
  }
}

/** Brings every host back, and takes every workload away: the next test begins on clean hosts. */
export async function resetRig(rig: E2eRig): Promise<void> {
  await rig.lab.mend();
  for (const host of rig.lab.hosts) {
    await rig.lab.unhang(host);
    if ((await rig.lab.powerState(host)) === 'off') await rig.lab.powerOn(host);
    await rig.lab.reconnect(host);
    await reviveDaemons(rig.lab, host);
    await rig.lab.bmc(host, 'ok');
    await rig.api().post(`/hosts/${host.name}/undrain`).catch(() => undefined);
    // Lost again and again by tests, a host would be quarantined: rightly, and not what the next test is about.
    await rig.api().post(`/hosts/${host.name}/release`).catch(() => undefined);
  }
  await waitUntil('all hosts online again', () => allInServiceSinceBoot(rig), { timeoutMs: 60_000, describe: () => describeRig(rig) });
  for (const host of rig.lab.hosts) await rig.api().post(`/hosts/${host.name}/release`).catch(() => undefined);
  await waitUntil('no operation under way', async () => (await rig.api().get<{ items: readonly unknown[] }>('/operations?state=pending,running')).items.length === 0, { timeoutMs: 60_000, describe: () => describeRig(rig) });
  for (const workload of await workloadsOf(rig)) await rig.api().delete(`/workloads/${workload.name}?forget=true`);
  await rig.lab.destroyAllGuests();
  rig.ticks.forget();
}
