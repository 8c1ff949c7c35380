// Shell completion, generated from the commands themselves; names of hosts and workloads are asked of the control plane.
import type { Command } from 'commander';
import type { HttpClient } from './http-client.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Where names of a kind come from. */
const NAMES = { clusters: '/clusters', hosts: '/hosts', workloads: '/workloads', rules: '/rules', targets: '/alerts', operations: '/operations?state=pending,running' } as const;
export type NameKind = keyof typeof NAMES;

export const isNameKind = (text: string): text is NameKind => Object.hasOwn(NAMES, text);

export async function namesOf(kind: NameKind, client: HttpClient): Promise<readonly string[]> {
  if (kind === 'hosts' || kind === 'workloads') return (await client.all<{ name: string }>(NAMES[kind])).map((one) => one.name);
  const { items } = await client.get<{ items: { id?: string; name?: string }[] }>(NAMES[kind]);
  return items.map((one) => one.name ?? one.id ?? '');
}

/** What an argument or an option's value is called, and what it is then a name of. */
const CALLED: Readonly<Record<string, NameKind>> = { host: 'hosts', workload: 'workloads', id: 'operations', target: 'targets' };
const OPTIONS: Readonly<Record<string, NameKind>> = { '--cluster': 'clusters', '--to': 'hosts', '--host': 'hosts', '--workload': 'workloads' };

interface Known {
  readonly path: string;
  readonly words: readonly string[];
  /** For each argument: the names that fit, or the words. */
  readonly args: readonly (NameKind | readonly string[] | null)[];
  readonly isGroup: boolean;
}

function known(command: Command, path: string): readonly Known[] {
  const children = command.commands.filter((child) => !child.name().startsWith('__'));
  const options = command.options.map((option) => option.long ?? option.short ?? '').filter(Boolean);
  const args = command.registeredArguments.map((argument) => argument.argChoices ?? CALLED[argument.name()] ?? (path === 'rule remove' ? 'rules' : null));
  const own: Known = { path, words: [...children.map((child) => child.name()), ...options], args, isGroup: children.length > 0 };
  return [own, ...children.flatMap((child) => known(child, `${path} ${child.name()}`.trim()))];
}

/** Options that take a value: the word behind them is no argument. */
function valued(command: Command): readonly string[] {
  const own = command.options.filter((option) => option.required || option.optional).flatMap((option) => [option.long, option.short].filter((name): name is string => Boolean(name)));
  return [...new Set([...own, ...command.commands.flatMap(valued)])];
}

export function completion(program: Command, shell: Shell): string {
  const all = known(program, '');
  if (shell === 'fish') return all.flatMap(fishLines).join('\n');
  const body = bash(all, valued(program));
  return shell === 'zsh' ? `autoload -Uz bashcompinit && bashcompinit\n${body}` : body;
}

function bash(all: readonly Known[], withValue: readonly string[]): string {
  const groups = all.filter(({ isGroup }) => isGroup).map(({ path }) => `"${path}"`).join('|');
  const words = all.map(({ path, words: own }) => `    "${path}") words="${own.join(' ')}" ;;`);
  const args = all.flatMap(({ path, args: own }) => own.flatMap((arg, index) => (arg === null ? [] : [`    "${path} ${index}") ${typeof arg === 'string' ? `names=${arg}` : `words="${arg.join(' ')}"`} ;;`])));
  return `_reeve() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="" path="" word words="" names="" count=0 cluster=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [ "$prev" != --cluster ] || cluster="$word"
    case "$prev" in ${withValue.join('|')}) prev=""; continue ;; esac
    prev="$word"
    case "$word" in -*) continue ;; esac
    case "$path" in ${groups}) path="\${path:+$path }$word" ;; *) count=$((count + 1)) ;; esac
  done
  case "$path" in
${words.join('\n')}
  esac
  case "$prev" in
${Object.entries(OPTIONS).map(([option, kind]) => `    ${option}) names=${kind} words="" ;;`).join('\n')}
    ${withValue.filter((option) => !(option in OPTIONS)).join('|')}) words="" ;;
    *) case "$cur" in -*) ;; *) case "$path $count" in
${args.join('\n')}
    esac ;; esac ;;
  esac
  [ -z "$names" ] || words="$("\${COMP_WORDS[0]}" __names "$names" \${cluster:+--cluster "$cluster"} 2>/dev/null)"
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _reeve reeve`;
}

function fishLines({ path, words, args }: Known): readonly string[] {
  const condition = path === '' ? '__fish_use_subcommand' : path.split(' ').map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ');
  const own = words.map((word) => (word.startsWith('--') ? `complete -c reeve -n '${condition}' -l ${word.slice(2)}${OPTIONS[word] ? ` -x -a '(reeve __names ${OPTIONS[word]} 2>/dev/null)'` : ''}` : `complete -c reeve -f -n '${condition}' -a ${word}`));
  const [first = null] = args;
  if (first === null) return own;
  return [...own, `complete -c reeve -f -n '${condition}' -a '${typeof first === 'string' ? `(reeve __names ${first} 2>/dev/null)` : first.join(' ')}'`];
}
