// What the database's errors mean: a constraint that speaks for the domain, or a database that is away.
import type { CommitRefusal } from '../cluster/cluster-store.js';
import { messageOf, OperationalError } from '../shared/errors.js';

interface DriverError {
  readonly code?: string;
  readonly constraint?: string;
  readonly detail?: string;
}

function driverError(error: unknown): DriverError {
  const inner = (error as { driverError?: DriverError }).driverError;
  return inner ?? (error as DriverError);
}

const REFUSALS: { readonly [constraint: string]: CommitRefusal } = {
  operation_one_per_workload: { code: 'operation-active', why: 'an operation on this workload is under way' },
  operation_one_per_host: { code: 'operation-active', why: 'an operation of this kind is under way on this host' },
  host_name: { code: 'name-taken', why: 'a host of this name exists' },
  workload_name: { code: 'name-taken', why: 'a workload of this name exists' },
  workload_uuid: { code: 'name-taken', why: 'a workload of this uuid is managed already' },
};

export function refusalOf(error: unknown): CommitRefusal | null {
  const { code, constraint } = driverError(error);
  return code === '23505' && constraint ? (REFUSALS[constraint] ?? null) : null;
}

/** SQLSTATE classes of a server that is away, starting or going down; the rest are node's own codes. */
const AWAY = /^(08|57P|53300|XX000)|ECONN|ENOENT|EPIPE|ETIMEDOUT/;

export function asOperational(error: unknown): unknown {
  if (refusalOf(error)) return error;
  const { code } = driverError(error);
  const text = messageOf(error);
  const away = (code !== undefined && AWAY.test(code)) || /terminat|timeout exceeded|Connection|connect/.test(text);
  return away ? new OperationalError('unreachable', `the database is away: ${text}`) : error;
}
