// Option parsing that several commands share.
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Context } from './context.js';

/** A command's work: arguments and options as commander gives them. */
export type Work = (context: Context, args: readonly string[], options: Readonly<Record<string, unknown>>) => Promise<void>;

export interface Wiring {
  /** Makes commander's action from the work: context, errors, exit code. */
  readonly run: (work: Work) => (...given: unknown[]) => Promise<void>;
}

export const collect = (value: string, before: readonly string[]): string[] => [...before, value];

export function whole(value: string): number {
  if (!/^-?\d+$/.test(value)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(value);
}

export function port(value: string): number {
  const number = whole(value);
  if (number < 1 || number > 65_535) throw new InvalidArgumentError('It must be a port from 1 to 65535.');
  return number;
}

/** How many lines of a list: one page holds no more. */
export function howMany(value: string): number {
  const number = whole(value);
  if (number < 1 || number > 500) throw new InvalidArgumentError('It must be a number from 1 to 500.');
  return number;
}

/** Commander hands over the arguments (those left out as undefined), then the options, then the command. */
export function given(values: readonly unknown[]): { readonly args: string[]; readonly options: Readonly<Record<string, unknown>>; readonly command: Command } {
  const command = values.at(-1) as Command;
  return { args: values.slice(0, -2).flat().filter((one) => one !== undefined).map(String), options: command.opts(), command };
}
