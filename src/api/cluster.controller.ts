// /api/v1/status, operations, events, disarm and audit; health checks.
import { Body, Controller, Get, Headers, HttpStatus, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { findHost, findWorkload } from '../cluster/commands/find.js';
import type { Operation, OperationState } from '../cluster/operation.js';
import { OPERATION_STATES } from '../cluster/operation.js';
import { UserError } from '../shared/errors.js';
import { operationId } from '../shared/ids.js';
import { Actor, Open } from './auth-guard.js';
import { Checked, DocumentedBody, DocumentedQuery } from './checked.js';
import { operationDocument, statusDocument } from './documents.js';
import { streamEvents } from './event-stream.js';
import { API_PORTS, type ApiPorts, type Begun } from './ports.js';
import * as schemas from './schemas.js';

@ApiTags('cluster')
@ApiBearerAuth()
@Controller()
export class ClusterController {
  constructor(@Inject(API_PORTS) private readonly ports: ApiPorts) {}

  @Get('status')
  @ApiOperation({ summary: 'Everything at a glance: hosts, workloads, operations, holds, problems' })
  async status() {
    const { reads } = this.ports;
    const [view, holds] = await Promise.all([reads.view(), reads.holds()]);
    return statusDocument({ name: reads.clusterName(), view, verdict: reads.verdict(), holds, leader: reads.leader() });
  }

  @Get('operations')
  @ApiOperation({ summary: 'Operations, newest first' })
  @DocumentedQuery(schemas.operationPage)
  async operations(@Query(new Checked(schemas.operationPage)) query: z.output<typeof schemas.operationPage>) {
    const { reads } = this.ports;
    const view = await reads.view();
    const states = query.state === undefined ? undefined : statesOf(query.state);
    const filter = {
      limit: query.limit + 1,
      ...(states ? { states } : {}),
      ...(query.kind ? { kind: query.kind as Operation['kind'] } : {}),
      ...(query.workload ? { workloadId: findWorkload(view, query.workload).id } : {}),
      ...(query.host ? { hostId: findHost(view, query.host).id } : {}),
      ...(query.after ? { before: operationId(query.after) } : {}),
    };
    const found = await reads.operations(filter);
    const items = found.slice(0, query.limit).map((operation) => operationDocument(view, operation));
    return { items, next: found.length > query.limit ? (items.at(-1)?.id ?? null) : null };
  }

  @Get('operations/:id')
  @ApiOperation({ summary: 'One operation with its steps, progress, proof and outcome' })
  async operation(@Param('id') id: string) {
    const [view, operation] = await Promise.all([this.ports.reads.view(), this.ports.reads.operation(id)]);
    if (!operation) throw new UserError('not-found', `there is no operation ${id}`, 'reeve operation list');
    return operationDocument(view, operation);
  }

  @Post('operations/:id/cancel')
  @ApiOperation({ summary: 'Ask it to end; what was done is undone' })
  cancel(@Actor() actor: string, @Param('id') id: string): Promise<Begun> {
    return this.ports.commands.cancelOperation(actor, id);
  }

  @Get('events')
  @ApiOperation({ summary: 'What happened: the newest, or those after a sequence number' })
  @DocumentedQuery(schemas.eventPage)
  async events(@Query(new Checked(schemas.eventPage)) query: z.output<typeof schemas.eventPage>) {
    const filter = { ...(query.type ? { types: query.type.split(',') } : {}), ...(query.host ? { host: query.host } : {}), ...(query.workload ? { workload: query.workload } : {}) };
    const items = await this.ports.reads.events(query.after ?? null, query.limit, filter);
    return { items, next: items.length === query.limit ? (items.at(-1)?.seq ?? null) : null };
  }

  @Get('events/stream')
  @ApiOperation({ summary: 'What happens, as Server-Sent Events; resumes after Last-Event-ID or ?after=' })
  stream(@Res() reply: FastifyReply, @Headers('last-event-id') last?: string, @Query('after') after?: string): void {
    const from = last ?? after;
    streamEvents(reply, this.ports.reads, from !== undefined && /^\d+$/.test(from) ? Number(from) : null);
  }

  @Post('disarm')
  @ApiOperation({ summary: 'Switch automatic action off for planned work; ends by itself' })
  @DocumentedBody(schemas.disarm)
  disarm(@Actor() actor: string, @Body(new Checked(schemas.disarm)) body: z.output<typeof schemas.disarm>): Promise<Begun> {
    return this.ports.commands.disarm(actor, body.reason, body.forS);
  }

  @Post('arm')
  @ApiOperation({ summary: 'Switch automatic action on again' })
  arm(@Actor() actor: string): Promise<Begun> {
    return this.ports.commands.arm(actor);
  }

  @Get('audit')
  @ApiOperation({ summary: 'Who did what, newest first' })
  @DocumentedQuery(schemas.page)
  async audit(@Query(new Checked(schemas.page)) query: z.output<typeof schemas.page>) {
    return { items: await this.ports.reads.audit(query.limit), next: null };
  }
}

function statesOf(text: string): readonly OperationState[] {
  const states = text.split(',');
  const wrong = states.find((state) => !(state in OPERATION_STATES));
  if (wrong !== undefined) throw new UserError('invalid', `state: there is no state "${wrong}"; there are ${Object.keys(OPERATION_STATES).join(', ')}`);
  return states as readonly OperationState[];
}

@ApiTags('health')
@Open()
@Controller()
export class HealthController {
  constructor(@Inject(API_PORTS) private readonly ports: ApiPorts) {}

  @Get('healthz')
  @ApiOperation({ summary: 'The process answers' })
  alive() {
    return { ok: true };
  }

  @Get('readyz')
  @ApiOperation({ summary: 'Database and queue answer' })
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const health = await this.ports.reads.health();
    await reply.status(health.ok ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE).send(health);
  }
}
