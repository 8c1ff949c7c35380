// /api/v1/plans: what would be done, looked at before; and what a plan begins.
import { Controller, Get, Inject, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import * as answers from './answers.js';
import { Answers } from './answers.js';
import { Actor } from './auth-guard.js';
import { Begins } from './begins.js';
import { CLUSTER_PORTS, type Begun, type ClusterPorts } from './ports.js';
import * as schemas from './schemas.js';

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
  @Begins('Plan evenness anew and carry it out; each move is looked at again when its turn comes')
  beginBalance(@Actor() actor: string): Promise<Begun> {
    return this.ports.commands.beginPlan(actor, { kind: 'balance', hosts: [] });
  }

  @Post('return')
  @Begins('Plan the way back to these hosts anew and carry it out')
  beginReturn(@Actor() actor: string, @Query({ schema: schemas.planHosts }) { host }: z.output<typeof schemas.planHosts>): Promise<Begun> {
    return this.ports.commands.beginPlan(actor, { kind: 'return', hosts: host });
  }
}
