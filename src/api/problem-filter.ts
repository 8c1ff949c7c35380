// Every error as problem+json (RFC 9457): one sentence for a person, and the remedy where there is one.
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { messageOf, OperationalError, UserError } from '../shared/errors.js';
import { FieldError } from './schema-pipe.js';

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code?: string;
  readonly field?: string;
  readonly remedy?: string;
}

const USER_STATUS: { readonly [C in UserError['code']]: number } = { invalid: 422, 'not-found': 404, conflict: 409, refused: 409, unauthorized: 401 };
const TITLES: { readonly [status: number]: string } = { 400: 'Bad request', 401: 'Not authorised', 404: 'Not found', 409: 'Refused', 422: 'Invalid', 500: 'Internal error', 502: 'A host refused', 503: 'Not reachable', 504: 'No answer in time' };

@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: (error: unknown) => void) {}

  catch(error: unknown, context: ArgumentsHost): void {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const problem = problemOf(error);
    if (problem.status === 500) this.log(error);
    if (problem.status === 401) void reply.header('www-authenticate', 'Bearer');
    void reply.status(problem.status).header('content-type', 'application/problem+json').send({ ...problem, instance: context.switchToHttp().getRequest<FastifyRequest>().originalUrl });
  }
}

export function problemOf(error: unknown): Problem {
  if (error instanceof UserError) return { ...problem(USER_STATUS[error.code], error.message, error.remedy, error.code), ...(error instanceof FieldError && error.field !== '' ? { field: error.field } : {}) };
  if (error instanceof OperationalError) return problem(statusOf(error), error.message, error.remedy, error.code);
  if (error instanceof HttpException) return problem(error.getStatus(), error.message, null);
  const status = (error as { statusCode?: unknown }).statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500) return problem(status, messageOf(error), null);
  return problem(500, 'something went wrong here; the log of the control plane says what', null);
}

function statusOf(error: OperationalError): number {
  if (error.code === 'timeout') return 504;
  return error.code === 'unreachable' || error.code === 'busy' ? 503 : 502;
}

function problem(status: number, detail: string, remedy: string | null, code?: string): Problem {
  return { type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail, ...(remedy === null ? {} : { remedy }), ...(code === undefined ? {} : { code }) };
}
