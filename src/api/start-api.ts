// Starts the HTTP server: Nest on Fastify, on a loopback port or a unix socket.
import 'reflect-metadata';
import { rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Module, type DynamicModule, type INestApplicationContext, type LoggerService, type Type } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AlertsController } from './alerts.controller.js';
import { AuthGuard } from './auth-guard.js';
import { ClusterController, HealthController } from './cluster.controller.js';
import { ClustersController } from './clusters.controller.js';
import { HostsController } from './hosts.controller.js';
import { MetricsController } from './metrics.controller.js';
import { openApiOf } from './openapi.js';
import { portsOfRequest, splitCluster, withCluster } from './named-cluster.js';
import { API_PORTS, CLUSTER_PORTS, type ApiPorts } from './ports.js';
import { problemOf, ProblemFilter } from './problem-filter.js';
import { PlansController } from './plans.controller.js';
import { RulesController } from './rules.controller.js';
import { SchemaPipe } from './schema-pipe.js';
import { WorkloadsController } from './workloads.controller.js';

export type ListenAt = { readonly kind: 'tcp'; readonly host: string; readonly port: number } | { readonly kind: 'unix'; readonly path: string };

export interface ApiOptions {
  readonly listen: ListenAt;
  readonly log: (error: unknown) => void;
  /** Modules that live in the same application, e.g. the periodic loops. */
  readonly imports?: readonly (Type | DynamicModule)[];
}

export interface RunningApi {
  /** "127.0.0.1:7480" or "unix:/path". */
  readonly address: string;
  readonly app: INestApplicationContext;
  close(): Promise<void>;
}

const CONTROLLERS: Type<object>[] = [ClustersController, HostsController, WorkloadsController, RulesController, PlansController, AlertsController, ClusterController, HealthController, MetricsController];

@Module({})
class ApiModule {
  static with(ports: ApiPorts, imports: readonly (Type | DynamicModule)[]): DynamicModule {
    return {
      module: ApiModule,
      imports: [...imports],
      controllers: CONTROLLERS,
      providers: [
        { provide: API_PORTS, useValue: ports },
        { provide: CLUSTER_PORTS, useValue: portsOfRequest(ports.clusters) },
        { provide: APP_GUARD, useClass: AuthGuard },
      ],
    };
  }
}

/** A URL that can't be decoded is refused before any route, and so past the filter. */
function frameworkErrors(error: FastifyError, request: { readonly originalUrl: string }, reply: unknown): void {
  const answer = reply as FastifyReply;
  void answer.status(error.statusCode ?? 400).type('application/problem+json').send({ ...problemOf(error), instance: request.originalUrl });
}

/** Nest's own words go where ours go: into the one log, in its format. */
function nestLogger(log: (error: unknown) => void): LoggerService {
  const told = (message: unknown): void => log(message instanceof Error ? message : new Error(String(message)));
  return { log: () => undefined, warn: () => undefined, error: told, fatal: told };
}

/** Requests are small; a cloud-init seed is the largest thing that comes. */
const BODY_LIMIT = 2 * 1024 * 1024;

export async function startApi(ports: ApiPorts, { listen, log, imports = [] }: ApiOptions): Promise<RunningApi> {
  const adapter = new FastifyAdapter({ bodyLimit: BODY_LIMIT, forceCloseConnections: true, frameworkErrors, rewriteUrl: ({ url = '/' }: IncomingMessage) => splitCluster(url).url });
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.with(ports, imports), adapter, { logger: nestLogger(log), abortOnError: false });
  // After the body was read: what reads it is called by the socket, on nobody's account.
  app.getHttpAdapter().getInstance().addHook('preHandler', (request: FastifyRequest, _reply: FastifyReply, done: () => void) => withCluster(request.originalUrl, done));
  app.setGlobalPrefix('api/v1', { exclude: ['healthz', 'readyz', 'metrics'] });
  app.useGlobalPipes(new SchemaPipe());
  app.useGlobalFilters(new ProblemFilter(log));
  SwaggerModule.setup('api/docs', app, () => openApiOf(app, CONTROLLERS), { jsonDocumentUrl: 'api/docs-json' });
  if (listen.kind === 'tcp') await app.listen(listen.port, listen.host);
  else {
    // A socket that a killed predecessor left behind can't be listened on.
    rmSync(listen.path, { force: true });
    await app.listen(listen.path);
  }
  return { address: listen.kind === 'tcp' ? `${listen.host}:${listen.port}` : `unix:${listen.path}`, app, close: () => app.close() };
}
