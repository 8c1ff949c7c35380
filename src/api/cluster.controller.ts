// /api/v1/status, operations, events, disarm and audit; health checks.
import { Body, Controller, Get, Headers, HttpStatus, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { findHost, findWorkload } from '../cluster/commands/find.js';
import { cpuBaselines } from '../hosts/cpu-baseline.js';
import { UserError } from '../shared/errors.js';
import { operationId } from '../shared/ids.js';
import * as answers from './answers.js';
import { Answers } from './answers.js';
import { Actor, Open } from './auth-guard.js';
import { Begins } from './begins.js';
import { operationDocument, statusDocument } from './documents.js';
import { streamEvents } from './event-stream.js';
import { API_PORTS, CLUSTER_PORTS, type ApiPorts, type Begun, type ClusterPorts, type EventFilter, type Health } from './ports.js';
import * as schemas from './schemas.js';

/** Of these the status shows the newest that matter. */
const EVENTS_LOOKED_AT = 50;

@ApiTags('cluster')
@ApiBearerAuth()
@Controller()
export class ClusterController {
  constructor(@Inject(CLUSTER_PORTS) private readonly ports: ClusterPorts) {}

  @Get('status')
  @Answers('Everything at a glance: hosts, workloads, operations, holds, problems', answers.status)
  async status() {
    const { reads } = this.ports;
    const [view, holds, events, health, alertTargets] = await Promise.all([reads.view(), reads.holds(), reads.events(null, EVENTS_LOOKED_AT, {}), reads.health(), reads.alertTargets()]);
    return statusDocument({ name: reads.clusterName(), view, verdict: reads.verdict(), holds, leader: reads.leader(), queue: health.parts['queue'] ?? null, alertTargets, events });
  }

  @Get('cluster/scenario')
  @Answers('The cluster as it is now, as a scenario for `reeve simulate`', answers.scenario)
  scenario() {
    return this.ports.reads.scenario();
  }

  @Get('cluster/capacity')
  @Answers('For each loss that is asked about, what would stay down and why; the tightest, and what would mend it', answers.capacity)
  capacity(@Query({ schema: schemas.capacityQuery }) query: z.output<typeof schemas.capacityQuery>) {
    return this.ports.reads.capacity(query.mode ?? null);
  }

  @Get('cluster/fit')
  @Answers('How many more of one size fit with room for failure kept, and what keeps one more from it', answers.fit)
  fit(@Query({ schema: schemas.fitQuery }) { memoryMiB, vcpus, like, mode, most }: z.output<typeof schemas.fitQuery>) {
    return this.ports.reads.fit({ one: like === undefined ? { memoryMiB: memoryMiB ?? 0, vcpus: vcpus ?? 1 } : { like }, mode: mode ?? null, most });
  }

  @Get('cluster/cpu-baseline')
  @Answers('The newest CPU model and the features that all hosts of one architecture that are online have, and what keeps them from more', answers.listWith(answers.cpuBaseline))
  async cpuBaseline() {
    return { items: cpuBaselines((await this.ports.reads.view()).hosts) };
  }

  @Get('copies')
  @Answers('Copies of containers on all hosts, asked now; also of those that are not known any more', answers.copies)
  copies() {
    return this.ports.reads.copies(null);
  }

  @Get('operations')
  @Answers('Operations, newest first', answers.pageWith(answers.operation))
  async operations(@Query({ schema: schemas.operationPage }) query: z.output<typeof schemas.operationPage>) {
    const { reads } = this.ports;
    const view = await reads.view();
    const filter = {
      limit: query.limit + 1,
      ...(query.state ? { states: query.state } : {}),
      ...(query.kind ? { kind: query.kind } : {}),
      ...(query.workload ? { workloadId: findWorkload(view, query.workload).id } : {}),
      ...(query.host ? { hostId: findHost(view, query.host).id } : {}),
      ...(query.after ? { before: operationId(query.after) } : {}),
    };
    const found = await reads.operations(filter);
    const items = found.slice(0, query.limit).map((operation) => operationDocument(view, operation));
    return { items, next: found.length > query.limit ? (items.at(-1)?.id ?? null) : null };
  }

  @Get('operations/:id')
  @Answers('One operation with its steps, progress, proof and outcome', answers.operation)
  async operation(@Param('id') id: string) {
    const [view, operation] = await Promise.all([this.ports.reads.view(), this.ports.reads.operation(id)]);
    if (!operation) throw new UserError('not-found', `there is no operation ${id}`, 'reeve operation list');
    return operationDocument(view, operation);
  }

  @Post('operations/:id/cancel')
  @Begins('Ask it to end; what was done is undone')
  cancel(@Actor() actor: string, @Param('id') id: string): Promise<Begun> {
    return this.ports.commands.cancelOperation(actor, id);
  }

  @Get('events')
  @Answers('What happened: the newest, or those after a sequence number', answers.pageWith(answers.clusterEvent, z.int()))
  async events(@Query({ schema: schemas.eventPage }) query: z.output<typeof schemas.eventPage>) {
    const items = await this.ports.reads.events(query.after ?? null, query.limit, filterOf(query));
    return { items, next: items.length === query.limit ? (items.at(-1)?.seq ?? null) : null };
  }

  @Get('events/stream')
  @ApiOperation({ summary: 'What happens, as Server-Sent Events; resumes after Last-Event-ID or ?after=' })
  @ApiResponse({ status: HttpStatus.OK, description: 'id is the sequence number, event the type, data one event as in /events', content: { 'text/event-stream': { schema: { type: 'string' } } } })
  stream(@Res() reply: FastifyReply, @Headers('last-event-id') last: string | undefined, @Query({ schema: schemas.eventStream }) query: z.output<typeof schemas.eventStream>): void {
    const resumed = last !== undefined && /^\d{1,15}$/.test(last) ? Number(last) : null;
    streamEvents(reply, this.ports.reads, { afterSeq: resumed ?? query.after ?? null, filter: filterOf(query) });
  }

  @Post('disarm')
  @Begins('Switch automatic action off for planned work; ends by itself')
  disarm(@Actor() actor: string, @Body({ schema: schemas.disarm }) body: z.output<typeof schemas.disarm>): Promise<Begun> {
    return this.ports.commands.disarm(actor, body);
  }

  @Post('arm')
  @Begins('Switch automatic action on again')
  arm(@Actor() actor: string): Promise<Begun> {
    return this.ports.commands.arm(actor);
  }

  @Get('audit')
  @Answers('Who did what, newest first', answers.pageWith(answers.auditLine, z.int()))
  async audit(@Query({ schema: schemas.auditPage }) query: z.output<typeof schemas.auditPage>) {
    const found = await this.ports.reads.audit(query.limit + 1, query.after ?? null);
    const items = found.slice(0, query.limit);
    return { items, next: found.length > query.limit ? (items.at(-1)?.seq ?? null) : null };
  }
}

/** Absent and empty mean: all. */
function filterOf({ type, host, workload }: { readonly type?: string | undefined; readonly host?: string | undefined; readonly workload?: string | undefined }): EventFilter {
  return { ...(type ? { types: type.split(',') } : {}), ...(host ? { host } : {}), ...(workload ? { workload } : {}) };
}

@ApiTags('health')
@Open()
@Controller()
export class HealthController {
  constructor(@Inject(API_PORTS) private readonly ports: ApiPorts) {}

  @Get('healthz')
  @Answers('The process answers', answers.health)
  alive() {
    return { ok: true };
  }

  @Get('readyz')
  @Answers('Database and queue answer, those of every cluster', answers.health)
  @ApiResponse({ status: HttpStatus.SERVICE_UNAVAILABLE, description: 'One of them does not; `unready` names the clusters', standardSchema: answers.health })
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const health = healthOfAll(await Promise.all(this.ports.clusters.map(async ({ reads }) => ({ name: reads.clusterName(), health: await reads.health() }))));
    await reply.status(health.ok ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE).send(health);
  }
}

/** The first cluster's parts have their plain names, the others' carry the cluster: "staging/queue". */
function healthOfAll(all: readonly { readonly name: string; readonly health: Health }[]): Health & { readonly unready: readonly string[] } {
  const parts = all.flatMap(({ name, health }, nth) => Object.entries(health.parts).map(([part, state]) => [nth === 0 ? part : `${name}/${part}`, state] as const));
  const unready = all.filter(({ health }) => !health.ok).map(({ name }) => name);
  return { ok: unready.length === 0, unready, parts: Object.fromEntries(parts) };
}
