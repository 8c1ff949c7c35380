// The command line: its commands, its global options, and how errors end it.
import { Argument, Command, CommanderError } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import type { StatusDocument } from '../api/documents.js';
import { messageOf } from '../shared/errors.js';
import { addAlertCommands } from './alert-commands.js';
import { addClusterCommands } from './cluster-commands.js';
import { completion, isNameKind, namesOf, SHELLS, type Shell } from './completion.js';
import { contextOf, type Context, type Terminal } from './context.js';
import { addEventCommands } from './event-commands.js';
import { addHostCommands } from './host-commands.js';
import { CliError, EXIT } from './http-client.js';
import { given, whole, type Wiring } from './options.js';
import { addOperationCommands } from './operation-commands.js';
import { addPlanCommands } from './plan-commands.js';
import { addRuleCommands } from './rule-commands.js';
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
  const program = build(wiring, terminal, results);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return results.exitCode;
  } catch (error) {
    return endOf(error, terminal, argv.includes('--json'));
  }
}

function endOf(error: unknown, terminal: Terminal, json: boolean): number {
  // Commander has said what was wrong by itself; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const { exitCode, remedy } = error instanceof CliError ? error : { exitCode: EXIT.failed, remedy: null };
  const message = messageOf(error);
  if (json) terminal.err(`${JSON.stringify({ error: message, remedy, exitCode })}\n`);
  else terminal.err(`reeve: ${message}\n${remedy ? `  try: ${remedy}\n` : ''}`);
  return exitCode;
}

const NOTES = `
Exit codes: 0 done; 1 failed, or not found; 2 not understood; 3 the control plane does not answer; 4 refused.
Environment: REEVE_STATE_DIR, the control plane's folder on this machine (default: .reeve); or, from elsewhere,
REEVE_SERVER with REEVE_TOKEN or REEVE_TOKEN_FILE. REEVE_CLUSTER: as --cluster.`;

function build(wiring: Wiring, terminal: Terminal, results: { exitCode: number }): Command {
  const program = new Command('reeve')
    .description('High availability and live migration for KVM virtual machines')
    .option('--server <url>', 'http://127.0.0.1:7480 or unix:/path (default: REEVE_SERVER, or cli.json in REEVE_STATE_DIR)')
    .option('--cluster <cluster>', 'one of several clusters (default: REEVE_CLUSTER, or the first)')
    .option('--json', 'print JSON')
    .option('--wait', 'wait for what was begun; the exit code is its outcome')
    .option('--no-color', 'no colours')
    .version(manifest.version, '-V, --version', 'the version')
    .addHelpText('after', NOTES)
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map((one) => `<${one.name()}>`)].join(' ') })
    .exitOverride()
    .showHelpAfterError('(reeve --help shows what there is)')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .enablePositionalOptions(false);
  const { run } = wiring;
  program.command('status').description('the cluster at a glance').option('--watch', 'again every second').action(run(status));
  addClusterCommands(program, wiring);
  addHostCommands(program, wiring);
  addWorkloadCommands(program, wiring);
  addRuleCommands(program, wiring);
  addPlanCommands(program, wiring, terminal);
  addOperationCommands(program, wiring);
  addEventCommands(program, wiring);
  addAlertCommands(program, wiring);
  program
    .command('disarm')
    .description('switch automatic action off for planned work')
    .requiredOption('--reason <text>', 'why')
    .option('--for <s>', 'seconds until it ends by itself', whole, 3_600)
    .option('--mode <mode>', 'freeze: nothing is started, stopped or moved; ignore: workloads are as if unmanaged', 'freeze')
    .action(run(async (context, _args, options) => context.begun(await context.client.post('/disarm', { mode: options['mode'], reason: options['reason'], forS: options['for'] }), 'disarmed')));
  program.command('arm').description('switch automatic action on again').action(run(async (context) => context.begun(await context.client.post('/arm'), 'armed')));
  program
    .command('simulate <file>')
    .description('run a scenario file in virtual time (- reads standard input); needs no control plane')
    .option('--seed <n>', 'of every random choice; the same seed gives the same output', whole)
    .action(async (file: string, _options: unknown, command: Command) => {
      if (!terminal.simulate) throw new CliError(EXIT.usage, 'there is no simulator here');
      const { json, seed } = command.optsWithGlobals<{ json?: boolean; seed?: number }>();
      results.exitCode = await terminal.simulate(file, { json: json === true, seed: seed ?? null });
    });
  program
    .command('completion')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .description(`completion for ${SHELLS.join(', ')}: source <(reeve completion bash)`)
    .action((shell: string) => terminal.out(`${completion(program, shell as Shell)}\n`));
  // For completion: nothing at all is said when the names can't be had.
  program.command('__names <kind>', { hidden: true }).action(run(async (context, [kind = '']) => terminal.out(isNameKind(kind) ? (await namesOf(kind, context.client).catch(() => [])).map((name) => `${name}\n`).join('') : '')));
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
  const look = async (): Promise<void> => {
    const document = await context.client.get<StatusDocument>('/status');
    clear(context, watch === true);
    context.show(document, (one) => showStatus(one, context.style, Date.now()));
  };
  await look();
  while (watch) {
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    await look().catch((error: unknown) => {
      // It is being restarted, perhaps: who watches wants to see that, and it come back.
      if (!(error instanceof CliError) || error.exitCode !== EXIT.unreachable) throw error;
      clear(context, true);
      context.terminal.err(`reeve: ${error.message}; trying again\n`);
    });
  }
}

function clear({ terminal }: Context, watching: boolean): void {
  if (watching && terminal.isTty) terminal.out('\u001b[H\u001b[2J');
}
