// /api/v1/workloads
import { Body, Controller, Delete, Get, Inject, Param, Post, Put, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { findWorkload } from '../cluster/commands/find.js';
import * as answers from './answers.js';
import { Answers } from './answers.js';
import { Actor } from './auth-guard.js';
import { Begins } from './begins.js';
import { workloadDocument } from './documents.js';
import { pageOf } from './page.js';
import { CLUSTER_PORTS, type Begun, type ClusterPorts } from './ports.js';
import * as schemas from './schemas.js';

@ApiTags('workloads')
@ApiBearerAuth()
@Controller('workloads')
export class WorkloadsController {
  constructor(@Inject(CLUSTER_PORTS) private readonly ports: ClusterPorts) {}

  @Get()
  @Answers('All workloads, by name', answers.pageWith(answers.workload))
  async list(@Query({ schema: schemas.page }) query: z.output<typeof schemas.page>) {
    const view = await this.ports.reads.view();
    return pageOf(view.workloads.map((workload) => workloadDocument(view, workload)), (workload) => workload.name, query);
  }

  @Post()
  @Begins('Create a VM, or a container, from a small specification')
  create(@Actor() actor: string, @Body({ schema: schemas.newWorkload }) body: z.output<typeof schemas.newWorkload>): Promise<Begun> {
    return this.ports.commands.create(actor, body);
  }

  @Post('adopt')
  @Begins('Make an existing VM known to Reeve, as it is and where it is')
  adopt(@Actor() actor: string, @Body({ schema: schemas.adoption }) body: z.output<typeof schemas.adoption>): Promise<Begun> {
    return this.ports.commands.adopt(actor, body);
  }

  @Get(':workload')
  @Answers('One workload', answers.workload)
  async show(@Param('workload') name: string) {
    const view = await this.ports.reads.view();
    return workloadDocument(view, findWorkload(view, name));
  }

  @Get(':workload/explain')
  @Answers('Why it is where it is, and what each other host lacks', answers.explanation)
  explain(@Param('workload') name: string) {
    return this.ports.reads.explain(name);
  }

  @Get(':workload/copies')
  @Answers('Its copies on all hosts, asked now', answers.copies)
  copies(@Param('workload') name: string) {
    return this.ports.reads.copies(name);
  }

  @Post(':workload/discard-copy')
  @Begins('Delete one of its copies, with its data; it is gone when this answers')
  discardCopy(@Actor() actor: string, @Param('workload') name: string, @Body({ schema: schemas.discard }) body: z.output<typeof schemas.discard>): Promise<Begun> {
    return this.ports.commands.discardCopy(actor, name, body);
  }

  @Delete(':workload')
  @Begins('Delete a stopped workload (deleteDisks=true: its disks too), or forget it (forget=true)')
  remove(@Actor() actor: string, @Param('workload') name: string, @Query({ schema: schemas.deletionQuery }) how: z.output<typeof schemas.deletionQuery>): Promise<Begun> {
    return this.ports.commands.delete(actor, name, how);
  }

  @Post(':workload/start')
  @Begins('Start it')
  start(@Actor() actor: string, @Param('workload') name: string, @Body({ schema: schemas.start }) body: z.output<typeof schemas.start>): Promise<Begun> {
    return this.ports.commands.start(actor, name, body.override);
  }

  @Post(':workload/stop')
  @Begins('Shut it down; force: end it when it does not within timeoutS')
  stop(@Actor() actor: string, @Param('workload') name: string, @Body({ schema: schemas.stop }) body: z.output<typeof schemas.stop>): Promise<Begun> {
    return this.ports.commands.stop(actor, name, body);
  }

  @Post(':workload/protect')
  @Begins('Put it under high availability')
  protect(@Actor() actor: string, @Param('workload') name: string): Promise<Begun> {
    return this.ports.commands.protect(actor, name, true);
  }

  @Post(':workload/unprotect')
  @Begins('Take it out of high availability')
  unprotect(@Actor() actor: string, @Param('workload') name: string): Promise<Begun> {
    return this.ports.commands.protect(actor, name, false);
  }

  @Put(':workload/desired')
  @Begins('Say what is wanted of it; the rules bring it about, now or when it becomes possible')
  setDesired(@Actor() actor: string, @Param('workload') name: string, @Body({ schema: schemas.setDesired }) body: z.output<typeof schemas.setDesired>): Promise<Begun> {
    return this.ports.commands.setDesired(actor, name, body.desired, body.override);
  }

  @Post(':workload/manage')
  @Begins('Take an unmanaged workload back; it is found where it runs')
  manage(@Actor() actor: string, @Param('workload') name: string, @Body({ schema: schemas.manage }) body: z.output<typeof schemas.manage>): Promise<Begun> {
    return this.ports.commands.manage(actor, name, body);
  }

  @Post(':workload/unmanage')
  @Begins('Leave it as it is from now on: watched, never touched')
  unmanage(@Actor() actor: string, @Param('workload') name: string): Promise<Begun> {
    return this.ports.commands.unmanage(actor, name);
  }

  @Post(':workload/recover-from-replica')
  @Begins('Of one whose host is proven off: recover it from its copy, though its pool could still be had from that host; what it wrote since stays in the pool')
  recoverFromReplica(@Actor() actor: string, @Param('workload') name: string): Promise<Begun> {
    return this.ports.commands.recoverFromReplica(actor, name);
  }

  @Post(':workload/lock')
  @Begins('Not moved and not stopped until it is unlocked')
  lock(@Actor() actor: string, @Param('workload') name: string, @Body({ schema: schemas.lock }) body: z.output<typeof schemas.lock>): Promise<Begun> {
    return this.ports.commands.lock(actor, name, body.reason);
  }

  @Post(':workload/unlock')
  @Begins('End of the lock')
  unlock(@Actor() actor: string, @Param('workload') name: string): Promise<Begun> {
    return this.ports.commands.unlock(actor, name);
  }

  @Put(':workload/policies')
  @Begins('Restarts, relocations, failback, drain and order; what is not named stays')
  setPolicies(@Actor() actor: string, @Param('workload') name: string, @Body({ schema: schemas.policies }) body: z.output<typeof schemas.policies>): Promise<Begun> {
    return this.ports.commands.setPolicies(actor, name, body);
  }

  @Put(':workload/labels')
  @Begins('Set labels or take them away; what is not named stays')
  setLabels(@Actor() actor: string, @Param('workload') name: string, @Body({ schema: schemas.setLabels }) { labels }: z.output<typeof schemas.setLabels>): Promise<Begun> {
    return this.ports.commands.labelWorkload(actor, name, labels);
  }

  @Put(':workload/priority')
  @Begins('Higher recovers first')
  setPriority(@Actor() actor: string, @Param('workload') name: string, @Body({ schema: schemas.setPriority }) body: z.output<typeof schemas.setPriority>): Promise<Begun> {
    return this.ports.commands.setPriority(actor, name, body.priority);
  }

  @Post(':workload/migrate')
  @Begins('Move it live')
  migrate(@Actor() actor: string, @Param('workload') name: string, @Body({ schema: schemas.move }) body: z.output<typeof schemas.move>): Promise<Begun> {
    return this.ports.commands.migrate(actor, name, body);
  }

  @Post(':workload/relocate')
  @Begins('Stop, move, start')
  relocate(@Actor() actor: string, @Param('workload') name: string, @Body({ schema: schemas.relocation }) body: z.output<typeof schemas.relocation>): Promise<Begun> {
    return this.ports.commands.relocate(actor, name, body.to, { force: body.force, timeoutS: body.timeoutS, override: body.override });
  }

  @Post(':workload/clear')
  @Begins('Clear an error: automation may act on it again')
  clear(@Actor() actor: string, @Param('workload') name: string): Promise<Begun> {
    return this.ports.commands.clearError(actor, name);
  }
}
