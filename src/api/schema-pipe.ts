// Checks every body and query against the schema it is declared with (`@Body({ schema })`); the refusal names the field and what would be right.
import { StandardSchemaValidationPipe, type ArgumentMetadata } from '@nestjs/common';
import { z } from 'zod';
import { UserError } from '../shared/errors.js';

/** What Standard Schema tells of an issue, with what Zod adds. */
export interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
  readonly code?: unknown;
  readonly keys?: unknown;
}

/** Zod's own words, made plain; a schema's own message goes before these. */
z.config({ customError: plainly });

function plainly(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'it is missing' : `${A_KIND[issue.expected] ?? issue.expected} is wanted, not ${kindOf(issue.input)}`;
    case 'too_small':
      return `at least ${issue.minimum}${UNIT[issue.origin] ?? ''}`;
    case 'too_big':
      return `at most ${issue.maximum}${UNIT[issue.origin] ?? ''}`;
    case 'invalid_value':
      return `one of ${issue.values.join(', ')}`;
    default:
      return undefined;
  }
}

const A_KIND: Readonly<Record<string, string>> = { string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false', object: 'an object', array: 'a list', record: 'an object' };
const UNIT: Readonly<Record<string, string>> = { string: ' characters', array: ' items' };

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? `text` : typeof value === 'object' ? 'an object' : String(value);
}

type Schema = NonNullable<ArgumentMetadata['schema']>;

export class SchemaPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({ exceptionFactory: refusalOf });
  }

  /** A request without a body is one with nothing in it: what it lacks is then named field by field. */
  override transform<T>(value: T, metadata: ArgumentMetadata & { readonly schema?: Schema }): Promise<T> {
    return super.transform((value ?? (metadata.schema ? {} : value)) as T, metadata);
  }
}

export class FieldError extends UserError {
  constructor(
    /** Dotted, as in "ssh.hostKey"; '' for the whole body. */
    readonly field: string,
    message: string,
  ) {
    super('invalid', message);
  }
}

/** The first issue is enough: the next one shows when it is put right. */
export function refusalOf([issue]: readonly Issue[]): FieldError {
  if (!issue) return new FieldError('', 'the request is not understood');
  const at = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  if (issue.code === 'unrecognized_keys' && Array.isArray(issue.keys)) {
    const [first] = issue.keys.map(String);
    return new FieldError([at, first].filter(Boolean).join('.'), `${at ? `${at}: ` : ''}there is no field ${issue.keys.map((key) => `"${String(key)}"`).join(', ')}`);
  }
  return new FieldError(at, `${at || 'the request'}: ${issue.message}`);
}
