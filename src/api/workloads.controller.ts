// /api/v1/workloads
import { Body, Controller, Delete, Get, Inject, Param, Post, Put, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { findWorkload } from '../cluster/commands/find.js';
import { Actor } from './auth-guard.js';
import { Checked, DocumentedBody, DocumentedQuery } from './checked.js';
import { workloadDocument } from './documents.js';
import { pageOf } from './page.js';
import { API_PORTS, type ApiPorts, type Begun } from './ports.js';
import * as schemas from './schemas.js';

@ApiTags('workloads')
@ApiBearerAuth()
@Controller('workloads')
export class WorkloadsController {
  constructor(@Inject(API_PORTS) private readonly ports: ApiPorts) {}

  @Get()
  @ApiOperation({ summary: 'All workloads, by name' })
  @DocumentedQuery(schemas.page)
  async list(@Query(new Checked(schemas.page)) query: z.output<typeof schemas.page>) {
    const view = await this.ports.reads.view();
    return pageOf(view.workloads.map((workload) => workloadDocument(view, workload)), (workload) => workload.name, query);
  }

  @Post()
  @ApiOperation({ summary: 'Create a VM from a small specification' })
  @DocumentedBody(schemas.newWorkload)
  create(@Actor() actor: string, @Body(new Checked(schemas.newWorkload)) body: z.output<typeof schemas.newWorkload>): Promise<Begun> {
    return this.ports.commands.create(actor, body);
  }

  @Post('adopt')
  @ApiOperation({ summary: 'Make an existing VM known to Reeve, as it is and where it is' })
  @DocumentedBody(schemas.adoption)
  adopt(@Actor() actor: string, @Body(new Checked(schemas.adoption)) body: z.output<typeof schemas.adoption>): Promise<Begun> {
    return this.ports.commands.adopt(actor, body);
  }

  @Get(':workload')
  @ApiOperation({ summary: 'One workload' })
  async show(@Param('workload') name: string) {
    const view = await this.ports.reads.view();
    return workloadDocument(view, findWorkload(view, name));
  }

  @Get(':workload/explain')
  @ApiOperation({ summary: 'Why it is where it is, and what each other host lacks' })
  explain(@Param('workload') name: string) {
    return this.ports.reads.explain(name);
  }

  @Delete(':workload')
  @ApiOperation({ summary: 'Delete a stopped workload (deleteDisks=true: its disks too), or forget it (forget=true)' })
  remove(@Actor() actor: string, @Param('workload') name: string, @Query('deleteDisks') deleteDisks?: string, @Query('forget') forget?: string): Promise<Begun> {
    return this.ports.commands.delete(actor, name, { deleteDisks: deleteDisks === 'true', forget: forget === 'true' });
  }

  @Post(':workload/start')
  @ApiOperation({ summary: 'Start it' })
  start(@Actor() actor: string, @Param('workload') name: string): Promise<Begun> {
    return this.ports.commands.start(actor, name);
  }

  @Post(':workload/stop')
  @ApiOperation({ summary: 'Shut it down; force: end it when it does not within timeoutS' })
  @DocumentedBody(schemas.stop)
  stop(@Actor() actor: string, @Param('workload') name: string, @Body(new Checked(schemas.stop)) body: z.output<typeof schemas.stop>): Promise<Begun> {
    return this.ports.commands.stop(actor, name, body);
  }

  @Post(':workload/protect')
  @ApiOperation({ summary: 'Put it under high availability' })
  protect(@Actor() actor: string, @Param('workload') name: string): Promise<Begun> {
    return this.ports.commands.protect(actor, name, true);
  }

  @Post(':workload/unprotect')
  @ApiOperation({ summary: 'Take it out of high availability' })
  unprotect(@Actor() actor: string, @Param('workload') name: string): Promise<Begun> {
    return this.ports.commands.protect(actor, name, false);
  }

  @Put(':workload/priority')
  @ApiOperation({ summary: 'Higher recovers first' })
  @DocumentedBody(schemas.setPriority)
  setPriority(@Actor() actor: string, @Param('workload') name: string, @Body(new Checked(schemas.setPriority)) body: z.output<typeof schemas.setPriority>): Promise<Begun> {
    return this.ports.commands.setPriority(actor, name, body.priority);
  }

  @Post(':workload/migrate')
  @ApiOperation({ summary: 'Move it live' })
  @DocumentedBody(schemas.move)
  migrate(@Actor() actor: string, @Param('workload') name: string, @Body(new Checked(schemas.move)) body: z.output<typeof schemas.move>): Promise<Begun> {
    return this.ports.commands.migrate(actor, name, body);
  }

  @Post(':workload/relocate')
  @ApiOperation({ summary: 'Stop, move, start' })
  @DocumentedBody(schemas.relocation)
  relocate(@Actor() actor: string, @Param('workload') name: string, @Body(new Checked(schemas.relocation)) body: z.output<typeof schemas.relocation>): Promise<Begun> {
    return this.ports.commands.relocate(actor, name, body.to, { force: body.force, timeoutS: body.timeoutS });
  }

  @Post(':workload/clear')
  @ApiOperation({ summary: 'Clear an error: automation may act on it again' })
  clear(@Actor() actor: string, @Param('workload') name: string): Promise<Begun> {
    return this.ports.commands.clearError(actor, name);
  }
}
