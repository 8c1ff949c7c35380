// /api/v1/plans: what would be done, looked at before; and what a plan begins.
import { Controller, Get, HttpStatus, Inject, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { PlanDocument, PlanRequest } from '../cluster/commands/plan-commands.js';
import * as answers from './answers.js';
import { Answers } from './answers.js';
import { Actor } from './auth-guard.js';
import { Begins } from './begins.js';
import { CLUSTER_PORTS, type Begun, type ClusterPorts } from './ports.js';
import * as schemas from './schemas.js';

const DRY = { status: HttpStatus.OK, description: 'Of a dry run; nothing is begun', standardSchema: answers.plan };

@ApiTags('plans')
@ApiBearerAuth()
@Controller('plans')
export class PlansController {
  constructor(@Inject(CLUSTER_PORTS) private readonly ports: ClusterPorts) {}

  @Get('loss')
  @Answers('What would start where if these hosts were lost now, and what would stay down', answers.plan)
  loss(@Query({ schema: schemas.planHosts }) { host }: z.output<typeof schemas.planHosts>) {
    return this.ports.reads.plan({ kind: 'loss', hosts: host });
  }

  @Get('drain')
  @Answers('The moves of a drain of these hosts, in rounds, and which of them can be drained together; nothing is begun', answers.plan)
  drain(@Query({ schema: schemas.planHosts }) { host }: z.output<typeof schemas.planHosts>) {
    return this.ports.reads.plan({ kind: 'drain', hosts: host });
  }

  @Get('balance')
  @Answers('The moves that would make the hosts evenly full; nothing is begun', answers.plan)
  balance() {
    return this.ports.reads.plan({ kind: 'balance', hosts: [] });
  }

  @Get('return')
  @Answers('The way back of what the latest drain of each of these hosts took away; nothing is begun', answers.plan)
  back(@Query({ schema: schemas.planHosts }) { host }: z.output<typeof schemas.planHosts>) {
    return this.ports.reads.plan({ kind: 'return', hosts: host });
  }

  @Post('balance')
  @Begins('Plan evenness anew and carry it out, each move looked at again when its turn comes; `?dryRun=true` answers 200 with the plan')
  @ApiResponse(DRY)
  balanceNow(@Actor() actor: string, @Query({ schema: schemas.dryRunQuery }) { dryRun }: z.output<typeof schemas.dryRunQuery>, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#begin(actor, { kind: 'balance', hosts: [] }, dryRun ? reply : null);
  }

  @Post('return')
  @Begins('Plan the way back to these hosts anew and carry it out; `?dryRun=true` answers 200 with the plan')
  @ApiResponse(DRY)
  returnNow(@Actor() actor: string, @Query({ schema: schemas.returnQuery }) { host, dryRun }: z.output<typeof schemas.returnQuery>, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.#begin(actor, { kind: 'return', hosts: host }, dryRun ? reply : null);
  }

  /** `dry`: the reply of a dry run. */
  async #begin(actor: string, request: PlanRequest, dry: FastifyReply | null): Promise<Begun | PlanDocument> {
    if (!dry) return this.ports.commands.beginPlan(actor, request);
    void dry.status(HttpStatus.OK);
    return this.ports.reads.plan(request);
  }
}
