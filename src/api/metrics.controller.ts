// /metrics: for Prometheus, with the token of the API.
import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { metricsOf, type Measured } from './metrics.js';
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
  const [view, room] = await Promise.all([reads.view(), reads.capacity(null)]);
  return { cluster: reads.clusterName(), view, verdict: reads.verdict(), room };
}
