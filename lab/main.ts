// `npm run lab` and `npm run lab -- COMMAND`: sets the lab up, plays the story, stays up to be played with.
import { existsSync } from 'node:fs';
import { Lab, type BmcFault, type LabHost } from './lab.js';
import { relay, startControlPlane } from './control-plane.js';
import { FAULT_USAGE, isFaultVerb, parseFault } from './network-faults.js';
import { addLunPool, lunPath } from './luns.js';
import { endOwner } from './owner.js';
import { ensureIncus, ensureLabPackages, whyNoContainers, whyNoLab } from './setup.js';
import { playStory } from './story.js';
import { REPO_ROOT, startTicks } from './ticks.js';

const API_PORT = 7480;
const USAGE = `npm run lab [-- --once] [--hosts N] [--name NAME] [--lxd] [--incus]   set up, play the story; stays up unless --once
    --lxd: not without LXD (without it, LXD is left out where it can't be had); --incus: an Incus beside each LXD
npm run lab -- status | down
npm run lab -- cut HOST | power-on HOST | reset HOST | isolate HOST | reconnect HOST | hang HOST | unhang HOST
npm run lab -- link-down HOST 0|1 | link-up HOST 0|1 | bmc HOST ok|dead|slow|lying | ssh HOST [COMMAND]
npm run lab -- lun HOST [MIB]        a block device that every host sees as /dev/lun-ha-HOST, and on it the btrfs pool ha-HOST of HOST's LXD
npm run lab -- ${Object.values(FAULT_USAGE).join('\nnpm run lab -- ')}
npm run lab -- mend [END [END]]      an END is a host, or control; 0 and 1 are the two networks, both unless said`;

class BadInput extends Error {}

interface Options {
  readonly name: string;
  readonly hosts: number;
  readonly once: boolean;
  /** Nothing is begun where it can't be had. */
  readonly lxd: boolean;
  readonly incus: boolean;
  readonly help: boolean;
  readonly rest: readonly string[];
}

export async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = parse(argv);
    if (options.help) {
      process.stdout.write(`${USAGE}\n`);
      return 0;
    }
    const why = whyNoLab();
    if (why) throw new Error(`no lab here: ${why}`);
    return options.rest.length === 0 ? await play(options) : await command(options);
  } catch (error) {
    process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof BadInput ? 2 : 1;
  }
}

function parse(argv: readonly string[]): Options {
  const rest: string[] = [];
  let [name, hosts, once, lxd, incus, help] = ['rl0', 3, false, false, false, false];
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (word === '--once') once = true;
    else if (word === '--lxd') lxd = true;
    else if (word === '--incus') incus = true;
    else if (word === '--name') name = argv[(at += 1)] ?? '';
    else if (word === '--hosts') hosts = Number(argv[(at += 1)]);
    else if (word === '--help' || word === '-h') help = true;
    else if (word.startsWith('--') && rest.length === 0) throw new BadInput(`there is no option ${word}\n${USAGE}`);
    else rest.push(word);
  }
  if (!Number.isInteger(hosts) || hosts < 2 || hosts > 16) throw new BadInput('--hosts: a whole number from 2 to 16');
  return { name, hosts, once, lxd, incus, help, rest };
}

async function play({ name, hosts, once, lxd, incus }: Options): Promise<number> {
  const began = performance.now();
  const say = (line: string): void => void process.stdout.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);
  const without = lxd ? whyNoContainers() : null;
  if (without !== null) throw new Error(`--lxd: ${without}`);
  await ensureLabPackages(say);
  const hasIncus = incus && (await ensureIncus(say)) === null;
  let asked: (() => void) | null = null;
  const stopAsked = new Promise<void>((resolve) => (asked = resolve));
  // From here on a signal is heard, and answered as soon as the lab is whole enough to be taken down.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => asked?.());
  const lab = await Lab.start({ name, hosts, incus: hasIncus, log: say });
  const closers: (() => Promise<unknown>)[] = [() => lab.down()];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer().catch((error: unknown) => say(String(error)));
  };
  try {
    say(`${lab.hosts.length} hosts are up, each with its own kernel namespaces, sshd, libvirtd and BMC`);
    const control = await startControlPlane(lab, { repoRoot: REPO_ROOT, fresh: true });
    closers.push(() => control.stop());
    say('the control plane is up (embedded Postgres, BullMQ on it)');
    const ticks = await startTicks(lab.ctlNetns, REPO_ROOT);
    closers.push(() => ticks.close());
    const story = playStory({ rig: { lab, control, api: () => control.api() }, ticks, say });
    await Promise.race([story, stopAsked.then(() => Promise.reject(new Error('interrupted')))]);
    if (once) return 0;
    const outside = await relay(API_PORT, control.socketPath);
    closers.push(() => outside.close());
    say(`up for you to play: http://127.0.0.1:${outside.port}/api/docs; Ctrl-C ends it and leaves nothing behind`);
    say(`  REEVE_STATE_DIR=${control.stateDir} bin/reeve status --watch`);
    say(`  npm run lab -- ${name === 'rl0' ? '' : `--name ${name} `}cut host-2   (or isolate, hang, part host-1 host-2, bmc host-2 dead, power-on …)`);
    await stopAsked;
    return 0;
  } finally {
    say('taking the lab down');
    await close();
  }
}

async function command({ name, rest: [verb = '', hostName, ...words] }: Options): Promise<number> {
  if (verb === 'down') return takeDown(name);
  const lab = await Lab.attach(name);
  if (verb === 'status') {
    for (const host of lab.hosts) process.stdout.write(`${host.name}  ${await lab.powerState(host)}  ${host.address}  ${(await lab.runningOn(host)).join(', ')}\n`);
    return 0;
  }
  if (isFaultVerb(verb) || verb === 'mend') return disturb(lab, verb, hostName === undefined ? [] : [hostName, ...words]);
  const act = ACTIONS[verb];
  if (!act) throw new BadInput(`there is no command "${verb}"\n${USAGE}`);
  if (!hostName) throw new BadInput(`${verb}: which host? there are ${lab.hosts.map((host) => host.name).join(', ')}`);
  if (!lab.hosts.some((host) => host.name === hostName)) throw new BadInput(`no host is named ${hostName}; there are ${lab.hosts.map((host) => host.name).join(', ')}`);
  await act(lab, lab.host(hostName), words);
  return 0;
}

async function disturb(lab: Lab, verb: string, words: readonly string[]): Promise<number> {
  if (isFaultVerb(verb)) {
    const plans = parseFault(verb, words, lab.ends);
    if (typeof plans === 'string') throw new BadInput(`${verb}: ${plans}`);
    await lab.disturb(plans);
    return 0;
  }
  const stranger = words.find((word) => !lab.ends.includes(word));
  if (stranger !== undefined) throw new BadInput(`mend: nothing is named "${stranger}": there are ${lab.ends.join(', ')}`);
  if (words.length > 2) throw new BadInput(`mend: "${words[2]}" is too much; mend [END [END]]`);
  await lab.mend(...words);
  return 0;
}

/** Also after a crash, and also when a lab was never whole: nothing of it is left behind. */
async function takeDown(name: string): Promise<number> {
  const lab = Lab.remains(name);
  const wasUp = existsSync(lab.stateDir);
  await endOwner(lab.stateDir);
  await lab.down();
  process.stdout.write(wasUp ? `the lab ${name} is down; nothing of it is left\n` : `no lab named ${name} was up\n`);
  return 0;
}

type Act = (lab: Lab, host: LabHost, words: readonly string[]) => Promise<unknown>;

const link = (word: string | undefined): 0 | 1 => {
  if (word !== '0' && word !== '1') throw new BadInput('which link: 0 or 1');
  return word === '0' ? 0 : 1;
};

const FAULTS: readonly BmcFault[] = ['ok', 'dead', 'slow', 'lying'];

const ACTIONS: Readonly<Record<string, Act>> = {
  cut: (lab, host) => lab.powerCut(host),
  'power-on': (lab, host) => lab.powerOn(host),
  reset: (lab, host) => lab.reset(host),
  isolate: (lab, host) => lab.isolate(host),
  reconnect: (lab, host) => lab.reconnect(host),
  hang: (lab, host) => lab.hang(host),
  unhang: (lab, host) => lab.unhang(host),
  'link-down': (lab, host, [word]) => lab.linkDown(host, link(word)),
  'link-up': (lab, host, [word]) => lab.linkUp(host, link(word)),
  bmc: (lab, host, [word]) => {
    const fault = FAULTS.find((one) => one === word);
    if (!fault) throw new BadInput(`bmc: one of ${FAULTS.join(', ')}`);
    return lab.bmc(host, fault);
  },
  lun: async (lab, host, [word]) => {
    if (!lab.hasLxd) throw new BadInput(`lun: the hosts of ${lab.name} have no LXD`);
    const sizeMiB = word === undefined ? undefined : Number(word);
    // Below, mkfs.btrfs refuses.
    if (sizeMiB !== undefined && (!Number.isInteger(sizeMiB) || sizeMiB < 256)) throw new BadInput('lun: the size in MiB, 256 or more');
    const pool = await addLunPool(lab, host, sizeMiB === undefined ? {} : { sizeMiB });
    process.stdout.write(`${lunPath(pool)} on every host; the LXD of ${host.name} has the pool ${pool} on it\n`);
  },
  ssh: async (lab, host, words) => {
    const ran = await lab.ssh(host, words.join(' ') || 'hostname', { okCodes: 'any' });
    process.stdout.write(ran.stdout);
    process.stderr.write(ran.stderr);
  },
};
