// Shell completion, generated from the commands themselves.
import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Words {
  readonly path: string;
  readonly words: readonly string[];
}

function wordsOf(command: Command, path: string): readonly Words[] {
  const options = command.options.map((option) => option.long ?? option.short ?? '').filter(Boolean);
  const own: Words = { path, words: [...command.commands.map((child) => child.name()), ...options] };
  return [own, ...command.commands.flatMap((child) => wordsOf(child, `${path} ${child.name()}`.trim()))];
}

export function completion(program: Command, shell: Shell): string {
  const all = wordsOf(program, '');
  if (shell === 'fish') return all.flatMap(({ path, words }) => words.map((word) => fishLine(path, word))).join('\n');
  const cases = all.map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`).join('\n');
  const body = `_reeve() {
  local path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) continue ;; esac
    case "$path" in ${all.filter(({ path }) => path !== '' && !path.includes(' ')).map(({ path }) => `"${path}"`).join('|')}|"") path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _reeve reeve`;
  return shell === 'zsh' ? `autoload -Uz bashcompinit && bashcompinit\n${body}` : body;
}

function fishLine(path: string, word: string): string {
  const condition = path === '' ? '__fish_use_subcommand' : path.split(' ').map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ');
  return word.startsWith('--') ? `complete -c reeve -n '${condition}' -l ${word.slice(2)}` : `complete -c reeve -f -n '${condition}' -a ${word}`;
}
