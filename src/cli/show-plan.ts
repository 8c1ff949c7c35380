// A plan as people read it: its moves by round, who is left without a place, and the figures before and after.
import type { PlanDocument } from '../cluster/commands/plan-commands.js';
import type { ClusterFigures, HostFigures } from '../scheduler/plan.js';
import { count, duration, mebibytes, table } from './format.js';

const HOW = { live: 'moves live', cold: 'is stopped, moved and started', start: 'starts' } as const;
const KINDS = { loss: 'Loss of', drain: 'Drain of', balance: 'Balance', return: 'Way back to' } as const;
/** So many hosts are shown; of more, those that change. */
const HOSTS_SHOWN = 20;

export function showPlan(plan: PlanDocument): string {
  return [headOf(plan), ...groupsOf(plan), ...showRounds(plan.moves), ...unplacedOf(plan), figuresOf(plan)].join('\n');
}

function headOf({ kind, hosts, moves, rounds, estimatedS, unplaced }: PlanDocument): string {
  const about = [KINDS[kind], hosts.join(', ')].filter((part) => part !== '').join(' ');
  const what = kind === 'loss' ? 'start' : 'move';
  if (moves.length === 0) return `${about}: nothing ${what}s${unplaced.length > 0 ? '' : `; ${kind === 'balance' ? 'no move is worth it' : 'there is nothing to do'}`}`;
  return `${about}: ${count(moves.length, what)} in ${count(rounds, 'round')}${estimatedS === null ? '' : `, about ${duration(estimatedS * 1_000)}${kind === 'loss' ? ' once that is proven' : ''}`}`;
}

function groupsOf({ groups = [], hosts }: PlanDocument): readonly string[] {
  if (hosts.length < 2 || groups.length === 0) return [];
  if (groups.length === 1) return ['', 'All of them can be drained at once.'];
  return ['', 'Not all at once. Drain these together, and have them back in service before the next:', ...groups.map((group, nth) => `  ${nth + 1}. ${group.join(', ')}`)];
}

export function showRounds(moves: PlanDocument['moves']): readonly string[] {
  const rounds = [...new Set(moves.map(({ round }) => round))].sort((one, other) => one - other);
  return rounds.flatMap((round) => ['', `Round ${round}`, table(moves.filter((one) => one.round === round).map((one) => [one.workload, `${one.from ?? '-'} -> ${one.to}`, HOW[one.how], mebibytes(one.memoryMiB), one.why]))]);
}

function unplacedOf({ unplaced, kind }: PlanDocument): readonly string[] {
  if (unplaced.length === 0) return [];
  return ['', kind === 'loss' ? 'Stays down' : 'Stays where it is', table(unplaced.map(({ workload, why }) => [workload, why]))];
}

function figuresOf({ before, after }: PlanDocument): string {
  const line = (name: string, of: (figures: ClusterFigures) => number): readonly string[] => [name, of(before).toFixed(3), of(after).toFixed(3)];
  const then = new Map(after.hosts.map((one) => [one.host, one]));
  const changed = before.hosts.filter((one) => isOther(one, then.get(one.host)));
  const shown = before.hosts.length <= HOSTS_SHOWN ? before.hosts : changed.slice(0, HOSTS_SHOWN);
  const rows = shown.map((one) => [one.host, fill(one), fill(then.get(one.host) ?? one)]);
  return ['', table([['', 'BEFORE', 'AFTER'], line('imbalance', (one) => one.imbalance), line('  memory', (one) => one.memoryImbalance), line('  vCPUs', (one) => one.cpuImbalance), line('fullest host', (one) => one.fullest), ...rows]), ...(shown.length < before.hosts.length ? [`  and ${before.hosts.length - shown.length} more hosts`] : [])].join('\n');
}

const isOther = (one: HostFigures, other: HostFigures | undefined): boolean => one.memoryMiB !== other?.memoryMiB || one.vcpus !== other.vcpus;
const share = (used: number, of: number): string => (of <= 0 ? '-' : `${Math.round((100 * used) / of)} %`);
const fill = ({ memoryMiB, ofMemoryMiB, vcpus, ofVcpus, workloads }: HostFigures): string => `${share(memoryMiB, ofMemoryMiB)} memory, ${share(vcpus, ofVcpus)} vCPUs, ${count(workloads, 'workload')}`;
