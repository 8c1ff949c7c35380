// reeve rule …
import { Option, type Command } from 'commander';
import type { RuleDocument } from '../api/documents.js';
import type { Labels } from '../shared/labels.js';
import { table } from './format.js';
import { at, CliError, EXIT } from './http-client.js';
import { labelsGiven } from './labels.js';
import { collect, type Wiring } from './options.js';

interface Begun {
  readonly operationIds: readonly string[];
}

export function addRuleCommands(program: Command, { run }: Wiring): void {
  const rule = program.command('rule').description('placement rules: what stands together, apart, or on which hosts');
  rule.command('list').description('all rules, and what breaks them').action(run(async (context) => {
    const { items } = await context.client.get<{ items: RuleDocument[] }>('/rules');
    context.show(items, (all) =>
      all.length === 0
        ? 'no rules yet; `reeve rule add NAME --type keep-apart --workload A --workload B`, or --select app=db'
        : table([['NAME', 'TYPE', 'KIND', 'SAYS', 'BROKEN'], ...all.map((one) => [one.name, one.type, one.hard ? 'hard' : 'soft', one.says, one.broken ?? ''])], ''),
    );
  }));
  rule
    .command('add <name>')
    .description('add a rule; a hard one is never broken by automation, a soft one is a preference')
    .requiredOption('--type <type>', 'keep-apart, keep-together or hosts')
    .option('--workload <name>', 'a workload that it is about (repeat)', collect, [])
    .option('--select <key=value>', 'all workloads with this label, now and later (repeat: with all of them)', collect, [])
    .addOption(new Option('--per <scope>', 'for keep-apart and keep-together: of one host, or of one zone (default: host)').choices(['host', 'zone']))
    .option('--host <host[:priority]>', 'for type hosts: an allowed or preferred host; higher is preferred (repeat)', collect, [])
    .option('--host-select <labels[:priority]>', 'for type hosts: hosts with these labels, now and later: gpu=yes,zone=a:2 (repeat)', collect, [])
    .option('--soft', 'preferred only: broken rather than not run')
    .action(run(async (context, [name = ''], options) => {
      const hosts = [...(options['host'] as string[]).map(hostWithPriority), ...(options['hostSelect'] as string[]).map(selectedWithPriority)];
      const select = labelsGiven('--select', options['select'] as string[]);
      const body = {
        name, type: options['type'], workloads: options['workload'], ...(Object.keys(select).length > 0 ? { select } : {}), hard: options['soft'] !== true,
        ...(options['per'] === undefined ? {} : { per: options['per'] }), ...(hosts.length > 0 ? { hosts } : {}),
      };
      await context.begun(await context.client.post<Begun>('/rules', body), `rule ${name} is added`);
    }));
  rule.command('remove <name>').description('remove a rule').action(run(async (context, [name]) => context.begun(await context.client.delete<Begun>(at`/rules/${name}`), `rule ${name} is removed`)));
}

/** `gpu=yes,zone=a` or `gpu=yes,zone=a:2`. */
export function selectedWithPriority(text: string): { readonly select: Labels; readonly priority: number } {
  const found = /^(.+?)(?::(-?\d+))?$/.exec(text);
  return { select: labelsGiven('--host-select', [found?.[1] ?? '']), priority: Number(found?.[2] ?? 0) };
}

/** `host-1` or `host-1:2`. */
export function hostWithPriority(text: string): { readonly host: string; readonly priority: number } {
  const found = /^([^:]+)(?::(-?\d+))?$/.exec(text);
  if (!found?.[1]) throw new CliError(EXIT.usage, `--host: "${text}" is not HOST or HOST:PRIORITY`);
  return { host: found[1], priority: Number(found[2] ?? 0) };
}
