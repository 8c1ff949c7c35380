// A simulation's result for people: a timeline, one line each, then the final state.
import type { SimEvent, SimulationResult } from './result.js';

export function showResult({ seed, events, final, violations, stats }: SimulationResult, title: string | undefined): string {
  const lines = [
    ...(title === undefined ? [] : [title, '']),
    ...events.map(showEvent),
    '',
    `after ${final.at} s (seed ${seed}, ${stats.eventsProcessed} steps)`,
    ...table(Object.entries(final.hosts).map(([name, { state, power, network }]) => [name, state, `power ${power}`, `network ${network}`])),
    ...table(Object.entries(final.workloads).map(([name, one]) => [name, one.state, one.host ?? '-', whereItRuns(one), one.why ?? ''])),
    '',
    ...(violations.length === 0 ? ['no invariant was violated'] : violations.map((one) => `VIOLATED at ${one.t} s: ${one.invariant}: ${one.detail}`)),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** Said only where it differs from what the control plane believes. */
function whereItRuns({ host, runningOn, state }: SimulationResult['final']['workloads'][string]): string {
  const believed = state === 'running' && host !== null ? [host] : [];
  if (runningOn.join() === believed.join()) return '';
  return runningOn.length === 0 ? 'runs nowhere' : `runs on ${runningOn.join(' and ')}`;
}

export function showEvent({ t, type, ...fields }: SimEvent): string {
  return `${t.toFixed(1).padStart(8)}  ${type.padEnd(20)} ${sentence(type, fields)}`;
}

function sentence(type: string, fields: Readonly<Record<string, unknown>>): string {
  if (type === 'command' || type === 'command.refused') return commandSentence(fields);
  const { host, workload, from, to, why, what, replica, epoch, ...rest } = fields;
  const about = [workload, what, replica === undefined ? undefined : `replica-${String(replica)} leads with epoch ${String(epoch)}`].filter((one) => one !== undefined);
  const way = from !== undefined && to !== undefined ? `${String(from)} → ${String(to)}` : from !== undefined ? `${String(from)} → ${String(host)}` : host === undefined ? '' : about.length > 0 ? `on ${String(host)}` : String(host);
  const more = Object.entries(rest).filter(([key]) => key !== 'code').map(([key, value]) => `${key} ${plain(value)}`);
  return [...about.map(String), way, ...more, why === undefined || why === null || why === '' ? '' : `— ${String(why)}`].filter(Boolean).join('  ');
}

function commandSentence({ do: what, why, at: _at, ...fields }: Readonly<Record<string, unknown>>): string {
  const values = Object.entries(fields).map(([key, value]) => (key === 'host' || key === 'workload' ? plain(value) : `${key} ${plain(value)}`));
  return [String(what), ...values, why === undefined ? '' : `— ${String(why)}`].filter(Boolean).join('  ');
}

const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`);
}
