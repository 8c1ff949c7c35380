// /api/v1/rules
import { Body, Controller, Delete, Get, Inject, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import * as answers from './answers.js';
import { Answers } from './answers.js';
import { Actor } from './auth-guard.js';
import { Begins } from './begins.js';
import { ruleDocument } from './documents.js';
import { CLUSTER_PORTS, type Begun, type ClusterPorts } from './ports.js';
import * as schemas from './schemas.js';

@ApiTags('rules')
@ApiBearerAuth()
@Controller('rules')
export class RulesController {
  constructor(@Inject(CLUSTER_PORTS) private readonly ports: ClusterPorts) {}

  @Get()
  @Answers('All placement rules, by name, with what breaks them now', answers.listWith(answers.rule))
  async list() {
    const view = await this.ports.reads.view();
    return { items: view.rules.map((rule) => ruleDocument(view, rule)) };
  }

  @Post()
  @Begins('Add a placement rule; what could never be kept is refused')
  add(@Actor() actor: string, @Body({ schema: schemas.newRule }) body: z.output<typeof schemas.newRule>): Promise<Begun> {
    return this.ports.commands.addRule(actor, body);
  }

  @Delete(':rule')
  @Begins('Remove a placement rule')
  remove(@Actor() actor: string, @Param('rule') name: string): Promise<Begun> {
    return this.ports.commands.removeRule(actor, name);
  }
}
