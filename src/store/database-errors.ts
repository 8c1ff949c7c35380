// What the database's errors mean: a constraint that speaks for the domain, or a database that is away.
import type { CommitRefusal } from '../cluster/cluster-store.js';
import { Defect, messageOf, OperationalError, UserError } from '../shared/errors.js';

interface DriverError {
  readonly code?: string;
  readonly constraint?: string;
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

/**
 * A server that is away, starting, going down, full or too slow to answer: connection exceptions (08), operator intervention (57:
 * shutdown, statement timeout), insufficient resources (53), idle-in-transaction timeout (25P03), lock timeout (55P03),
 * serialization (40); and node's own codes.
 */
const AWAY = /^(08|57|53|25P03|55P03|40)|^(ECONN|ENOENT|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_)/;
/** What pg says without any code. */
const AWAY_WORDS = /^(Connection terminated|Query read timeout|timeout expired|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Driver not Connected|Connection with .* is not established)/i;
/** TypeORM's words for a connection that broke between two statements of a transaction: nobody here releases one by hand. */
const BROKEN_OFF = /^(QueryRunner\w*AlreadyReleasedError|TransactionNotStartedError|ConnectionIsNotSetError|ConnectionNotFoundError|CannotExecuteNotConnectedError)$/;
const REFUSED: { readonly [code: string]: string } = {
  '28P01': 'check the user and password in DATABASE_URL',
  '28000': 'check the user in DATABASE_URL and pg_hba.conf',
  '3D000': 'create the database that DATABASE_URL names',
  '42501': 'the database user needs the right to create tables and schemas in its database',
};

export function asOperational(error: unknown): unknown {
  if (error instanceof OperationalError || error instanceof UserError || error instanceof Defect || refusalOf(error)) return error;
  const { code } = driverError(error);
  const text = messageOf(error) || (code ?? 'no connection');
  if (code !== undefined && REFUSED[code]) return new OperationalError('failed', `the database refuses: ${text}`, REFUSED[code]);
  const away = (code !== undefined && AWAY.test(code)) || AWAY_WORDS.test(text) || (error instanceof Error && BROKEN_OFF.test(error.name));
  return away ? new OperationalError('unreachable', `the database is away: ${text}`) : error;
}
