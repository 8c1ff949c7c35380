// reeve events and reeve audit: what happened, and who did it.
import type { Command } from 'commander';
import type { ClusterEvent } from '../cluster/cluster-event.js';
import { messageOf } from '../shared/errors.js';
import type { Context } from './context.js';
import { moment, table } from './format.js';
import { CliError, EXIT } from './http-client.js';
import { howMany, whole, type Wiring } from './options.js';
import { showEvent } from './show-details.js';

/** Between two tries to follow again after the control plane went away. */
const AGAIN_MS = 1_000;

export function addEventCommands(program: Command, { run }: Wiring): void {
  program
    .command('events')
    .description('what happened; with --json one object a line')
    .option('-f, --follow', 'and what happens')
    .option('-n, --last <n>', 'how many', howMany, 30)
    .option('--after <n>', 'those after this number, oldest first', whole)
    .option('--host <host>', 'only those about this host')
    .option('--workload <workload>', 'only those about this workload')
    .option('--type <types>', 'only these, e.g. host.fenced,workload.recovered')
    .action(run(events));
  program.command('audit').description('who did what').option('-n, --last <n>', 'how many', howMany, 50).action(run(audit));
}

async function events(context: Context, _args: readonly string[], options: Readonly<Record<string, unknown>>): Promise<void> {
  const filter = ['host', 'workload', 'type'].flatMap((name) => (options[name] === undefined ? [] : [`&${name}=${encodeURIComponent(String(options[name]))}`])).join('');
  const print = (event: ClusterEvent): void => context.terminal.out(`${context.json ? JSON.stringify(event) : showEvent(event, context.style, Date.now())}\n`);
  // The newest of all is where following begins, whatever the filter lets through.
  const newest = await context.client.get<{ items: ClusterEvent[] }>('/events?limit=1');
  const { items } = await context.client.get<{ items: ClusterEvent[] }>(`/events?limit=${String(options['last'])}${options['after'] === undefined ? '' : `&after=${String(options['after'])}`}${filter}`);
  for (const event of items) print(event);
  if (options['follow']) await follow(context, filter, Math.max(newest.items.at(-1)?.seq ?? 0, items.at(-1)?.seq ?? 0), print);
}

/** Until the person ends it: a control plane that restarts, or a broken line, is followed on after the last event seen. */
async function follow(context: Context, filter: string, from: number, print: (event: ClusterEvent) => void): Promise<void> {
  let seq = from;
  let away = false;
  for (;;) {
    try {
      await context.client.follow(`/events/stream?after=${seq}${filter}`, (data) => {
        if (away) context.terminal.err('reeve: following again\n');
        away = false;
        const event = JSON.parse(data) as ClusterEvent;
        seq = event.seq;
        print(event);
        return true;
      });
    } catch (error) {
      if (error instanceof CliError && error.exitCode !== EXIT.unreachable) throw error;
      if (!away) context.terminal.err(`reeve: ${messageOf(error)}; trying again\n`);
      away = true;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

interface AuditItem {
  readonly atMs: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly details: Readonly<Record<string, unknown>>;
}

async function audit(context: Context, _args: readonly string[], { last }: Readonly<Record<string, unknown>>): Promise<void> {
  const { items } = await context.client.get<{ items: AuditItem[] }>(`/audit?limit=${String(last)}`);
  const details = (one: AuditItem): string => Object.entries(one.details).filter(([, value]) => value !== null).map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' ');
  context.show(items, (all) =>
    all.length === 0 ? 'nobody has done anything yet' : table([['WHEN', 'WHO', 'DID', 'TO', 'HOW'], ...all.map((one) => [moment(one.atMs, Date.now()), one.actor, one.action, one.target, details(one)])], ''),
  );
}
