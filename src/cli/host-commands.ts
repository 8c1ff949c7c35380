// reeve host …
import type { Command } from 'commander';
import type { HostDocument } from '../api/documents.js';
import type { PlanDocument } from '../cluster/commands/plan-commands.js';
import type { DrainPlan } from '../cluster/commands/drain-plan.js';
import type { CheckPoint } from '../hosts/enrolment-check.js';
import type { Context } from './context.js';
import { coloured, mebibytes, table } from './format.js';
import { at, CliError, EXIT } from './http-client.js';
import { collect, port, type Wiring } from './options.js';
import { planPath } from './plan-commands.js';
import { showRounds } from './show-plan.js';
import { addLabelCommand, labelsOption } from './labels.js';
import { showHost, showReport } from './show-details.js';
import { showDrainPlan } from './show-drain-plan.js';

interface Begun {
  readonly operationIds: readonly string[];
}

export function addHostCommands(program: Command, { run }: Wiring): void {
  const host = program.command('host').description('physical machines');
  host
    .command('add <name>')
    .description('check a host, pin its SSH key, install the agent, admit it')
    .requiredOption('--address <address>', 'for SSH and migration')
    .option('--link <address>', 'address for heartbeats, one per link, in order (repeat; default: --address)', collect, [])
    .option('--ssh-user <user>', 'login with root rights', 'root')
    .option('--ssh-port <port>', 'SSH port', port, 22)
    .option('--identity <file>', "private key on the control plane's machine (default: its own)")
    .option('--host-key <key>', 'pin this key, e.g. "ssh-ed25519 AAAA…", without asking')
    .option('--fence <device>', 'ipmi:address=…,user=…,passwordFile=… or agent:agent=fence_apc,… (repeat, in order)', collect, [])
    .option('--no-watchdog', 'no lease: protected workloads run on when the host is cut off, and only a device or a person can prove it off')
    .option('--zone <zone>', 'what it fails together with: a rack, a room')
    .option('--label <key=value>', 'what placement rules select by (repeat)', collect, [])
    .option('-y, --yes', 'pin the key that the host shows without asking')
    .option('--set-up-locks', 'make virtlockd the lock manager there and on members that share a pool with it; restarts libvirt where no VM runs')
    .option('--check-only', 'look and report; nothing is changed there or kept here')
    .addHelpText('after', ADD_NOTES)
    .action(run(addHost));
  host.command('list').description('all hosts').action(run(listHosts));
  host.command('show <host>').description('one host').action(run(async (context, [name]) => context.show(await context.client.get<HostDocument>(at`/hosts/${name}`), (one) => showHost(one, context.style))));
  host.command('check <host>').description('the report of the last check').action(run(async (context, [name]) => context.show(await context.client.get<{ items: CheckPoint[] }>(at`/hosts/${name}/check`), ({ items }) => showReport(items, context.style))));
  for (const [verb, done, description] of VERBS) {
    host.command(`${verb} <host>`).description(description).action(run(async (context, [name]) => context.begun(await context.client.post<Begun>(at`/hosts/${name}/${verb}`), `${name}: ${done}`)));
  }
  host
    .command('confirm-off <host>')
    .description('vouch that a silent host is off: its workloads start elsewhere')
    .requiredOption('--reason <text>', 'how you know')
    .action(run(async (context, [name], { reason }) => context.begun(await context.client.post<Begun>(at`/hosts/${name}/confirm-off`, { reason }), `${name} is taken as off`)));
  host
    .command('renew-trust <host>')
    .description('make its LXD or Incus and those of the other hosts know each other again; renew certificates that end soon')
    .option('--force', 'renew also what is good for long')
    .action(run(async (context, [name], { force }) => context.begun(await context.client.post<Begun>(at`/hosts/${name}/renew-trust`, { force: force === true }), `${name}: its trust is being renewed`)));
  host
    .command('repin <host>')
    .description('pin another SSH host key, after a reinstallation')
    .option('--host-key <key>', 'this one, without asking')
    .option('-y, --yes', 'the one that the host shows, without asking')
    .action(run(repin));
  host
    .command('set-fence <host>')
    .description('replace its fence devices')
    .option('--fence <device>', 'see host add (repeat, in order); `watchdog` for its lease', collect, [])
    .action(run(async (context, [name], { fence }) => context.begun(await context.client.put<Begun>(at`/hosts/${name}/fence-devices`, { fenceDevices: (fence as string[]).map(fenceDevice) }), `${name}: fence devices set`)));
  addLabelCommand(host, 'host', { run });
  host
    .command('zone <host> [zone]')
    .description('say what it fails together with: a rack, a room')
    .option('--none', 'in no zone: it stands alone')
    .action(run(async (context, [name, zone], { none }) => {
      if ((zone === undefined) !== (none === true)) throw new CliError(EXIT.usage, 'which one: reeve host zone HOST ZONE, or --none');
      await context.begun(await context.client.put<Begun>(at`/hosts/${name}/zone`, { zone: zone ?? null }), zone === undefined ? `${name} is in no zone` : `${name} is in zone ${zone}`);
    }));
  addMaintenanceCommands(host, { run });
  host
    .command('remove <host>')
    .description('take a host out; refused while workloads are there')
    .option('--lost', 'the machine is gone for good')
    .action(run(async (context, [name], { lost }) => context.begun(await context.client.delete<Begun>(at`/hosts/${name}?lost=${lost === true}`), `${name} is being removed`)));
}

function addMaintenanceCommands(host: Command, { run }: Wiring): void {
  host
    .command('drain <host>')
    .description('maintenance: move everything away, no fencing; says first what stands still and for how long')
    .option('--dry-run', 'say that, and begin nothing')
    .action(run(drain));
  host
    .command('undrain <host>')
    .description('end of maintenance')
    .option('--return', 'and bring back what the drain took away')
    .action(run(undrain));
}

const ADD_NOTES = `
Examples:
  reeve host add host-1 --address 10.0.0.11 --check-only
  reeve host add host-1 --address 10.0.0.11 --link 10.0.0.11 --link 10.1.0.11 --wait \\
    --fence ipmi:address=10.0.9.11,user=admin,passwordFile=/etc/reeve/ipmi-password
  reeve host add host-2 --address 10.0.0.12 --fence agent:agent=fence_apc,ip=10.0.9.2,username=apc,passwordFile=/etc/reeve/apc,plug=2
Devices are tried in their order. Files are those of the control plane's machine, so that no password stands in a list of processes.`;

const VERBS = [
  ['enrol', 'checked and enrolled again', 'check and enrol again after what was wrong has been put right'],
  ['cordon', 'nothing new is placed there', 'place nothing new there'],
  ['uncordon', 'in service', 'place there again'],
  ['release', 'takes workloads again', 'end its quarantine'],
  ['fence', 'being fenced', 'cut its power now and recover its workloads elsewhere'],
  ['power-on', 'told to power on', 'power on by its fence device'],
  ['refresh', 'read anew', 'read sizes, versions, pools and bridges anew'],
] as const;

async function addHost(context: Context, [name]: readonly string[], options: Readonly<Record<string, unknown>>): Promise<void> {
  const address = String(options['address']);
  const sshPort = Number(options['sshPort']);
  const hostKey = typeof options['hostKey'] === 'string' ? options['hostKey'] : await pinned(context, { address, sshPort, yes: options['yes'] === true });
  const links = options['link'] as string[];
  const host = {
    name,
    address,
    ...(links.length > 0 ? { links } : {}),
    ssh: { user: String(options['sshUser']), port: sshPort, hostKey, identityFile: options['identity'] ?? null },
    fenceDevices: [...(options['fence'] as string[]).map(fenceDevice), ...(options['watchdog'] === false ? [] : [{ kind: 'watchdog', options: {} }])],
    ...(typeof options['zone'] === 'string' ? { zone: options['zone'] } : {}),
    ...labelsOption(options),
  };
  if (options['checkOnly'] === true) return checkOnly(context, host);
  const answer = await context.client.post<{ operationId: string | null }>('/hosts', { ...host, setUpLocks: options['setUpLocks'] === true });
  await context.begun(answer, `${name} is being enrolled`);
  if (context.json || !context.waits) return;
  const report = await context.client.get<{ items: CheckPoint[] }>(at`/hosts/${name}/check`);
  if (report.items.length > 0) context.terminal.out(`${showReport(report.items, context.style)}\n`);
}

async function checkOnly(context: Context, host: Readonly<Record<string, unknown>>): Promise<void> {
  const { items } = await context.client.post<{ items: CheckPoint[] }>('/hosts/check', host);
  context.show(items, (points) => showReport(points, context.style));
  if (items.some((one) => one.state === 'fail')) context.exitCode = EXIT.failed;
}

async function drain(context: Context, [name = '']: readonly string[], { dryRun }: Readonly<Record<string, unknown>>): Promise<void> {
  const plan = await context.client.get<DrainPlan>(at`/hosts/${name}/drain-plan`);
  if (dryRun === true) {
    const { moves } = await context.client.get<PlanDocument>(planPath({ kind: 'drain', hosts: [name] }));
    return context.show({ ...plan, moves }, (one) => [showDrainPlan(one), ...showRounds(moves)].join('\n'));
  }
  if (!context.json) context.terminal.out(`${showDrainPlan(plan)}\n`);
  await context.begun(await context.client.post<Begun>(at`/hosts/${name}/drain`), `${name}: being drained`);
}

async function undrain(context: Context, [name = '']: readonly string[], options: Readonly<Record<string, unknown>>): Promise<void> {
  const ended = await context.client.post<Begun>(at`/hosts/${name}/undrain`);
  if (options['return'] !== true) return context.begun(ended, `${name}: in service again`);
  const back = await context.client.post<Begun>(planPath({ kind: 'return', hosts: [name] }));
  await context.begun(back, back.operationIds.length === 0 ? `${name}: in service again; nothing is to come back` : `${name}: in service again, and what was drained comes back`);
}

async function repin(context: Context, [name]: readonly string[], options: Readonly<Record<string, unknown>>): Promise<void> {
  const { address, ssh } = await context.client.get<HostDocument>(at`/hosts/${name}`);
  const hostKey = typeof options['hostKey'] === 'string' ? options['hostKey'] : await pinned(context, { address, sshPort: ssh.port, yes: options['yes'] === true });
  await context.begun(await context.client.put<Begun>(at`/hosts/${name}/host-key`, { hostKey }), `${name}: key pinned`);
}

async function pinned(context: Context, { address, sshPort, yes }: { readonly address: string; readonly sshPort: number; readonly yes: boolean }): Promise<string> {
  const { hostKey, fingerprint } = await context.client.post<{ hostKey: string; fingerprint: string }>('/hosts/scan-key', { address, port: sshPort });
  context.terminal.err(`${address} shows the host key ${hostKey.split(' ')[0]} ${fingerprint}\n`);
  if (yes) return hostKey;
  if (!context.terminal.ask) throw new CliError(EXIT.refused, 'nobody can be asked whether this key is the right one', `compare it on the host (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then: --host-key '${hostKey}', or --yes`);
  const answer = await context.terminal.ask('Compare it with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host. Is it the same? (yes/no) ');
  if (answer.trim().toLowerCase() !== 'yes') throw new CliError(EXIT.refused, 'the key was not confirmed; nothing was done');
  return hostKey;
}

/** `ipmi:address=10.0.0.1,user=admin,passwordFile=/path` */
export function fenceDevice(text: string): { kind: string; options: Record<string, string> } {
  const [kind = '', ...rest] = text.split(':');
  const pairs = rest.join(':').split(',').filter((pair) => pair !== '');
  const options: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at <= 0) throw new CliError(EXIT.usage, `--fence: "${pair}" is not key=value, as in ipmi:address=10.0.0.1,user=admin,passwordFile=/path`);
    options[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return { kind: kind === 'agent' ? 'fence-agent' : kind, options };
}

async function listHosts(context: Context): Promise<void> {
  const items = await context.client.all<HostDocument>('/hosts');
  context.show(items, (hosts) => {
    if (hosts.length === 0) return 'no hosts yet; `reeve host add NAME --address …`';
    // Only where there are zones.
    const zone = (cell: string): readonly string[] => (hosts.some((one) => one.zone !== null) ? [cell] : []);
    const rows = hosts.map((one) => [one.name, coloured(context.style, one.state), ...zone(one.zone ?? '-'), one.address, String(one.usage.workloads), one.facts ? `${mebibytes(one.usage.memoryMiB)} of ${mebibytes(one.facts.memoryMiB)}` : '?', one.condition === 'online' ? '' : (one.why ?? '')]);
    return table([['NAME', 'STATE', ...zone('ZONE'), 'ADDRESS', 'WORKLOADS', 'MEMORY', 'WHY'], ...rows], '');
  });
}
