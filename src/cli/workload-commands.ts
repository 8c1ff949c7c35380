// reeve workload …
import { readFileSync } from 'node:fs';
import { Argument, Option, type Command } from 'commander';
import { parse } from 'yaml';
import type { WorkloadDocument } from '../api/documents.js';
import type { CopiesDocument } from '../cluster/commands/copy-commands.js';
import type { Explanation } from '../scheduler/explain-placement.js';
import { messageOf } from '../shared/errors.js';
import type { Context } from './context.js';
import { coloured, count, mebibytes, table } from './format.js';
import { at, CliError, EXIT } from './http-client.js';
import { addLabelCommand, labelsOption } from './labels.js';
import { collect, whole, type Wiring } from './options.js';
import { showCopies } from './show-copies.js';
import { showExplanation, showWorkload } from './show-details.js';
import { SPEC_NOTES } from './vm-spec-help.js';

interface Begun {
  readonly operationIds: readonly string[];
}

export function addWorkloadCommands(program: Command, { run }: Wiring): void {
  const workload = program.command('workload').description('virtual machines and containers');
  workload.command('list').description('all workloads').action(run(list));
  workload.command('show <workload>').description('one workload').action(run(async (context, [name]) => context.show(await context.client.get<WorkloadDocument>(at`/workloads/${name}`), (one) => showWorkload(one, context.style))));
  workload.command('explain <workload>').description('why it is where it is, and what each other host lacks').action(run(async (context, [name]) => context.show(await context.client.get<Explanation>(at`/workloads/${name}/explain`), (one) => showExplanation(one, context.style))));
  workload
    .command('adopt <host> <name>')
    .description('make an existing VM known to Reeve, as it is and where it is')
    .option('--protect', 'recover it when its host is lost')
    .option('--priority <n>', 'higher recovers first', whole, 0)
    .option('--drain <policy>', 'migrate, relocate or leave (default: as it can be moved)')
    .option('--label <key=value>', 'what placement rules select by (repeat)', collect, [])
    .action(run(async (context, [host, name], options) => context.begun(await context.client.post<Begun>('/workloads/adopt', { host, name, isProtected: options['protect'] === true, priority: options['priority'], drainPolicy: options['drain'] ?? null, ...labelsOption(options) }), `${name} is adopted`)));
  workload
    .command('create <file>')
    .description('create a VM or a container from a YAML or JSON specification (- is standard input)')
    .option('--host <host>', 'there and nowhere else (default: the scheduler chooses)')
    .option('--protect', 'recover it when its host is lost')
    .option('--priority <n>', 'higher recovers first', whole, 0)
    .option('--no-start', 'create it stopped')
    .option('--override', OVERRIDE)
    .option('--label <key=value>', 'what placement rules select by (repeat)', collect, [])
    .addHelpText('after', SPEC_NOTES)
    .action(run(create));
  workload
    .command('start <workload>')
    .description('start it')
    .option('--override', OVERRIDE)
    .action(run(async (context, [name], options) => begin(context, await context.client.post<Begun>(at`/workloads/${name}/start`, { override: options['override'] === true }), `${name} starts`, `${name} runs already`)));
  workload
    .command('stop <workload>')
    .description('shut it down')
    .option('--force', 'end it when it does not shut down in time')
    .option('--timeout <s>', 'seconds it gets', whole, 60)
    .action(run(async (context, [name], options) => begin(context, await context.client.post<Begun>(at`/workloads/${name}/stop`, { force: options['force'] === true, timeoutS: options['timeout'] }), `${name} stops`, `${name} is stopped already`)));
  workload
    .command('delete <workload>')
    .description('delete a stopped workload')
    .option('--disks', 'its own disks too')
    .option('--forget', 'only make Reeve forget it; nothing is touched on the host')
    .action(run(async (context, [name], options) => context.begun(await context.client.delete<Begun>(at`/workloads/${name}?deleteDisks=${options['disks'] === true}&forget=${options['forget'] === true}`), options['forget'] ? `${name} is forgotten` : `${name} is deleted`)));
  for (const [verb, done, description] of VERBS) {
    workload.command(`${verb} <workload>`).description(description).action(run(async (context, [name]) => context.begun(await context.client.post<Begun>(at`/workloads/${name}/${verb}`), `${name}: ${done}`)));
  }
  addOwnerCommands(workload, { run });
  addLabelCommand(workload, 'workload', { run });
  workload.command('set-priority <workload>').addArgument(new Argument('<n>', 'from -1000 to 1000').argParser(whole)).description('higher recovers first').action(run(async (context, [name, n]) => context.begun(await context.client.put<Begun>(at`/workloads/${name}/priority`, { priority: Number(n) }), `${name}: priority ${n}`)));
  workload
    .command('migrate <workload>')
    .description('move it live')
    .option('--to <host>', 'there (default: the scheduler chooses)')
    .option('--bandwidth <MiB/s>', 'limit', whole)
    .option('--max-downtime <ms>', 'limit', whole)
    .option('--copy-storage', 'copy disks that the other host does not share')
    .option('--override', OVERRIDE)
    .action(run(async (context, [name], options) => context.begun(await context.client.post<Begun>(at`/workloads/${name}/migrate`, { to: options['to'] ?? null, bandwidthMiBps: options['bandwidth'] ?? null, maxDowntimeMs: options['maxDowntime'] ?? null, copyStorage: options['copyStorage'] === true, override: options['override'] === true }), `${name} moves`)));
  workload
    .command('relocate <workload>')
    .description('stop, move, start')
    .option('--to <host>', 'there (default: the scheduler chooses)')
    .option('--force', 'end it when it does not shut down in time')
    .option('--timeout <s>', 'seconds it gets', whole, 60)
    .option('--override', OVERRIDE)
    .action(run(async (context, [name], options) => context.begun(await context.client.post<Begun>(at`/workloads/${name}/relocate`, { to: options['to'] ?? null, force: options['force'] === true, timeoutS: options['timeout'], override: options['override'] === true }), `${name} moves`)));
}

const OVERRIDE = 'also where it leaves no room for failure (policy admission)';

function addOwnerCommands(workload: Command, { run }: Wiring): void {
  workload
    .command('set-desired <workload> <desired>')
    .description('running, stopped, disabled (stopped and left alone, clears an error) or unmanaged')
    .option('--override', OVERRIDE)
    .action(run(async (context, [name, desired], options) => context.begun(await context.client.put<Begun>(at`/workloads/${name}/desired`, { desired, override: options['override'] === true }), `${name}: wanted ${desired}`)));
  workload
    .command('manage <workload>')
    .description('take an unmanaged workload back')
    .option('--host <host>', 'where it is (default: where it is seen)')
    .option('--desired <state>', 'running, stopped or disabled (default: what it does now)')
    .action(run(async (context, [name], options) => context.begun(await context.client.post<Begun>(at`/workloads/${name}/manage`, { host: options['host'] ?? null, desired: options['desired'] ?? null }), `${name}: managed`)));
  workload
    .command('replicate <workload>')
    .description('keep a copy on another host, of one whose data lie at its host (a container)')
    .option('--every <s>', 'seconds from one copy to the next', whole)
    .addOption(new Option('--stale <what>', 'what a host had of it before it was recovered elsewhere: stays until it is discarded, or may be written over').choices(['keep', 'reuse']))
    .option('--off', 'keep none; what is there stays')
    .action(run(replicate));
  workload
    .command('replicas [workload]')
    .description('copies of containers on all hosts, asked now; with --discard: deletes one of them, with its data')
    .option('--discard <host>', 'delete that host\'s copy')
    .addOption(new Option('--kind <kind>', 'which of them').choices(['replica', 'spare', 'set-aside']))
    .option('--force', 'also what it would be recovered from, and what may be all that is left of it')
    .action(run(replicas));
  workload
    .command('recover <workload>')
    .description('of one whose host is proven off, and whose pool could still be had from it: recover it from its older copy instead')
    .requiredOption('--from-replica', 'what it wrote since that copy stays in the pool')
    .action(run(async (context, [name]) => context.begun(await context.client.post<Begun>(at`/workloads/${name}/recover-from-replica`, {}), `${name} is recovered from its replica`)));
  workload
    .command('lock <workload>')
    .description('not moved and not stopped until it is unlocked, for a backup, say')
    .requiredOption('--reason <text>', 'why')
    .action(run(async (context, [name], { reason }) => context.begun(await context.client.post<Begun>(at`/workloads/${name}/lock`, { reason }), `${name}: locked`)));
  workload
    .command('set-policy <workload>')
    .description('restarts, relocations, failback, drain, order; what is not named stays')
    .option('--max-restarts <n>', 'tries on the same host before another is tried', whole)
    .option('--max-relocations <n>', 'other hosts tried before it is set to error', whole)
    .option('--failback <on|off>', 'goes back to a preferred host once that is well again')
    .option('--drain <policy>', 'migrate (live only), relocate (stopped and started where it can not move live) or leave')
    .option('--live-container <on|off>', 'a container: move it while it runs where both hosts have CRIU; it may fail to bring it back, then what was in memory is lost')
    .option('--start-after <workload>', 'start it after this one (repeat)', collect, [])
    .option('--no-order', 'start it after none')
    .action(run(setPolicy));
}

async function replicate(context: Context, [name]: readonly string[], { every, stale, off }: Readonly<Record<string, unknown>>): Promise<void> {
  const says = every !== undefined || stale !== undefined;
  if (says === (off === true)) throw new CliError(EXIT.usage, '--every SECONDS (and --stale keep|reuse) or --off: how often it is copied, or that it is not');
  await context.begun(await context.client.put<Begun>(at`/workloads/${name}/policies`, off === true ? { replicateEveryS: null } : { ...(every === undefined ? {} : { replicateEveryS: every }), ...(stale === undefined ? {} : { replicateStale: stale }) }), off === true ? `${name}: no copy is kept` : `${name}: a copy is kept on another host`);
}

async function replicas(context: Context, [name]: readonly (string | undefined)[], { discard, kind, force }: Readonly<Record<string, unknown>>): Promise<void> {
  if (discard === undefined && (kind !== undefined || force === true)) throw new CliError(EXIT.usage, '--kind and --force say what is deleted: with --discard HOST');
  if (discard === undefined) return context.show(await context.client.get<CopiesDocument>(name === undefined ? '/copies' : at`/workloads/${name}/copies`), (document) => showCopies(document, Date.now()));
  if (name === undefined || kind === undefined) throw new CliError(EXIT.usage, 'whose, and which of them: reeve workload replicas NAME --discard HOST --kind replica|spare|set-aside');
  await context.begun(await context.client.post<Begun>(at`/workloads/${name}/discard-copy`, { host: discard, kind, force: force === true }), `${name}: its ${String(kind)} on ${String(discard)} is deleted`);
}

async function setPolicy(context: Context, [name]: readonly string[], options: Readonly<Record<string, unknown>>): Promise<void> {
  const after = options['startAfter'] as string[];
  const failback = options['failback'];
  if (failback !== undefined && failback !== 'on' && failback !== 'off') throw new CliError(EXIT.usage, '--failback: on or off');
  const liveContainer = options['liveContainer'];
  if (liveContainer !== undefined && liveContainer !== 'on' && liveContainer !== 'off') throw new CliError(EXIT.usage, '--live-container: on or off');
  const body = {
    ...(options['maxRestarts'] === undefined ? {} : { maxRestarts: options['maxRestarts'] }),
    ...(options['maxRelocations'] === undefined ? {} : { maxRelocations: options['maxRelocations'] }),
    ...(failback === undefined ? {} : { failback: failback === 'on' }),
    ...(liveContainer === undefined ? {} : { movesLiveByCriu: liveContainer === 'on' }),
    ...(options['drain'] === undefined ? {} : { drainPolicy: options['drain'] }),
    ...(after.length > 0 || options['order'] === false ? { startAfter: after } : {}),
  };
  await context.begun(await context.client.put<Begun>(at`/workloads/${name}/policies`, body), `${name}: policies set`);
}

/** Nothing begun: it is so already. */
const begin = (context: Context, answer: Begun, done: string, already: string): Promise<void> => context.begun(answer, answer.operationIds.length === 0 ? already : done);

const VERBS = [
  ['protect', 'protected', 'recover it when its host is lost, restart it when it crashes'],
  ['unprotect', 'no longer protected', 'leave it alone when its host is lost'],
  ['unmanage', 'left as it is from now on', 'leave it as it is from now on; it is not touched'],
  ['unlock', 'unlocked', 'allow it to be moved and stopped again'],
  ['clear', 'error cleared', 'forget its failures, so that automation may act on it again'],
] as const;

async function list(context: Context): Promise<void> {
  const items = await context.client.all<WorkloadDocument>('/workloads');
  context.show(items, (workloads) =>
    workloads.length === 0
      ? 'no workloads yet; `reeve workload adopt HOST NAME`'
      : table([['NAME', 'STATE', 'HOST', 'PROTECTED', 'SIZE', 'WHY'], ...workloads.map((one) => [one.name, coloured(context.style, one.state), one.host ?? '-', one.isProtected ? 'yes' : 'no', `${count(one.needs.vcpus, 'vCPU')}, ${mebibytes(one.needs.memoryMiB)}`, one.why ?? ''])], ''),
  );
}

async function create(context: Context, [file = '-']: readonly string[], options: Readonly<Record<string, unknown>>): Promise<void> {
  let spec: unknown;
  try {
    spec = parse(readFileSync(file === '-' ? 0 : file, 'utf8'));
  } catch (error) {
    throw new CliError(EXIT.usage, `${file === '-' ? 'standard input' : file}: ${(messageOf(error).split('\n')[0] ?? '').replace(/:$/, '')}`);
  }
  if (typeof spec !== 'object' || spec === null) throw new CliError(EXIT.usage, `${file === '-' ? 'standard input' : file}: a specification with name, vcpus, memoryMiB, disks and network (kind: container, name and image or from) is wanted`);
  const answer = await context.client.post<Begun>('/workloads', { spec, host: options['host'] ?? null, isProtected: options['protect'] === true, priority: options['priority'], start: options['start'] !== false, override: options['override'] === true, ...labelsOption(options) });
  await context.begun(answer, 'being created');
}
