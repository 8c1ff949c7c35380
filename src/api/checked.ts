// Checks a body or query against its schema; the refusal names the field and what would be right.
import type { PipeTransform } from '@nestjs/common';
import { ApiBody, ApiQuery } from '@nestjs/swagger';
import { z } from 'zod';
import { UserError } from '../shared/errors.js';

export class Checked<Schema extends z.ZodType> implements PipeTransform<unknown, z.output<Schema>> {
  constructor(private readonly schema: Schema) {}

  transform(value: unknown): z.output<Schema> {
    const parsed = this.schema.safeParse(value ?? {});
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new UserError('invalid', issue ? sentence(issue) : 'the request is not understood');
  }
}

function sentence(issue: z.core.$ZodIssue): string {
  const at = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') return `${at ? `${at}: ` : ''}there is no field ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
  return `${at || 'the body'}: ${issue.message}`;
}

/** Puts the schema into the OpenAPI document. */
export function DocumentedBody(schema: z.ZodType): MethodDecorator {
  return ApiBody({ schema: jsonSchema(schema), required: true }) as MethodDecorator;
}

export function DocumentedQuery(schema: z.ZodObject): MethodDecorator {
  return (target, key, descriptor) => {
    for (const [name, field] of Object.entries(schema.shape)) {
      ApiQuery({ name, required: false, schema: jsonSchema(field as z.ZodType) })(target as object, key, descriptor as TypedPropertyDescriptor<unknown>);
    }
  };
}

function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _uri, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
  return rest;
}
