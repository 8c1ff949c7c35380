// reeve plan …
import type { Command } from 'commander';
import type { PlanDocument, PlanKind, PlanRequest } from '../cluster/commands/plan-commands.js';
import type { Context, Terminal } from './context.js';
import { CliError, EXIT } from './http-client.js';
import type { Wiring } from './options.js';
import { showPlan } from './show-plan.js';

interface Begun {
  readonly operationIds: readonly string[];
}

export function addPlanCommands(program: Command, { run }: Wiring, terminal: Terminal): void {
  const plan = program.command('plan').description('what would be done: moves in rounds, who is left without a place and why, how full and how even it is before and after');
  const input = ['--input <file>', 'of the inventory in this file, as `reeve cluster export` writes it (- reads standard input); needs no control plane'] as const;
  const asked = (kind: PlanKind) => async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const { input: file, json } = command.optsWithGlobals<{ input?: string; json?: boolean }>();
    const request = { kind, hosts: command.args };
    if (file === undefined) return run((context, _args, options) => show(context, request, options['apply'] === true))(...given);
    if (command.opts<{ apply?: boolean }>().apply === true) throw new CliError(EXIT.usage, '--apply: a plan from a file is only looked at; without --input the control plane plans anew and carries it out');
    if (!terminal.plan) throw new CliError(EXIT.usage, '--input: there is no planner in this build');
    const made = await terminal.plan(file, request);
    if (!made.ok) throw new CliError(EXIT.usage, made.error);
    terminal.out(json === true ? `${JSON.stringify(made.value, null, 2)}\n` : `${showPlan(made.value)}\n`);
  };
  plan.command('loss <host...>').description('these hosts lost now: what starts where, and what stays down').option(...input).action(asked('loss'));
  plan.command('drain <host...>').description('these hosts drained: every step fits and keeps the hard rules; which of them can go together').option(...input).action(asked('drain'));
  plan.command('balance').description('the fewest moves that make the hosts evenly full').option(...input).option('--apply', 'begin it; each move is looked at again when its turn comes').action(asked('balance'));
  plan.command('return <host...>').description('the way back of what the latest drain took away').option(...input).option('--apply', 'begin it; each move is looked at again when its turn comes').action(asked('return'));
}

async function show(context: Context, request: PlanRequest, apply: boolean): Promise<void> {
  const path = planPath(request);
  if (!apply || !context.json) {
    const plan = await context.client.get<PlanDocument>(path);
    if (!apply) return context.show(plan, showPlan);
    context.terminal.out(`${showPlan(plan)}\n`);
  }
  const begun = await context.client.post<Begun>(path);
  await context.begun(begun, begun.operationIds.length === 0 ? 'nothing is to be moved' : 'being carried out');
}

export const planPath = ({ kind, hosts }: PlanRequest): string => `/plans/${kind}${hosts.map((host, nth) => `${nth === 0 ? '?' : '&'}host=${encodeURIComponent(host)}`).join('')}`;
