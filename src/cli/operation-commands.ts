// reeve operation …
import type { Command } from 'commander';
import type { OperationDocument } from '../api/documents.js';
import type { Context } from './context.js';
import { coloured, moment, table } from './format.js';
import { at } from './http-client.js';
import { howMany, type Wiring } from './options.js';
import { showOperation } from './show-details.js';

export function addOperationCommands(program: Command, { run }: Wiring): void {
  const operation = program.command('operation').description('committed units of work');
  operation
    .command('list')
    .description('newest first')
    .option('--state <states>', 'some of pending,running,succeeded,failed,cancelled,unknown')
    .option('--host <host>', 'only those about this host')
    .option('--workload <workload>', 'only those about this workload')
    .option('-n, --last <n>', 'how many', howMany, 20)
    .action(run(list));
  operation
    .command('show <id>')
    .description('steps, progress, proof and outcome')
    .action(run(async (context, [id]) => context.show(await context.client.get<OperationDocument>(at`/operations/${id}`), (one) => showOperation(one, context.style, Date.now()))));
  operation
    .command('cancel <id>')
    .description('ask it to end; what was done is undone')
    .action(run(async (context, [id = '']) => {
      await context.client.post(at`/operations/${id}/cancel`);
      // What it was asked for is that it ends: with --wait that is waited for, and `cancelled` is success.
      await context.begun({ operationIds: context.waits ? [id] : [] }, `${id}: asked to end`, 'cancelled');
    }));
}

async function list(context: Context, _args: readonly string[], options: Readonly<Record<string, unknown>>): Promise<void> {
  const filter = ['state', 'host', 'workload'].flatMap((name) => (options[name] === undefined ? [] : [`&${name}=${encodeURIComponent(String(options[name]))}`])).join('');
  const { items } = await context.client.get<{ items: OperationDocument[] }>(`/operations?limit=${String(options['last'])}${filter}`);
  const rows = (all: readonly OperationDocument[]): string =>
    table([['ID', 'KIND', 'ABOUT', 'TO', 'STATE', 'BEGAN', 'WHY'], ...all.map((one) => [one.id, one.kind, one.workload ?? one.host ?? '', one.target ?? '', coloured(context.style, one.state), moment(one.createdAtMs, Date.now()), one.why ?? ''])], '');
  context.show(items, (all) => (all.length === 0 ? 'no operations' : rows(all)));
}
