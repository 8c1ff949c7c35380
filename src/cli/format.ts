// How things look in a terminal: tables, durations, sizes, colours. Pure.

export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
}

const plain = (text: string): string => text;
const ansi = (code: number) => (text: string): string => `\u001b[${code}m${text}\u001b[0m`;

export const PLAIN: Style = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain };
export const COLOURED: Style = { bold: ansi(1), dim: ansi(2), red: ansi(31), green: ansi(32), yellow: ansi(33) };

// eslint-disable-next-line no-control-regex -- our own colours
const COLOURS = /\u001b\[\d+m/g;
const widthOf = (text: string): number => text.replace(COLOURS, '').length;

/** Columns as wide as their widest cell; the last one is not padded. */
export function table(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, widthOf(cell))));
  return rows.map((row) => (indent + row.map((cell, column) => (column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)))).join('  ')).trimEnd()).join('\n');
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.round((ms % 60_000) / 1_000)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export const ago = (thenMs: number, nowMs: number): string => `${duration(Math.max(0, nowMs - thenMs))} ago`;

export function mebibytes(mib: number): string {
  return mib >= 10_240 ? `${(mib / 1024).toFixed(0)} GiB` : mib >= 1_024 ? `${(mib / 1024).toFixed(1)} GiB` : `${Math.round(mib)} MiB`;
}

const two = (number: number): string => String(number).padStart(2, '0');

/** In the time of the person who reads it. */
export function clockTime(ms: number): string {
  const date = new Date(ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function dayOf(ms: number): string {
  const date = new Date(ms);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `12:03:04`, with the day before it when that is not today. */
export function moment(ms: number, nowMs: number): string {
  const clock = clockTime(ms).slice(0, 8);
  return dayOf(ms) === dayOf(nowMs) ? clock : `${dayOf(ms)} ${clock}`;
}

/** `1 workload`, `2 workloads`. */
export const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

/** A bar of 20 places: `[#####...............] 25 %`. */
export function bar(percent: number): string {
  const full = Math.round(Math.max(0, Math.min(100, percent)) / 5);
  return `[${'#'.repeat(full)}${'.'.repeat(20 - full)}] ${Math.round(percent)} %`;
}

const GOOD = new Set(['online', 'running', 'succeeded', 'ok', 'done', 'stopped', 'maintenance']);
const BAD = new Set(['silent', 'fencing', 'error', 'failed', 'unknown', 'awaiting-fence', 'fail', 'waiting', 'missing']);

export function coloured(style: Style, state: string): string {
  if (GOOD.has(state)) return style.green(state);
  return BAD.has(state) ? style.red(state) : style.yellow(state);
}

/** `[#####....] 25 %  6 MiB left`; the percentage is not said twice. */
export function progressText({ percent, line }: { readonly percent?: number; readonly line: string }): string {
  return percent === undefined ? line : `${bar(percent)} ${line.replace(/^\d+ %: /, '')}`;
}
