// /api/v1/hosts
import { Body, Controller, Delete, Get, HttpCode, HttpStatus, Inject, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { findHost } from '../cluster/commands/find.js';
import * as answers from './answers.js';
import { Answers } from './answers.js';
import { Actor } from './auth-guard.js';
import { Begins } from './begins.js';
import { hostDocument } from './documents.js';
import { pageOf } from './page.js';
import { CLUSTER_PORTS, type Begun, type ClusterPorts, type NewHost } from './ports.js';
import * as schemas from './schemas.js';

@ApiTags('hosts')
@ApiBearerAuth()
@Controller('hosts')
export class HostsController {
  constructor(@Inject(CLUSTER_PORTS) private readonly ports: ClusterPorts) {}

  @Get()
  @Answers('All hosts, by name', answers.pageWith(answers.host))
  async list(@Query({ schema: schemas.page }) query: z.output<typeof schemas.page>) {
    const view = await this.ports.reads.view();
    return pageOf(view.hosts.map((host) => hostDocument(view, this.ports.reads.verdict(), host)), (host) => host.name, query);
  }

  @Post()
  @Begins('Enrol a host: checks it, installs the agent, admits it', schemas.hostBegun)
  async add(@Actor() actor: string, @Body({ schema: schemas.addedHost }) { setUpLocks, ...body }: z.output<typeof schemas.addedHost>) {
    const begun = await this.ports.commands.addHost(actor, asHost(body), { setUpLocks });
    return { name: body.name, operationId: begun.operationIds[0] ?? null, ...begun };
  }

  @Post('check')
  @HttpCode(HttpStatus.OK)
  @Answers('Look at a machine as an enrolment would, and report; nothing is changed there', answers.listWith(answers.checkPoint))
  async checkOnly(@Body({ schema: schemas.newHost }) body: z.output<typeof schemas.newHost>) {
    return { items: await this.ports.commands.checkHost(asHost(body)) };
  }

  @Post('scan-key')
  @HttpCode(HttpStatus.OK)
  @Answers('Show the SSH host key of an address, to be compared and pinned', answers.hostKeyScan)
  scan(@Body({ schema: schemas.scanKey }) body: z.output<typeof schemas.scanKey>) {
    return this.ports.commands.scanHostKey(body.address, body.port);
  }

  @Get(':host')
  @Answers('One host, with its facts and what is heard of it', answers.host)
  async show(@Param('host') name: string) {
    const view = await this.ports.reads.view();
    return hostDocument(view, this.ports.reads.verdict(), findHost(view, name));
  }

  @Get(':host/check')
  @Answers('The report of the last check: each point with its remedy', answers.listWith(answers.checkPoint))
  async check(@Param('host') name: string) {
    return { items: await this.ports.reads.checkReport(findHost(await this.ports.reads.view(), name).name) };
  }

  @Delete(':host')
  @Begins('Remove a host; refused while workloads are there')
  remove(@Actor() actor: string, @Param('host') name: string, @Query({ schema: schemas.removalQuery }) { lost }: z.output<typeof schemas.removalQuery>): Promise<Begun> {
    return this.ports.commands.removeHost(actor, name, lost);
  }

  @Put(':host/fence-devices')
  @Begins('Replace the fence devices')
  setFence(@Actor() actor: string, @Param('host') name: string, @Body({ schema: schemas.fenceDevices }) body: z.output<typeof schemas.fenceDevices>): Promise<Begun> {
    return this.ports.commands.setFenceDevices(actor, name, body.fenceDevices);
  }

  @Put(':host/labels')
  @Begins('Set labels or take them away; what is not named stays')
  setLabels(@Actor() actor: string, @Param('host') name: string, @Body({ schema: schemas.setLabels }) { labels }: z.output<typeof schemas.setLabels>): Promise<Begun> {
    return this.ports.commands.labelHost(actor, name, labels);
  }

  @Put(':host/zone')
  @Begins('Say what it fails together with')
  setZone(@Actor() actor: string, @Param('host') name: string, @Body({ schema: schemas.setZone }) { zone }: z.output<typeof schemas.setZone>): Promise<Begun> {
    return this.ports.commands.setZone(actor, name, zone);
  }

  @Put(':host/host-key')
  @Begins('Pin another SSH host key, after a person has compared it')
  repin(@Actor() actor: string, @Param('host') name: string, @Body({ schema: schemas.repin }) body: z.output<typeof schemas.repin>): Promise<Begun> {
    return this.ports.commands.repin(actor, name, body.hostKey);
  }

  @Post(':host/enrol')
  @Begins('Check and enrol again, after what was wrong has been put right')
  enrol(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.recheckHost(actor, name);
  }

  @Post(':host/cordon')
  @Begins('Place nothing new there')
  cordon(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.cordon(actor, name);
  }

  @Post(':host/uncordon')
  @Begins('Place there again')
  uncordon(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.uncordon(actor, name);
  }

  @Get(':host/drain-plan')
  @Answers('What a drain would do with each workload there, and how long each would stand still; nothing is begun', answers.drainPlan)
  drainPlan(@Param('host') name: string) {
    return this.ports.reads.drainPlan(name);
  }

  @Post(':host/drain')
  @Begins('Maintenance: cordon, move everything away live, no fencing; `?dryRun=true` answers 200 with what it would do')
  @ApiResponse({ status: HttpStatus.OK, description: 'Of a dry run: the moves in rounds, as `GET /plans/drain`; nothing is begun', standardSchema: answers.plan })
  async drain(@Actor() actor: string, @Param('host') name: string, @Query({ schema: schemas.dryRunQuery }) { dryRun }: z.output<typeof schemas.dryRunQuery>, @Res({ passthrough: true }) reply: FastifyReply) {
    if (!dryRun) return this.ports.commands.drain(actor, name);
    void reply.status(HttpStatus.OK);
    return this.ports.reads.plan({ kind: 'drain', hosts: [name] });
  }

  @Post(':host/undrain')
  @Begins('End of maintenance')
  undrain(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.undrain(actor, name);
  }

  @Post(':host/release')
  @Begins('End a quarantine: it takes workloads again')
  release(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.release(actor, name);
  }

  @Post(':host/fence')
  @Begins('Cut its power now and recover its workloads elsewhere')
  fence(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.fence(actor, name);
  }

  @Post(':host/confirm-off')
  @Begins('A person vouches that the host is off; audited')
  confirmOff(@Actor() actor: string, @Param('host') name: string, @Body({ schema: schemas.reason }) body: z.output<typeof schemas.reason>): Promise<Begun> {
    return this.ports.commands.confirmOff(actor, name, body.reason);
  }

  @Post(':host/power-on')
  @Begins('Power on by its fence device')
  powerOn(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.powerOn(actor, name);
  }

  @Post(':host/renew-trust')
  @Begins('Make its daemons for containers and those of the other hosts fit together again, and renew certificates that end soon')
  renewTrust(@Actor() actor: string, @Param('host') name: string, @Body({ schema: schemas.trustRenewal }) { force }: z.output<typeof schemas.trustRenewal>): Promise<Begun> {
    return this.ports.commands.renewTrust(actor, name, force);
  }

  @Post(':host/refresh')
  @Begins('Read sizes, versions, pools and bridges anew')
  refresh(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.refreshFacts(actor, name);
  }
}

const asHost = (body: z.output<typeof schemas.newHost>): NewHost => ({ ...body, links: body.links ?? [body.address] });
