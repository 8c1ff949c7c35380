// /metrics: for Prometheus, with the token of the API.
import { setTimeout as passed } from 'node:timers/promises';
import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { metricsOf, type Measured } from './metrics.js';
import type { FailureRoom } from '../scheduler/failure-room.js';
import { OperationalError } from '../shared/errors.js';
import { API_PORTS, type ApiPorts, type ClusterPorts } from './ports.js';

@ApiTags('health')
@ApiBearerAuth()
@Controller()
export class MetricsController {
  constructor(@Inject(API_PORTS) private readonly ports: ApiPorts) {}

  @Get('metrics')
  @ApiOperation({ summary: 'Hosts, workloads, memory and room for failure of every cluster, in the text format of Prometheus' })
  @ApiResponse({ status: HttpStatus.OK, description: 'Gauges; each carries the label `cluster`', content: { 'text/plain': { schema: { type: 'string' } } } })
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    const registry = metricsOf(await Promise.all(this.ports.clusters.map(measured)), Date.now());
    await reply.type(registry.contentType).send(await registry.metrics());
  }
}

async function measured({ reads }: ClusterPorts): Promise<Measured> {
  const [view, room] = await Promise.all([reads.view(), roomInTime(reads)]);
  return { cluster: reads.clusterName(), view, verdict: reads.verdict(), room };
}

/** Prometheus waits for ten seconds, and loses all if it waits in vain. What is computed later is there at the next scrape. */
const ROOM_WITHIN_MS = 5_000;

async function roomInTime(reads: ClusterPorts['reads']): Promise<FailureRoom | null> {
  const room = reads.capacity(null).catch((error: unknown) => {
    if (error instanceof OperationalError) return null;
    throw error;
  });
  return Promise.race([room, passed(ROOM_WITHIN_MS, null, { ref: false })]);
}
