// What the database's errors come to.
import { QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError, TransactionNotStartedError } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { Defect, OperationalError, UserError } from '../shared/errors.js';
import { asOperational, refusalOf } from './database-errors.js';

const coded = (code: string, message = 'it said so', more: object = {}): Error => Object.assign(new Error(message), { code, ...more });

describe("the database's errors", () => {
  it.each(['08006', '57P01', '57P03', '57014', '53300', '25P03', '40001', 'ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE'])('takes %s as away', (code) => {
    expect(asOperational(coded(code))).toMatchObject({ name: 'OperationalError', code: 'unreachable', retryable: true });
  });

  it.each(['Connection terminated unexpectedly', 'timeout exceeded when trying to connect', 'Query read timeout', 'Client has encountered a connection error and is not queryable'])('takes "%s" as away', (message) => {
    expect(asOperational(new Error(message))).toMatchObject({ code: 'unreachable' });
  });

  it('takes a connection that broke within a transaction as away', () => {
    for (const error of [new QueryRunnerAlreadyReleasedError(), new QueryRunnerProviderAlreadyReleasedError(), new TransactionNotStartedError()]) expect(asOperational(error)).toMatchObject({ code: 'unreachable' });
  });

  it('names what to do about a refused login', () => {
    expect(asOperational(coded('28P01', 'password authentication failed'))).toMatchObject({ code: 'failed', remedy: expect.stringMatching(/DATABASE_URL/) as string });
  });

  it('leaves our own errors and mistakes as they are', () => {
    for (const error of [new Defect('the connection between them'), new UserError('refused', 'no'), new OperationalError('busy', 'no'), coded('42P01', 'relation does not exist'), new TypeError('x')]) {
      expect(asOperational(error)).toBe(error);
    }
  });

  it('reads refusals from constraints, also inside an error of TypeORM', () => {
    const inner = coded('23505', 'duplicate key', { constraint: 'host_name' });
    expect(refusalOf(inner)).toMatchObject({ code: 'name-taken' });
    expect(refusalOf(Object.assign(new Error('QueryFailedError'), { driverError: inner }))).toMatchObject({ code: 'name-taken' });
    expect(refusalOf(coded('23505', 'duplicate key', { constraint: 'PK_event' }))).toBeNull();
    expect(refusalOf(coded('23514', 'check', { constraint: 'host_name' }))).toBeNull();
  });
});
