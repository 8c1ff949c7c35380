// The lab: real hosts on one machine, each in namespaces of its own, with its own sshd, libvirtd, QEMU, boot id and BMC.
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BMC_PASSWORD, BMC_PORT, BMC_USER, startBmc, stopBmc } from './bmc.js';
import { formCluster } from './lxd-cluster.js';
import { destroyAllContainers, runningContainers } from './containers.js';
import { DAEMONS, type InstanceDaemon } from './daemons.js';
import { ensureGuest } from './guest.js';
import { writeHostFiles } from './host-files.js';
import { BOTH_LINKS, CONTROL, faultsOf, mended, rulesetOf, withFaults, type FaultPlan, type NetworkFault } from './network-faults.js';
import { otherOwner, takeOwnership } from './owner.js';
import { whyNoContainers } from './setup.js';
import { run, type Ran, type RunOptions } from './shell.js';
import { REPO_ROOT } from './ticks.js';
import { waitUntil } from './wait-until.js';
import { startWatchdogs, stopWatchdogs } from './watchdogs.js';

export interface LabHost {
  readonly name: string;
  readonly index: number;
  /** Address on the first network: SSH, migration and guests use it too. */
  readonly address: string;
  readonly links: readonly [string, string];
  readonly bmc: { readonly address: string; readonly port: number; readonly user: string; readonly password: string };
}

export interface LabOptions {
  readonly name?: string;
  readonly hosts?: number;
  /** Every host has an LXD beside libvirt. Default: where this machine has it. */
  readonly lxd?: boolean;
  /** How those of the hosts stand to each other. Default: each by itself. */
  readonly daemons?: 'alone' | 'clustered';
  /** Every host has an Incus, beside LXD or instead of it. Default: none has. */
  readonly incus?: boolean;
  /** Numbers of hosts without libvirt and QEMU, as far as anybody on them can see. */
  readonly withoutLibvirt?: readonly number[];
  readonly log?: (line: string) => void;
}

export type BmcFault = 'ok' | 'dead' | 'slow' | 'lying';

const STATE_ROOT = '/var/lib/reeve-lab';
const CONTROL_LINKS = ['10.66.0.254', '10.66.1.254', '10.66.2.254'] as const;
/** Of a second and a third replica of the control plane: the same machine, other addresses. */
const MORE_CONTROL_LINKS = [['10.66.0.253', '10.66.0.252'], ['10.66.1.253', '10.66.1.252'], []] as const;
const HOST_UP_MS = 60_000;
/** As timing.watchdogMs of the control plane in the lab. */
const WATCHDOG_MS = 3_000;
const END_IN_ORDER_MS = 8_000;
const scripts = join(REPO_ROOT, 'lab/host');

export class Lab {
  readonly stateDir: string;
  readonly ctlNetns: string;
  readonly fabNetns: string;
  readonly identityFile: string;
  #hosts: LabHost[] = [];

  private constructor(
    readonly name: string,
    private readonly log: (line: string) => void,
  ) {
    // Paths and names of interfaces are made of it.
    if (!/^[a-z][a-z0-9]{0,7}$/.test(name)) throw new Error(`lab name: up to 8 lower-case letters and digits, not "${name}"`);
    this.stateDir = join(STATE_ROOT, name);
    this.ctlNetns = `${name}-ctl`;
    this.fabNetns = `${name}-fab`;
    this.identityFile = join(this.stateDir, 'keys/control.ed25519');
  }

  /** Builds a new lab; what a run of that name left behind that is gone is cleaned up first. One that lives keeps its lab. */
  static async start({ name = 'rl0', hosts = 3, lxd = whyNoContainers() === null, incus = false, withoutLibvirt = [], daemons = 'alone', log = () => undefined }: LabOptions = {}): Promise<Lab> {
    const lab = new Lab(name, log);
    const owner = await otherOwner(lab.stateDir);
    if (owner !== null) throw new Error(`a lab named ${name} is up already, held by process ${owner}; end it with: npm run lab -- --name ${name} down; or give this one another name: --name lab2`);
    if (existsSync(lab.stateDir)) log(`cleaning up what an earlier run of ${name} left behind`);
    await lab.down();
    try {
      await lab.#build(hosts, { has: { lxd, incus }, withoutLibvirt, daemons });
      return lab;
    } catch (error) {
      await lab.down();
      throw error;
    }
  }

  async #build(hosts: number, { has, withoutLibvirt, daemons: tie }: { readonly has: Readonly<Record<InstanceDaemon, boolean>>; readonly withoutLibvirt: readonly number[]; readonly daemons: 'alone' | 'clustered' }): Promise<void> {
    await this.#fabric();
    for (const daemon of DAEMONS) if (has[daemon]) await writeFile(join(this.stateDir, daemon), tie);
    await startWatchdogs(this.stateDir, join(scripts, 'watchdog.mjs'), WATCHDOG_MS);
    for (let index = 1; index <= hosts; index += 1) await this.#prepare(index, !withoutLibvirt.includes(index));
    await Promise.all(this.#hosts.map((host) => this.powerOn(host)));
    await this.waitUp(this.#hosts);
    await this.waitDaemons(this.#hosts);
    if (has.lxd && tie === 'clustered') await formCluster(this);
  }

  /** A lab that another process started. */
  static async attach(name = 'rl0', log: (line: string) => void = () => undefined): Promise<Lab> {
    const lab = new Lab(name, log);
    if (!existsSync(join(lab.stateDir, 'env'))) throw new Error(`no lab named ${name} is up; npm run lab${name === 'rl0' ? '' : ` -- --name ${name}`}`);
    const names = await readdir(join(lab.stateDir, 'hosts'));
    lab.#hosts = names.map((one) => describeHost(Number(one.replace('host-', '')))).sort((a, b) => a.index - b.index);
    return lab;
  }

  /** Whatever is left of a lab, also of one that was never whole: to be taken down. */
  static remains(name = 'rl0'): Lab {
    return new Lab(name, () => undefined);
  }

  get hosts(): readonly LabHost[] {
    return this.#hosts;
  }

  host(name: string): LabHost {
    const found = this.#hosts.find((one) => one.name === name);
    if (!found) throw new Error(`no host is named ${name}; there are ${this.#hosts.map((one) => one.name).join(', ')}`);
    return found;
  }

  async addHost(): Promise<LabHost> {
    const host = await this.#prepare(Math.max(0, ...this.#hosts.map((one) => one.index)) + 1);
    await this.powerOn(host);
    await this.waitUp([host]);
    return host;
  }

  // --- power, network, BMC ---
  powerOn = (host: LabHost): Promise<Ran> => this.#power(host, 'on');
  /** Abrupt: the wire first, then every process at once. */
  powerCut = (host: LabHost): Promise<Ran> => this.#power(host, 'off');
  reset = (host: LabHost): Promise<Ran> => this.#power(host, 'reset');
  /** The whole kernel stands still; ping and TCP connect still answer, as with a hung machine behind a NIC. */
  hang = (host: LabHost): Promise<Ran> => this.#power(host, 'freeze');
  unhang = (host: LabHost): Promise<Ran> => this.#power(host, 'thaw');

  async powerState(host: LabHost): Promise<'on' | 'off'> {
    return (await this.#power(host, 'status')).stdout.trim() === 'on' ? 'on' : 'off';
  }

  async bootIdOf(host: LabHost): Promise<string> {
    return (await this.exec(host, ['cat', '/proc/sys/kernel/random/boot_id'])).stdout.trim();
  }

  linkDown = (host: LabHost, link: 0 | 1): Promise<Ran> => this.#link(host, link, 'down');
  linkUp = (host: LabHost, link: 0 | 1): Promise<Ran> => this.#link(host, link, 'up');

  /** A host without power has no wires: they come back with it. */
  async #link(host: LabHost, link: 0 | 1, verb: 'up' | 'down'): Promise<Ran> {
    if ((await this.powerState(host)) === 'off') throw new Error(`${host.name} is off; its links come up with it: power-on ${host.name}`);
    return run('ip', ['-n', this.fabNetns, 'link', 'set', `h${host.index}l${link}`, verb]);
  }

  /** Both networks lost; the BMC is on a third one, and the guests run on. */
  async isolate(host: LabHost): Promise<void> {
    await Promise.all([this.linkDown(host, 0), this.linkDown(host, 1)]);
  }

  async reconnect(host: LabHost): Promise<void> {
    await Promise.all([this.linkUp(host, 0), this.linkUp(host, 1)]);
  }

  /** The ends between which the network can be made faulty: the hosts, and the control plane. */
  get ends(): readonly string[] {
    return [...this.#hosts.map((one) => one.name), CONTROL];
  }

  /** Between two ends, on both networks unless said otherwise: neither hears the other. All others are heard as before. */
  part = (one: string, other: string, links: readonly (0 | 1)[] = BOTH_LINKS): Promise<void> => this.disturb([{ between: [one, other], way: 'both', links, lossPercent: 100 }]);
  /** The first does not hear the second, which goes on hearing the first. */
  deafen = (one: string, to: string, links: readonly (0 | 1)[] = BOTH_LINKS): Promise<void> => this.disturb([{ between: [one, to], way: 'deaf', links, lossPercent: 100 }]);

  async disturb(plans: readonly FaultPlan[]): Promise<void> {
    await this.#setFaults(withFaults(await this.#faults(), plans.flatMap(faultsOf)));
  }

  /** Between two ends, of one end, or everywhere. */
  async mend(...ends: readonly string[]): Promise<void> {
    await this.#setFaults(mended(await this.#faults(), ends));
  }

  async #faults(): Promise<readonly NetworkFault[]> {
    return JSON.parse(await readFile(join(this.stateDir, 'network-faults.json'), 'utf8').catch(() => '[]')) as readonly NetworkFault[];
  }

  async #setFaults(faults: readonly NetworkFault[]): Promise<void> {
    const portOf = (end: string, link: 0 | 1): string => (end === CONTROL ? `ctl${link}` : `h${this.host(end).index}l${link}`);
    await run('ip', ['netns', 'exec', this.fabNetns, 'nft', '-f', '-'], { input: rulesetOf(faults, portOf) });
    await writeFile(join(this.stateDir, 'network-faults.json'), JSON.stringify(faults));
  }

  async bmc(host: LabHost, fault: BmcFault): Promise<void> {
    const file = join(this.stateDir, 'hosts', host.name, 'bmc.fault');
    await rm(file, { force: true });
    if (fault === 'dead') return stopBmc(this.stateDir, host.name);
    if (fault !== 'ok') await writeFile(file, fault);
    await stopBmc(this.stateDir, host.name);
    await startBmc(this.#bmcPlan(host));
  }

  // --- inside ---
  /** Runs something inside the host, past its network. */
  async exec(host: LabHost, command: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return run('nsenter', ['-t', String(await this.pidOf(host)), '-a', ...command], options);
  }

  /** Its process 1, as the machine numbers it. */
  async pidOf(host: LabHost): Promise<number> {
    return Number((await readFile(join(this.stateDir, 'hosts', host.name, 'init.pid'), 'utf8')).trim());
  }

  execCtl(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return run('ip', ['netns', 'exec', this.ctlNetns, ...command], options);
  }

  ssh(host: LabHost, command: string, options: RunOptions = {}): Promise<Ran> {
    return this.execCtl(['ssh', ...this.sshOptions(), `root@${host.address}`, command], options);
  }

  sshOptions(): readonly string[] {
    return ['-q', '-i', this.identityFile, '-o', 'BatchMode=yes', '-o', `UserKnownHostsFile=${join(this.stateDir, 'known_hosts')}`, '-o', 'StrictHostKeyChecking=yes', '-o', 'ConnectTimeout=4', '-o', 'ServerAliveInterval=2', '-o', 'ServerAliveCountMax=2'];
  }

  /** What a guest's serial console or libvirt's log says, wherever the host is now. */
  async hostFile(host: LabHost, path: string): Promise<string> {
    return readFile(join(this.stateDir, 'fs', host.name, 'upper', path), 'utf8').catch(() => '');
  }

  async waitUp(hosts: readonly LabHost[]): Promise<void> {
    for (const host of hosts) {
      if (!this.hasLibvirt(host)) await waitUntil(`SSH on ${host.name}`, async () => (await this.ssh(host, 'echo up', { timeoutMs: 8_000, okCodes: 'any' })).stdout.trim() === 'up', { timeoutMs: HOST_UP_MS });
      else await waitUntil(`libvirt on ${host.name}`, async () => (await this.ssh(host, 'virsh -q list >/dev/null && virsh -q pool-list | grep -c active', { timeoutMs: 8_000 })).stdout.trim() === '2', { timeoutMs: HOST_UP_MS });
    }
  }

  get hasLxd(): boolean {
    return this.daemons.includes('lxd');
  }

  /** Of every host. */
  get daemons(): readonly InstanceDaemon[] {
    return DAEMONS.filter((daemon) => existsSync(join(this.stateDir, daemon)));
  }

  hasLibvirt(host: LabHost): boolean {
    return !existsSync(join(this.stateDir, 'hosts', host.name, 'no-libvirt'));
  }

  /** What a daemon of it keeps: as a disk, it is there when the host is off. */
  daemonDir(host: LabHost, daemon: InstanceDaemon): string {
    return join(this.stateDir, 'fs', host.name, daemon);
  }

  waitLxd = (hosts: readonly LabHost[]): Promise<void> => this.#waitDaemon(hosts, 'lxd');

  /** Those that the hosts have. */
  async waitDaemons(hosts: readonly LabHost[]): Promise<void> {
    for (const daemon of this.daemons) await this.#waitDaemon(hosts, daemon);
  }

  /** It comes up beside the host, a second or two later; initialised at the first boot. */
  async #waitDaemon(hosts: readonly LabHost[], daemon: InstanceDaemon): Promise<void> {
    const state = (host: LabHost) => async (): Promise<string> => `${await this.hostFile(host, `var/log/lab-${daemon}.log`)}${await this.hostFile(host, `var/log/${daemon}/console.log`)}`;
    for (const host of hosts) {
      await waitUntil(`${daemon} on ${host.name}`, async () => (await this.exec(host, ['test', '-e', `/run/lab-${daemon}-ready`], { okCodes: 'any' })).code === 0, { timeoutMs: HOST_UP_MS, describe: state(host) });
    }
  }

  /** Names of the workloads that run on a host, as its processes show. */
  async runningOn(host: LabHost): Promise<readonly string[]> {
    if ((await this.powerState(host)) === 'off') return [];
    const { stdout } = await this.exec(host, ['sh', '-c', 'for c in /proc/[0-9]*/cmdline; do tr "\\0" " " < $c 2>/dev/null; echo; done'], { okCodes: 'any' });
    const machines = stdout.split('\n').flatMap((line) => /qemu-system\S* .*-name guest=([^,\s]+)/.exec(line)?.[1] ?? []);
    return [...machines, ...(await runningContainers(this, host))];
  }

  /** Ends and forgets every guest, virtual machine or container, on every host: a quick reset between tests. Disks in the pools go too. */
  async destroyAllGuests(): Promise<void> {
    const script = 'for u in $(virsh -q list --uuid); do virsh -q destroy $u; done; for u in $(virsh -q list --all --uuid); do virsh -q undefine $u; done; rm -f /srv/local/*.raw /srv/local/*.qcow2; true';
    await Promise.all(this.#hosts.map(async (host) => ((await this.powerState(host)) === 'on' ? this.exec(host, ['sh', '-c', script], { okCodes: 'any' }) : null)));
    await destroyAllContainers(this);
    for (const name of await readdir(join(this.stateDir, 'shared'))) if (/\.(raw|qcow2|img|iso)$/.test(name)) await rm(join(this.stateDir, 'shared', name));
  }

  /** Leaves nothing behind: hosts, BMCs, namespaces, mounts, control groups, files. Also after a crash. */
  async down(): Promise<void> {
    await stopWatchdogs(this.stateDir);
    if (existsSync(join(this.stateDir, 'hosts'))) {
      for (const name of await readdir(join(this.stateDir, 'hosts'))) {
        await stopBmc(this.stateDir, name);
        await run(join(scripts, 'power.sh'), [this.stateDir, name, 'off'], { okCodes: 'any' });
      }
    }
    for (const netns of [this.ctlNetns, this.fabNetns]) {
      await endAll(netns);
      await run('ip', ['netns', 'del', netns], { okCodes: 'any' });
    }
    for (const device of await loopDevices(this.stateDir)) await run('losetup', ['-d', device], { okCodes: 'any' });
    const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
    for (const mount of mounts.filter((one) => one.startsWith(`${this.stateDir}/`)).reverse()) await run('umount', ['-l', mount], { okCodes: 'any' });
    await rm(this.stateDir, { recursive: true, force: true });
    this.#hosts = [];
  }

  // --- building ---
  async #fabric(): Promise<void> {
    this.log(`building the networks of ${this.name}`);
    for (const dir of ['hosts', 'keys', 'fs', 'shared/boot', 'shared/lockspace']) await mkdir(join(this.stateDir, dir), { recursive: true });
    await takeOwnership(this.stateDir);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8g,mode=755', `lab-${this.name}`, join(this.stateDir, 'fs')]);
    await writeFile(join(this.stateDir, 'env'), `LAB=${this.name}\nSCRIPTS=${scripts}\n`);
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'reeve', '-f', this.identityFile]);
    await run('ip', ['netns', 'add', this.fabNetns]);
    await run('ip', ['netns', 'add', this.ctlNetns]);
    for (const [link, address] of CONTROL_LINKS.entries()) {
      await run('ip', ['-n', this.fabNetns, 'link', 'add', `br${link}`, 'type', 'bridge', 'forward_delay', '0', 'stp_state', '0']);
      await run('ip', ['-n', this.fabNetns, 'link', 'set', `br${link}`, 'up']);
      await run('ip', ['-n', this.fabNetns, 'link', 'add', `ctl${link}`, 'type', 'veth', 'peer', 'name', `eth${link}`, 'netns', this.ctlNetns]);
      await run('ip', ['-n', this.fabNetns, 'link', 'set', `ctl${link}`, 'master', `br${link}`, 'up']);
      for (const one of [address, ...(MORE_CONTROL_LINKS[link] ?? [])]) await run('ip', ['-n', this.ctlNetns, 'addr', 'add', `${one}/24`, 'dev', `eth${link}`]);
      await run('ip', ['-n', this.ctlNetns, 'link', 'set', `eth${link}`, 'up']);
    }
    for (const netns of [this.fabNetns, this.ctlNetns]) await run('ip', ['-n', netns, 'link', 'set', 'lo', 'up']);
    const guest = await ensureGuest(this.log);
    await cp(guest.kernel, join(this.stateDir, 'shared/boot/vmlinux'));
    await cp(guest.initrd, join(this.stateDir, 'shared/boot/initrd.cpio'));
  }

  async #prepare(index: number, hasLibvirt = true): Promise<LabHost> {
    const host = describeHost(index);
    this.#hosts.push(host);
    const dir = join(this.stateDir, 'hosts', host.name);
    const fs = join(this.stateDir, 'fs', host.name);
    await mkdir(dir, { recursive: true });
    await mkdir(join(fs, 'upper'), { recursive: true });
    await mkdir(join(fs, 'work'), { recursive: true });
    await writeFile(join(dir, 'env'), `INDEX=${index}\n`);
    await run('mkfifo', ['-m', '600', join(dir, 'watchdog')]);
    await writeFile(join(dir, 'lower'), '/');
    for (const daemon of this.daemons) await writeFile(join(dir, daemon), '');
    if (!hasLibvirt) await writeFile(join(dir, 'no-libvirt'), '');
    const keysDir = join(this.stateDir, 'keys');
    await writeHostFiles({ upper: join(fs, 'upper'), host, keysDir, controlPublicKey: (await readFile(`${this.identityFile}.pub`, 'utf8')).trim(), initScript: join(scripts, 'init.sh'), hostsFile: hostsFile(), daemons: this.daemons, daemonScript: join(scripts, 'daemon.sh'), hasLibvirt, isClustered: (await readFile(join(this.stateDir, 'lxd'), 'utf8').catch(() => '')) === 'clustered', udevScript: join(scripts, 'udevadm.sh') });
    const publicKey = (await readFile(join(keysDir, `${host.name}.ed25519.pub`), 'utf8')).split(' ').slice(0, 2).join(' ');
    await writeFile(join(this.stateDir, 'known_hosts'), `${host.address} ${publicKey}\n`, { flag: 'a' });
    await run('ip', ['-n', this.fabNetns, 'addr', 'add', `${host.bmc.address}/24`, 'dev', 'br2']);
    await startBmc(this.#bmcPlan(host));
    return host;
  }

  #bmcPlan(host: LabHost): Parameters<typeof startBmc>[0] {
    return { lab: this.name, stateDir: this.stateDir, host: host.name, index: host.index, address: host.bmc.address, chassisScript: join(REPO_ROOT, 'lab/bmc/chassis.sh') };
  }

  #power(host: LabHost, verb: string): Promise<Ran> {
    return run(join(scripts, 'power.sh'), [this.stateDir, host.name, verb]);
  }
}

/** Those on files of a lab, as hosts' pools may have been. */
async function loopDevices(stateDir: string): Promise<readonly string[]> {
  const { stdout } = await run('losetup', ['-l', '-n', '-O', 'NAME,BACK-FILE'], { okCodes: 'any' });
  return stdout.split('\n').map((line) => line.trim().split(/\s+/)).flatMap(([name, file]) => (name && file?.startsWith(`${stateDir}/`) ? [name] : []));
}

/** In order first: a Postgres that is killed leaves its shared memory behind. */
async function endAll(netns: string): Promise<void> {
  const pids = async (): Promise<readonly string[]> => (await run('ip', ['netns', 'pids', netns], { okCodes: 'any' })).stdout.split('\n').filter(Boolean);
  for (const pid of await pids()) await run('kill', ['-TERM', pid], { okCodes: 'any' });
  await waitUntil(`the processes in ${netns} to end`, async () => (await pids()).length === 0, { timeoutMs: END_IN_ORDER_MS }).catch(() => undefined);
  for (const pid of await pids()) await run('kill', ['-KILL', pid], { okCodes: 'any' });
}

function describeHost(index: number): LabHost {
  const at = (network: number): string => `10.66.${network}.${10 + index}`;
  return { name: `host-${index}`, index, address: at(0), links: [at(0), at(1)], bmc: { address: at(2), port: BMC_PORT, user: BMC_USER, password: BMC_PASSWORD } };
}

/** More than any lab here has. */
const MOST_HOSTS = 32;

function hostsFile(): string {
  const hosts = Array.from({ length: MOST_HOSTS }, (_, index) => `10.66.0.${11 + index} host-${index + 1}`);
  return ['127.0.0.1 localhost', '10.66.0.254 control', ...hosts, ''].join('\n');
}
