// /api/v1/clusters: those of this control plane. Each has all other routes below its name.
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import * as answers from './answers.js';
import { Answers } from './answers.js';
import { clusterDocument } from './documents.js';
import { findCluster } from './named-cluster.js';
import { API_PORTS, type ApiPorts, type ClusterPorts } from './ports.js';

@ApiTags('clusters')
@ApiBearerAuth()
@Controller('clusters')
export class ClustersController {
  constructor(@Inject(API_PORTS) private readonly ports: ApiPorts) {}

  @Get()
  @Answers('All clusters of this control plane, the first one first', answers.listWith(answers.cluster))
  async list() {
    return { items: await Promise.all(this.ports.clusters.map((one) => this.#look(one))) };
  }

  @Get(':cluster')
  @Answers('One cluster', answers.cluster)
  show(@Param('cluster') name: string) {
    return this.#look(findCluster(this.ports.clusters, name));
  }

  async #look(one: ClusterPorts) {
    const { reads } = one;
    const [view, holds] = await Promise.all([reads.view(), reads.holds()]);
    return clusterDocument({ name: reads.clusterName(), isDefault: one === this.ports.clusters[0], view, verdict: reads.verdict(), holds, leader: reads.leader() });
  }
}
