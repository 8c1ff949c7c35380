// Labels as they are typed: key=value sets one, key- takes it away.
import type { Command } from 'commander';
import { LABEL_KEY, type LabelChanges, type Labels } from '../shared/labels.js';
import { at, CliError, EXIT } from './http-client.js';
import type { Wiring } from './options.js';

interface Begun {
  readonly operationIds: readonly string[];
}

/** Of `option`: all must be key=value. A comma separates several. */
export function labelsGiven(option: string, texts: readonly string[]): Labels {
  return Object.fromEntries(texts.flatMap((text) => text.split(',')).map((text) => pairOf(option, text)));
}

function pairOf(option: string, text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new CliError(EXIT.usage, `${option}: "${text}" is not key=value, as in app=db`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** Of the option --label; nothing where none is given. */
export function labelsOption(options: Readonly<Record<string, unknown>>): { readonly labels?: Labels } {
  const given = options['label'] as readonly string[];
  return given.length === 0 ? {} : { labels: labelsGiven('--label', given) };
}

export function labelChanges(texts: readonly string[]): LabelChanges {
  return Object.fromEntries(texts.map((text): readonly [string, string | null] => {
    if (!text.includes('=') && text.endsWith('-') && LABEL_KEY.test(text.slice(0, -1))) return [text.slice(0, -1), null];
    return pairOf('label', text);
  }));
}

/** `reeve host label`, `reeve workload label`. */
export function addLabelCommand(parent: Command, kind: 'host' | 'workload', { run }: Wiring): void {
  parent
    .command(`label <${kind}> <labels...>`)
    .description('set labels (app=db) or take them away (app-); placement rules select by them')
    .action(run(async (context, [name, ...labels]) => context.begun(await context.client.put<Begun>(at`/${kind}s/${name}/labels`, { labels: labelChanges(labels) }), `${name}: labels set`)));
}
