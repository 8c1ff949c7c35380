// The command line: its commands, its global options, and how errors end it.
import { Command, CommanderError } from 'commander';
import type { ClusterEvent } from '../cluster/cluster-event.js';
import type { OperationDocument, StatusDocument } from '../api/documents.js';
import { messageOf } from '../shared/errors.js';
import { completion, SHELLS, type Shell } from './completion.js';
import { contextOf, type Context, type Terminal } from './context.js';
import { clockTime, coloured, table } from './format.js';
import { addHostCommands } from './host-commands.js';
import { CliError, EXIT } from './http-client.js';
import { given, whole, type Wiring } from './options.js';
import { addRuleCommands } from './rule-commands.js';
import { showEvent, showOperation } from './show-details.js';
import { showStatus } from './show-status.js';
import { addWorkloadCommands } from './workload-commands.js';

const WATCH_MS = 1_000;

/** Runs one command line; the result is the exit code. */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  const results = { exitCode: EXIT.done as number };
  const wiring: Wiring = {
    run: (work) => async (...values) => {
      const { args, options, command } = given(values);
      await work(contextOf(command, terminal, results), args, options);
    },
  };
  const program = build(wiring, terminal);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return results.exitCode;
  } catch (error) {
    return endOf(error, terminal);
  }
}

function endOf(error: unknown, terminal: Terminal): number {
  // Commander has said what was wrong by itself; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (!(error instanceof CliError)) {
    terminal.err(`reeve: ${messageOf(error)}\n`);
    return EXIT.failed;
  }
  terminal.err(`reeve: ${error.message}\n${error.remedy ? `  try: ${error.remedy}\n` : ''}`);
  return error.exitCode;
}

function build(wiring: Wiring, terminal: Terminal): Command {
  const program = new Command('reeve')
    .description('High availability and live migration for KVM virtual machines')
    .option('--server <url>', 'http://127.0.0.1:7480 or unix:/path (default: REEVE_SERVER, or cli.json in REEVE_STATE_DIR)')
    .option('--json', 'print JSON')
    .option('--wait', 'wait for what was begun; the exit code is its outcome')
    .option('--no-color', 'no colours')
    .exitOverride()
    .showHelpAfterError('(reeve --help shows what there is)')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .enablePositionalOptions(false);
  const { run } = wiring;
  program.command('status').description('the cluster at a glance').option('--watch', 'again every second').action(run(status));
  addHostCommands(program, wiring);
  addWorkloadCommands(program, wiring);
  addRuleCommands(program, wiring);
  addOperationCommands(program, wiring);
  program
    .command('events')
    .description('what happened')
    .option('-f, --follow', 'and what happens')
    .option('-n, --last <n>', 'how many', whole, 30)
    .action(run(events));
  program
    .command('disarm')
    .description('switch automatic action off for planned work')
    .requiredOption('--reason <text>', 'why')
    .option('--for <s>', 'seconds until it ends by itself', whole, 3_600)
    .option('--mode <mode>', 'freeze: nothing is started, stopped or moved; ignore: workloads are as if unmanaged', 'freeze')
    .action(run(async (context, _args, options) => context.begun(await context.client.post('/disarm', { mode: options['mode'], reason: options['reason'], forS: options['for'] }), 'disarmed')));
  program.command('arm').description('switch automatic action on again').action(run(async (context) => context.begun(await context.client.post('/arm'), 'armed')));
  program.command('audit').description('who did what').action(run(audit));
  program
    .command('completion <shell>')
    .description(`completion for ${SHELLS.join(', ')}: source <(reeve completion bash)`)
    .action((shell: string) => {
      if (!SHELLS.includes(shell as Shell)) throw new CliError(EXIT.usage, `there is completion for ${SHELLS.join(', ')}, not for "${shell}"`);
      terminal.out(`${completion(program, shell as Shell)}\n`);
    });
  inherit(program);
  return program;
}

/** Global options may stand behind the subcommand, where people write them. */
function inherit(program: Command): void {
  const visit = (command: Command): void => {
    for (const child of command.commands) {
      child.exitOverride().configureOutput(command.configureOutput());
      if (child.commands.length === 0) for (const option of program.options) if (!child.options.some((one) => one.long === option.long)) child.addOption(hidden(option));
      visit(child);
    }
  };
  visit(program);
}

function hidden(option: Command['options'][number]): Command['options'][number] {
  const copy = Object.assign(Object.create(Object.getPrototypeOf(option) as object) as typeof option, option);
  copy.defaultValue = undefined;
  copy.hidden = true;
  return copy;
}

async function status(context: Context, _args: readonly string[], { watch }: Readonly<Record<string, unknown>>): Promise<void> {
  for (;;) {
    const document = await context.client.get<StatusDocument>('/status');
    if (watch && context.terminal.isTty) context.terminal.out('\u001b[H\u001b[2J');
    context.show(document, (one) => showStatus(one, context.style, Date.now()));
    if (!watch) return;
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  }
}

function addOperationCommands(program: Command, { run }: Wiring): void {
  const operation = program.command('operation').description('committed units of work');
  operation
    .command('list')
    .description('newest first')
    .option('--state <states>', 'pending,running,succeeded,failed,cancelled,unknown')
    .option('-n, --last <n>', 'how many', whole, 20)
    .action(run(async (context, _args, { state, last }) => {
      const { items } = await context.client.get<{ items: OperationDocument[] }>(`/operations?limit=${String(last)}${state ? `&state=${encodeURIComponent(String(state))}` : ''}`);
      context.show(items, (all) => table([['ID', 'KIND', 'ABOUT', 'STATE', 'BEGAN', 'WHY'], ...all.map((one) => [one.id, one.kind, one.workload ?? one.host ?? '', coloured(context.style, one.state), clockTime(one.createdAtMs).slice(0, 8), one.why ?? ''])], ''));
    }));
  operation.command('show <id>').description('steps, progress, proof and outcome').action(run(async (context, [id]) => context.show(await context.client.get<OperationDocument>(`/operations/${id}`), (one) => showOperation(one, context.style))));
  operation.command('cancel <id>').description('ask it to end; what was done is undone').action(run(async (context, [id]) => context.begun(await context.client.post(`/operations/${id}/cancel`), `${id}: asked to end`)));
}

async function events(context: Context, _args: readonly string[], { follow, last }: Readonly<Record<string, unknown>>): Promise<void> {
  const print = (event: ClusterEvent): void => context.terminal.out(`${context.json ? JSON.stringify(event) : showEvent(event, context.style)}\n`);
  const { items } = await context.client.get<{ items: ClusterEvent[] }>(`/events?limit=${String(last)}`);
  for (const event of items) print(event);
  if (!follow) return;
  await context.client.follow(`/events/stream?after=${items.at(-1)?.seq ?? 0}`, (data) => {
    print(JSON.parse(data) as ClusterEvent);
    return true;
  });
}

async function audit(context: Context): Promise<void> {
  const { items } = await context.client.get<{ items: { atMs: number; actor: string; action: string; target: string; details: unknown }[] }>('/audit?limit=50');
  context.show(items, (all) => table(all.map((one) => [new Date(one.atMs).toISOString().slice(0, 19), one.actor, one.action, one.target, JSON.stringify(one.details)]), ''));
}
