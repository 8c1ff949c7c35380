// /api/v1/alerts
import { Body, Controller, Get, HttpCode, HttpStatus, Inject, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import * as answers from './answers.js';
import { Answers } from './answers.js';
import { Actor } from './auth-guard.js';
import { CLUSTER_PORTS, type ClusterPorts } from './ports.js';
import * as schemas from './schemas.js';

@ApiTags('alerts')
@ApiBearerAuth()
@Controller('alerts')
export class AlertsController {
  constructor(@Inject(CLUSTER_PORTS) private readonly ports: ClusterPorts) {}

  @Get()
  @Answers('Where alerts go, what each target was sent, and what is wrong with it', answers.listWith(answers.alertTarget))
  async list() {
    return { items: await this.ports.reads.alertTargets() };
  }

  @Post('test')
  @HttpCode(HttpStatus.OK)
  @Answers('Send a test alert to every target, or to one, now; what each answered', answers.listWith(answers.alertTest))
  async test(@Actor() actor: string, @Body({ schema: schemas.alertTest }) { target }: z.output<typeof schemas.alertTest>) {
    return { items: await this.ports.commands.testAlerts(actor, target) };
  }
}
