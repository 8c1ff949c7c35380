// The log: JSON lines on stdout through pino, secrets blotted out; plainer lines when a person watches a terminal.
import { Writable } from 'node:stream';
import { OperationalError, UserError } from '../shared/errors.js';
import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger };

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  /** Where lines go; stdout as a rule. */
  readonly destination?: DestinationStream;
}

/** Names of fields that are never written out, at the top level and up to two levels down. */
const SECRET_FIELDS = ['password', 'token', 'agentKey', 'keyHex', 'secret', 'authorization', 'cookie', 'databaseUrl', 'redisUrl'];
const BLOTTED = '[secret]';
const SECRET_PATHS = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

export function createLogger({ level, pretty, destination = process.stdout }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRET_PATHS, censor: BLOTTED },
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
      errorKey: 'error',
      serializers: { error: shownError },
    },
    pretty ? prettyStream(destination) : destination,
  );
}

/** What the world outside refused needs no stack: its message says it all. */
function shownError(error: unknown): unknown {
  if (error instanceof OperationalError || error instanceof UserError) return { type: error.name, code: error.code, remedy: error.remedy };
  return error instanceof Error ? pino.stdSerializers.err(error) : error;
}

/** `12:03:04.567 warn  host-2 is silent {"host":"host-2"}`; what is not one of our JSON lines passes as it is. */
export function prettyLine(line: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, message, error, ...more } = record;
  const clock = String(time).slice(11, 23);
  const rest = Object.keys(more).length > 0 ? ` ${JSON.stringify(more)}` : '';
  const trace = error === undefined ? '' : stackOf(error);
  const stack = trace === '' ? '' : `\n  ${trace.replaceAll('\n', '\n  ')}`;
  return `${clock} ${String(level).padEnd(5)} ${String(message ?? '')}${rest}${stack}`;
}

function stackOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'stack' in error) return String(error.stack);
  if (typeof error === 'object' && error !== null && 'remedy' in error) return error.remedy === null ? '' : `try: ${String(error.remedy)}`;
  return typeof error === 'string' ? error : JSON.stringify(error);
}

/** pino hands over whole lines, one or more at a time. */
function prettyStream(destination: DestinationStream): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      for (const line of String(chunk).split('\n')) if (line !== '') destination.write(`${prettyLine(line)}\n`);
      done();
    },
  });
}
