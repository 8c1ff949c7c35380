// Marks a route that begins work: it answers 202 with the ids of the operations.
import { applyDecorators, HttpCode, HttpStatus } from '@nestjs/common';
import { ApiOperation, ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';
import { begun } from './schemas.js';

export function Begins(summary: string, schema: z.ZodType = begun): MethodDecorator {
  return applyDecorators(ApiOperation({ summary }), HttpCode(HttpStatus.ACCEPTED), ApiResponse({ status: HttpStatus.ACCEPTED, description: 'Begun, or nothing had to be done', standardSchema: schema }));
}
