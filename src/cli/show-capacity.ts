// `reeve cluster capacity`: what would stay down with each loss, the tightest one, and what would mend it.
import type { FailureRoom, Filled, LossOutcome } from '../scheduler/failure-room.js';
import { count, mebibytes, table, type Style } from './format.js';

/** Of pairs, which are many, only those are shown that leave something down, and so many. */
const ROWS = 40;

const MODES: { readonly [M in FailureRoom['mode']]: string } = { 'n+1': 'any one host', 'n+2': 'any two hosts', zone: 'any one zone' };

export function showCapacity(room: FailureRoom, style: Style): string {
  const { mode, isOk, outcomes, undecided, leftOut } = room;
  const counts = (one: LossOutcome): boolean => one.down.some(({ isBound }) => !isBound);
  const shown = mode === 'n+2' ? outcomes.filter(counts) : outcomes;
  const verdict = isOk ? style.green(`there is room for the loss of ${MODES[mode]}`) : style.red(`there is NO ROOM for the loss of ${MODES[mode]}: ${outcomes.filter(counts).length} of ${outcomes.length} would leave something down`);
  return [
    `${style.bold(`Room for failure (${mode})`)}: ${verdict}`,
    `  memory ${usedOf(room.memoryMiB, mebibytes)}; vCPUs ${usedOf(room.vcpus, String)}`,
    ...tightest(room),
    ...(undecided.length === 0 ? [] : [style.yellow(`  not counted as lost, nor as there: ${undecided.join(', ')} (silent or being fenced)`)]),
    ...(leftOut === 0 ? [] : [`  pairs are tried of the ${MOST_PAIRED} fullest hosts; ${count(leftOut, 'host')} left out`]),
    ...(room.untried === 0 ? [] : [`  ${count(room.untried, 'pair')} not tried: it is clear from those before`]),
    ...(shown.length === 0 ? [] : ['', table([['IF IT DIES', 'START ELSEWHERE', 'STAY DOWN', 'LEFT FREE', 'WHY, AND WHAT WOULD MEND IT'], ...shown.slice(0, ROWS).map((one) => row(one, style))], '')]),
    ...(shown.length > ROWS ? [`… and ${shown.length - ROWS} more: --json shows all`] : []),
  ].join('\n');
}

const MOST_PAIRED = 64;

const usedOf = ({ used, limit }: Filled, shown: (value: number) => string): string => `${shown(used)} of ${shown(limit)}${limit > 0 ? ` (${Math.round((100 * used) / limit)} %)` : ''}`;
const nameOf = ({ hosts, zone }: LossOutcome): string => (zone === null ? hosts.join(' + ') : `zone ${zone}: ${hosts.join(', ')}`);

function tightest({ tightest: one }: FailureRoom): readonly string[] {
  if (!one) return [];
  return [`  tightest: ${nameOf(one)}${one.down.length === 0 ? `, with ${mebibytes(one.freeMemoryMiB)} left free elsewhere` : ''}`, ...(one.mend === null ? [] : [`  what would mend it: ${one.mend}`])];
}

function row(one: LossOutcome, style: Style): readonly string[] {
  const { down, unprotected, placed, freeMemoryMiB, mend } = one;
  const why = [...down.map(({ workload, why: reason, isBound }) => `${workload}${isBound ? ' (bound to it)' : ''}: ${reason}`), ...(unprotected > 0 ? [`${count(unprotected, 'workload')} not protected`] : []), ...(mend === null ? [] : [style.dim(`→ ${mend}`)])];
  return [nameOf(one), String(placed), down.length === 0 ? '-' : style.red(String(down.length)), mebibytes(freeMemoryMiB), why.join('; ')];
}
