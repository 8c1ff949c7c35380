// The OpenAPI document: routes and schemas as Nest knows them, and the one shape that every error has.
import 'reflect-metadata';
import type { INestApplication, Type } from '@nestjs/common';
import { PARAMTYPES_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { problem } from './schemas.js';

const DESCRIPTION = 'Hosts, workloads and what is done with them. Commands answer 202 with the ids of operations; follow those. Errors are problem+json (RFC 9457). Where one control plane has several clusters (`/api/v1/clusters`), every route below `/api/v1` is also there as `/api/v1/clusters/NAME/…`, for that cluster; without it the default one is meant.';

export function openApiOf(app: INestApplication, controllers: readonly Type<object>[]): OpenAPIObject {
  controllers.forEach(declareParameters);
  const about = new DocumentBuilder().setTitle('Reeve').setDescription(DESCRIPTION).setVersion('1').addBearerAuth();
  const document = SwaggerModule.createDocument(app, about.build());
  const { $schema: _uri, ...shape } = z.toJSONSchema(problem, { target: 'openapi-3.0' }) as Record<string, unknown>;
  document.components = { ...document.components, schemas: { ...document.components?.schemas, Problem: shape } };
  for (const { responses } of operationsOf(document)) responses['default'] = PROBLEM;
  return document;
}

const PROBLEM = { description: 'What went wrong, and what helps', content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } };

const METHODS = ['get', 'post', 'put', 'delete'] as const;

function operationsOf({ paths }: OpenAPIObject): readonly { responses: Record<string, unknown> }[] {
  return Object.values(paths).flatMap((path) => METHODS.flatMap((method) => path[method] ?? []));
}

/**
 * Swagger finds a route's parameters only where types were written into the program (`emitDecoratorMetadata`), which they are not here.
 * What stands in a path or header is a string; bodies and queries have their schemas.
 */
function declareParameters({ prototype }: Type<object>): void {
  for (const method of Object.getOwnPropertyNames(prototype)) {
    const args = Reflect.getMetadata(ROUTE_ARGS_METADATA, prototype.constructor, method) as Readonly<Record<string, { readonly index: number }>> | undefined;
    const count = Math.max(0, ...Object.values(args ?? {}).map((one) => one.index + 1));
    if (count > 0) Reflect.defineMetadata(PARAMTYPES_METADATA, new Array(count).fill(String), prototype, method);
  }
}
