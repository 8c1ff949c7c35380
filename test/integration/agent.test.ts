// Real agents as processes and a real witness on loopback: power cuts, freezes, restarts, forgeries.
import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { promiseFile } from '../../src/agent/proc/promise-file.js';
import { askStatus } from '../../src/agent/proc/run-files.js';
import type { AgentStatus } from '../../src/agent/agent.js';
import { openUdp } from '../../src/agent/udp/heartbeat-endpoint.js';
import { Witness } from '../../src/agent/witness.js';
import { deriveTiming, type Timing } from '../../src/cluster/timing.js';
import type { ClusterVerdict, HostVerdict } from '../../src/cluster/verdict.js';
import type { AgentConfig, AgentMember } from '../../src/hosts/host-agent.js';
import type { Host } from '../../src/hosts/host.js';
import { systemClock, systemTimers } from '../../src/shared/system/system-clock.js';
import { aHost } from '../fixtures/cluster.js';

const HEARTBEAT_MS = 100;
/** Wide enough that a busy machine does not starve a healthy agent for a whole window. */
const SILENT_MS = 1_500;
/** Where an agent is restarted and must be back within the window, however slowly Node starts. */
const WIDE_SILENT_MS = 5_000;
const WATCHDOG_MS = 6_000;
const CLUSTER_ID = 'cluster-under-test';
const NAMES = ['a', 'b', 'c'] as const;
type Name = (typeof NAMES)[number];

const root = new URL('../..', import.meta.url).pathname;
const dirs: string[] = [];
let bundle: string;

function timing(silentMs: number): Timing {
  const derived = deriveTiming({ heartbeatMs: HEARTBEAT_MS, silentMs, watchdogMs: WATCHDOG_MS });
  if (!derived.ok) throw new Error(derived.error.join());
  return derived.value;
}

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'reeve-agent-'));
  dirs.push(dir);
  return dir;
}

/** The same bundle as is shipped, made of what is in the tree now. */
async function agentBundle(): Promise<string> {
  const outfile = join(await tempDir(), 'agent.cjs');
  await build({ entryPoints: [join(root, 'src/agent/main.ts')], outfile, bundle: true, platform: 'node', target: 'node18', format: 'cjs', logLevel: 'error' });
  return outfile;
}

async function waitUntil(what: string, isSo: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (performance.now() < endMs) {
    if (await isSo()) return;
    await pause(25);
  }
  throw new Error(`waited ${timeoutMs} ms for ${what}`);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Three agents and a witness; each cluster has its own ports, so that one test cannot hear another. */
class TestCluster {
  readonly bootIds = new Map<Name, string>();
  readonly processes = new Map<Name, ChildProcess>();
  readonly logs = new Map<Name | 'leave', string>();
  readonly everSilent = new Set<string>();
  readonly keys = new Map<string, string>(['a', 'b', 'c', 'w'].map((id, at) => [id, `${at + 1}${at + 1}`.repeat(32)]));
  static count = 0;
  readonly port = 20_000 + (process.pid % 2_000) * 16 + (TestCluster.count++ % 16);
  readonly witness: Witness;

  private constructor(
    readonly dir: string,
    readonly silentMs: number,
  ) {
    this.witness = new Witness(
      { clusterId: CLUSTER_ID, id: 'w', keyHex: this.#key('w'), bootId: '00000000-0000-4000-8000-0000000000ff', startStamp: Date.now(), listen: this.addresses('w'), timing: timing(silentMs) },
      { clock: systemClock, timers: systemTimers, openTransport: openUdp, promises: promiseFile(join(dir, 'w', 'promises.json')), log: () => undefined },
    );
    this.witness.onVerdictChange((verdict) => {
      for (const host of verdict.hosts) if (host.hearing === 'silent') this.everSilent.add(host.hostId);
    });
  }

  static async make(silentMs = SILENT_MS): Promise<TestCluster> {
    return new TestCluster(await tempDir(), silentMs);
  }

  #key(id: string): string {
    return this.keys.get(id) ?? '';
  }

  /** Two links: 127.0.1.x and 127.0.2.x. */
  addresses(id: string): readonly { address: string; port: number }[] {
    const last = ['a', 'b', 'c', 'w'].indexOf(id) + 11;
    return [1, 2].map((link) => ({ address: `127.0.${link}.${last}`, port: this.port }));
  }

  hosts(): readonly Host[] {
    return NAMES.map((name) => ({ ...aHost(name, { links: this.addresses(name).map((one) => one.address), heartbeatPort: this.port, agentKey: this.#key(name) }), id: name as unknown as Host['id'] }));
  }

  config(name: Name): AgentConfig {
    const members = [...NAMES, 'w'].map((id): AgentMember => ({ id, name: id, role: id === 'w' ? 'witness' : 'host', keyHex: this.#key(id), links: this.addresses(id) }));
    return { clusterId: CLUSTER_ID, hostId: name, name, keyHex: this.#key(name), heartbeatMs: HEARTBEAT_MS, silentMs: this.silentMs, watchdogMs: WATCHDOG_MS, enforcesLease: false, leaveWithinMs: 0, voters: { epoch: 1, ids: [...NAMES] }, listen: this.addresses(name), members };
  }

  async startWitness(): Promise<void> {
    this.witness.setMembers(this.hosts());
    await this.witness.start();
  }

  home(name: Name): string {
    return join(this.dir, name);
  }

  /** A stand-in for /proc, so that "running workloads" and boot ids are ours. */
  async fakeProc(name: Name, uuids: readonly string[], bootId: string): Promise<string> {
    const proc = join(this.home(name), 'proc');
    await rm(proc, { recursive: true, force: true });
    await mkdir(join(proc, 'sys/kernel/random'), { recursive: true });
    await writeFile(join(proc, 'sys/kernel/random/boot_id'), `${bootId}\n`);
    await writeFile(join(proc, 'loadavg'), '0.42 0.30 0.20 1/100 1234\n');
    await writeFile(join(proc, 'meminfo'), 'MemTotal: 4096000 kB\nMemAvailable:    2048000 kB\n');
    for (const [at, uuid] of uuids.entries()) {
      await mkdir(join(proc, `${at + 100}`));
      await writeFile(join(proc, `${at + 100}`, 'cmdline'), ['/usr/bin/qemu-system-x86_64', '-name', 'guest=x', '-uuid', uuid, ''].join('\0'));
    }
    return proc;
  }

  async start(name: Name, more: { config?: Partial<AgentConfig>; uuids?: readonly string[]; bootId?: string } = {}): Promise<void> {
    const bootId = more.bootId ?? this.bootIds.get(name) ?? `00000000-0000-4000-8000-00000000000${NAMES.indexOf(name)}`;
    this.bootIds.set(name, bootId);
    const procDir = await this.fakeProc(name, more.uuids ?? [], bootId);
    const configFile = await this.writeConfig(name, more.config ?? {});
    const home = this.home(name);
    const child = spawn(process.execPath, [bundle, '--config', configFile, '--run-dir', join(home, 'run'), '--state-dir', join(home, 'state'), '--proc-dir', procDir], { stdio: ['ignore', 'ignore', 'pipe'], env: this.#env(name) });
    child.stderr?.on('data', (part: Buffer) => this.logs.set(name, (this.logs.get(name) ?? '') + part.toString()));
    this.processes.set(name, child);
  }

  /** `reeve-agent leave`, as systemd runs it. */
  leave(name: Name): ChildProcess {
    const home = this.home(name);
    const child = spawn(process.execPath, [bundle, 'leave', '--config', join(home, 'agent.json'), '--run-dir', join(home, 'run'), '--proc-dir', join(home, 'proc')], { stdio: ['ignore', 'ignore', 'pipe'], env: this.#env(name) });
    child.stderr?.on('data', (part: Buffer) => this.logs.set('leave', (this.logs.get('leave') ?? '') + part.toString()));
    return child;
  }

  /** A stand-in for systemctl: what its jobs are, and a record of what it was told. */
  async fakeSystemd(name: Name, jobs: string): Promise<void> {
    const bin = join(this.home(name), 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, 'jobs'), jobs);
    await writeFile(join(bin, 'systemctl'), '#!/bin/sh\ncd "${0%/*}"\necho "$@" >> told\n[ "$1" != list-jobs ] || cat jobs\n', { mode: 0o755 });
  }

  #env(name: Name): NodeJS.ProcessEnv {
    return { ...process.env, PATH: `${join(this.home(name), 'bin')}:${process.env['PATH'] ?? ''}` };
  }

  async writeConfig(name: Name, change: Partial<AgentConfig>): Promise<string> {
    await mkdir(this.home(name), { recursive: true });
    const file = join(this.home(name), 'agent.json');
    await writeFile(`${file}.new`, JSON.stringify({ ...this.config(name), ...change }));
    await rename(`${file}.new`, file);
    return file;
  }

  async startAll(): Promise<void> {
    await this.startWitness();
    await Promise.all(NAMES.map((name) => this.start(name)));
    await waitUntil('all agents to be heard and trust', () => this.verdict().trusted && NAMES.every((name) => this.host(name).hearing === 'heard'));
    // Each agent, too, has to listen for a window before it has a vote.
    await waitUntil('all agents to listen', async () => (await Promise.all(NAMES.map((name) => this.status(name)))).every((status) => status.listening));
  }

  signal(name: Name, signal: NodeJS.Signals): void {
    this.processes.get(name)?.kill(signal);
  }

  /** Resolves with the exit code once it is gone. */
  async ended(name: Name): Promise<number | null> {
    const child = this.processes.get(name);
    if (child && child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
    return child?.exitCode ?? null;
  }

  async kill(name: Name): Promise<void> {
    this.signal(name, 'SIGKILL');
    await this.ended(name);
  }

  async status(name: Name): Promise<AgentStatus> {
    return JSON.parse(await askStatus(join(this.home(name), 'run/agent.sock'))) as AgentStatus;
  }

  verdict(): ClusterVerdict {
    return this.witness.verdict();
  }

  host(name: Name): HostVerdict {
    const found = this.verdict().hosts.find((host) => host.hostId === name);
    if (!found) throw new Error(`no verdict about ${name}`);
    return found;
  }

  async silent(name: Name): Promise<HostVerdict> {
    await waitUntil(`${name} to be silent`, () => this.host(name).hearing === 'silent');
    return this.host(name);
  }

  async heard(name: Name): Promise<void> {
    await waitUntil(`${name} to be heard`, () => this.host(name).hearing === 'heard');
  }

  async stop(): Promise<void> {
    await this.witness.stop();
    await Promise.all([...this.processes.keys()].map((name) => this.kill(name)));
  }
}

let cluster: TestCluster;

beforeAll(async () => {
  bundle = await agentBundle();
});

afterEach(async () => {
  await cluster.stop();
});

afterAll(async () => {
  await Promise.all(dirs.map((dir) => rm(dir, { recursive: true, force: true })));
});

describe('agents and a witness', () => {
  it('hear each other on both links, with load, boot id and running workloads', async () => {
    cluster = await TestCluster.make();
    const uuids = ['11111111-2222-4333-8444-555555555555', '99999999-2222-4333-8444-555555555555'];
    await cluster.startWitness();
    await cluster.start('a', { uuids });
    await cluster.start('b');
    await cluster.start('c');
    for (const name of NAMES) await cluster.heard(name);
    // A host is heard by its first answer; what it says of itself counts from the first that answers this witness's own stamp.
    await waitUntil('a to tell of itself', () => cluster.host('a').bootId !== null);
    expect(cluster.host('a')).toMatchObject({ bootId: cluster.bootIds.get('a'), evidence: 'heard on 2 of 2 links', load: { load1: 0.42, freeMemoryMiB: 2000 }, leaving: false });
    const reported = (): readonly string[] => cluster.witness.runningUuids(cluster.host('a').hostId)?.uuids ?? [];
    await waitUntil('the report of a', () => reported().length === 2);
    expect(reported()).toEqual(uuids);
    await cluster.fakeProc('a', uuids.slice(1), cluster.bootIds.get('a') ?? '');
    await waitUntil('the change to be reported', () => reported().length === 1);
    await waitUntil('a to hear all on both links', async () => (await cluster.status('a')).members.every((member) => member.heard === 'heard' && member.links.length === 2));
    expect((await readFile(join(cluster.home('a'), 'run/agent.pid'), 'utf8')).trim()).toBe(String(cluster.processes.get('a')?.pid));
  });

  it('call a killed host silent, with the evidence of both peers', async () => {
    cluster = await TestCluster.make();
    await cluster.startAll();
    await cluster.kill('b');
    const verdict = await cluster.silent('b');
    expect(verdict).toMatchObject({ silentVotes: 3, voters: 4, leaving: false });
    expect(verdict.evidence).toMatch(/^controller and 2 of 2 peers heard nothing for [\d.]+ s on 2 links$/);
    expect(cluster.verdict()).toMatchObject({ quorum: true, trusted: true });
    expect([...cluster.everSilent]).toEqual(['b']);
  });

  it('call a frozen host silent, and hear it again when it thaws; it blames nobody', async () => {
    cluster = await TestCluster.make();
    await cluster.startAll();
    cluster.signal('c', 'SIGSTOP');
    await cluster.silent('c');
    cluster.signal('c', 'SIGCONT');
    await cluster.heard('c');
    await pause(SILENT_MS);
    expect([...cluster.everSilent]).toEqual(['c']);
  });

  it('do not notice a quick restart of an agent', async () => {
    cluster = await TestCluster.make(WIDE_SILENT_MS);
    await cluster.startAll();
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      cluster.signal('a', signal);
      await cluster.ended('a');
      const before = cluster.processes.get('a')?.pid;
      await cluster.start('a');
      await waitUntil('the new agent to be heard', async () => {
        const status = await cluster.status('a').catch(() => null);
        return status !== null && status.pid !== before && status.listening && cluster.host('a').hearing === 'heard' && !cluster.host('a').leaving;
      });
    }
    expect([...cluster.everSilent]).toEqual([]);
  });

  it('hear the good-bye of an agent that stops in order', async () => {
    cluster = await TestCluster.make();
    await cluster.startAll();
    cluster.signal('a', 'SIGTERM');
    expect(await cluster.ended('a')).toBe(0);
    await waitUntil('the good-bye', () => cluster.host('a').leaving);
    expect(existsSync(join(cluster.home('a'), 'run/agent.pid'))).toBe(false);
    expect(await cluster.silent('a')).toMatchObject({ leaving: true });
  });

  it('say that their host goes down, and it waits until what runs there has gone', async () => {
    cluster = await TestCluster.make();
    const uuid = '11111111-2222-4333-8444-555555555555';
    await cluster.fakeSystemd('a', '1502 reboot.target start waiting\n');
    await cluster.startWitness();
    await Promise.all(NAMES.map((name) => cluster.start(name, name === 'a' ? { uuids: [uuid], config: { leaveWithinMs: 60_000 } } : {})));
    await waitUntil('a to be heard with what it runs', () => cluster.verdict().trusted && cluster.host('a').runningUuids?.join() === uuid);
    const leave = cluster.leave('a');
    await waitUntil('a to be heard going down', () => cluster.host('a').goingDown === 'reboot');
    expect(cluster.host('a')).toMatchObject({ hearing: 'heard', leaving: false, leavingPurpose: null });
    expect(leave.exitCode).toBeNull();
    await cluster.fakeProc('a', [], cluster.bootIds.get('a') ?? '');
    await waitUntil('the wait to end', () => leave.exitCode === 0);
    expect(cluster.logs.get('leave')).toMatch(/this host goes down \(reboot\): 1 protected workload is to be moved away first, for 60 s at most\n[^]*no protected workload runs here any more\n$/);
    await cluster.fakeSystemd('a', '');
    // Called off: systemd shows no such job any more, and the next shutdown waits again.
    await waitUntil('a to stay', () => cluster.host('a').goingDown === null, 30_000);
    await waitUntil('the unit to be armed', async () => (await readFile(join(cluster.home('a'), 'bin/told'), 'utf8')).includes('start --no-block reeve-leave.service'));
  });

  it('show a new boot id after a reboot', async () => {
    cluster = await TestCluster.make();
    await cluster.startAll();
    await cluster.kill('b');
    await cluster.silent('b');
    const bootId = 'aaaaaaaa-0000-4000-8000-000000000001';
    await cluster.start('b', { bootId });
    await cluster.heard('b');
    expect(cluster.host('b').bootId).toBe(bootId);
  });
});

describe('what is not believed', () => {
  it('an agent with a wrong key is not heard', async () => {
    cluster = await TestCluster.make();
    await cluster.startWitness();
    await cluster.start('a');
    await cluster.start('b');
    await cluster.start('c', { config: { keyHex: 'f'.repeat(64) } });
    await cluster.heard('a');
    await cluster.silent('c');
    expect(cluster.host('c').bootId).toBeNull();
    await waitUntil('a to name the wrong signature', () => /signature is wrong/.test(cluster.logs.get('a') ?? ''));
  });

  it('copies of genuine heartbeats do not keep a dead host alive', async () => {
    cluster = await TestCluster.make();
    await cluster.startAll();
    // The thief sits on the witness's second link and records what it should have got.
    const thief = createSocket('udp4');
    const caught: Buffer[] = [];
    thief.on('message', (bytes) => caught.push(bytes));
    await new Promise<void>((resolve) => thief.bind(cluster.port, '127.0.3.99', resolve));
    const lured = cluster.config('a').members.map((member) => (member.id === 'w' ? { ...member, links: [...member.links.slice(0, 1), { address: '127.0.3.99', port: cluster.port }] } : member));
    await cluster.writeConfig('a', { members: lured });
    await waitUntil('heartbeats to be caught', () => caught.length > 20);
    await cluster.kill('a');
    const replay = setInterval(() => {
      for (const bytes of caught) for (const to of cluster.addresses('w')) thief.send(bytes, to.port, to.address);
    }, 50);
    await cluster.silent('a');
    clearInterval(replay);
    thief.close();
  });
});

describe('the configuration file', () => {
  it('is followed without a gap: a member that comes is heard, one that goes is forgotten', async () => {
    cluster = await TestCluster.make();
    await cluster.startAll();
    await cluster.writeConfig('a', { members: cluster.config('a').members.filter((member) => member.id !== 'b') });
    await waitUntil('b to be gone from a', async () => !(await cluster.status('a')).members.some((member) => member.id === 'b'));
    await cluster.writeConfig('a', {});
    cluster.signal('a', 'SIGHUP');
    await waitUntil('b to be heard again by a', async () => (await cluster.status('a')).members.some((member) => member.id === 'b' && member.heard === 'heard'));
    expect([...cluster.everSilent]).toEqual([]);
  });

  it('may change the timing: the agent goes on under it and is still heard', async () => {
    cluster = await TestCluster.make();
    await cluster.startAll();
    await cluster.writeConfig('a', { heartbeatMs: 120 });
    await waitUntil('a to take it', () => /took the new configuration/.test(cluster.logs.get('a') ?? ''));
    await pause(2 * SILENT_MS);
    expect(cluster.host('a').hearing).toBe('heard');
    expect([...cluster.everSilent]).toEqual([]);
  });

  it('that turns bad is named, and the last good one stays in force', async () => {
    cluster = await TestCluster.make();
    await cluster.startAll();
    await writeFile(join(cluster.home('a'), 'agent.json'), '{ "clusterId": 5 }');
    await waitUntil('the complaint', () => /clusterId must be a text that is not empty; the last good configuration stays/.test(cluster.logs.get('a') ?? ''));
    await pause(SILENT_MS);
    expect(cluster.host('a').hearing).toBe('heard');
  });

  it('that is bad at the start ends the agent with one line', async () => {
    cluster = await TestCluster.make();
    await cluster.start('a', { config: { silentMs: 100 } });
    expect(await cluster.ended('a')).toBe(2);
    expect(cluster.logs.get('a')?.trim().split('\n')).toHaveLength(1);
    expect(cluster.logs.get('a')).toContain('silentMs is 100');
  });

  it('with an address that cannot be had yet: the other link works, and it is taken as soon as it is free', async () => {
    cluster = await TestCluster.make();
    const [, second] = cluster.addresses('a');
    if (!second) throw new Error('no address');
    const squatter = createSocket('udp4');
    await new Promise<void>((resolve) => squatter.bind(second.port, second.address, resolve));
    await cluster.startAll();
    expect(cluster.host('a').evidence).toBe('heard on 1 of 2 links');
    expect((await cluster.status('a')).troubles).toEqual([expect.stringContaining(`cannot listen on ${second.address}`)]);
    squatter.close();
    await waitUntil('the second link to work', () => cluster.host('a').evidence === 'heard on 2 of 2 links');
    expect((await cluster.status('a')).troubles).toEqual([]);
  });
});
