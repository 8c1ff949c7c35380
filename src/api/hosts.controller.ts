// /api/v1/hosts
import { Body, Controller, Delete, Get, Inject, Param, Post, Put, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { findHost } from '../cluster/commands/find.js';
import { Actor } from './auth-guard.js';
import { Checked, DocumentedBody, DocumentedQuery } from './checked.js';
import { hostDocument } from './documents.js';
import { pageOf } from './page.js';
import { API_PORTS, type ApiPorts, type Begun } from './ports.js';
import * as schemas from './schemas.js';

@ApiTags('hosts')
@ApiBearerAuth()
@Controller('hosts')
export class HostsController {
  constructor(@Inject(API_PORTS) private readonly ports: ApiPorts) {}

  @Get()
  @ApiOperation({ summary: 'All hosts, by name' })
  @DocumentedQuery(schemas.page)
  async list(@Query(new Checked(schemas.page)) query: z.output<typeof schemas.page>) {
    const view = await this.ports.reads.view();
    return pageOf(view.hosts.map((host) => hostDocument(view, this.ports.reads.verdict(), host)), (host) => host.name, query);
  }

  @Post()
  @ApiOperation({ summary: 'Enrol a host: checks it, installs the agent, admits it' })
  @DocumentedBody(schemas.newHost)
  async add(@Actor() actor: string, @Body(new Checked(schemas.newHost)) body: z.output<typeof schemas.newHost>) {
    const begun = await this.ports.commands.addHost(actor, { ...body, links: body.links ?? [body.address] });
    return { name: body.name, operationId: begun.operationIds[0] ?? null };
  }

  @Post('scan-key')
  @ApiOperation({ summary: 'Show the SSH host key of an address, to be compared and pinned' })
  @DocumentedBody(schemas.scanKey)
  scan(@Body(new Checked(schemas.scanKey)) body: z.output<typeof schemas.scanKey>) {
    return this.ports.commands.scanHostKey(body.address, body.port);
  }

  @Get(':host')
  @ApiOperation({ summary: 'One host, with its facts and what is heard of it' })
  async show(@Param('host') name: string) {
    const view = await this.ports.reads.view();
    return hostDocument(view, this.ports.reads.verdict(), findHost(view, name));
  }

  @Get(':host/check')
  @ApiOperation({ summary: 'The report of the last check: each point with its remedy' })
  async check(@Param('host') name: string) {
    return { items: await this.ports.reads.checkReport(findHost(await this.ports.reads.view(), name).name) };
  }

  @Delete(':host')
  @ApiOperation({ summary: 'Remove a host; refused while workloads are there' })
  remove(@Actor() actor: string, @Param('host') name: string, @Query('lost') lost?: string): Promise<Begun> {
    return this.ports.commands.removeHost(actor, name, lost === 'true');
  }

  @Put(':host/fence-devices')
  @ApiOperation({ summary: 'Replace the fence devices' })
  @DocumentedBody(schemas.fenceDevices)
  setFence(@Actor() actor: string, @Param('host') name: string, @Body(new Checked(schemas.fenceDevices)) body: z.output<typeof schemas.fenceDevices>): Promise<Begun> {
    return this.ports.commands.setFenceDevices(actor, name, body.fenceDevices);
  }

  @Put(':host/host-key')
  @ApiOperation({ summary: 'Pin another SSH host key, after a person has compared it' })
  @DocumentedBody(schemas.repin)
  repin(@Actor() actor: string, @Param('host') name: string, @Body(new Checked(schemas.repin)) body: z.output<typeof schemas.repin>): Promise<Begun> {
    return this.ports.commands.repin(actor, name, body.hostKey);
  }

  @Post(':host/enrol')
  @ApiOperation({ summary: 'Check and enrol again, after what was wrong has been put right' })
  enrol(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.recheckHost(actor, name);
  }

  @Post(':host/cordon')
  @ApiOperation({ summary: 'Place nothing new there' })
  cordon(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.cordon(actor, name);
  }

  @Post(':host/uncordon')
  @ApiOperation({ summary: 'Place there again' })
  uncordon(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.uncordon(actor, name);
  }

  @Post(':host/drain')
  @ApiOperation({ summary: 'Maintenance: cordon, move everything away live, no fencing' })
  drain(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.drain(actor, name);
  }

  @Post(':host/undrain')
  @ApiOperation({ summary: 'End of maintenance' })
  undrain(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.undrain(actor, name);
  }

  @Post(':host/fence')
  @ApiOperation({ summary: 'Cut its power now and recover its workloads elsewhere' })
  fence(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.fence(actor, name);
  }

  @Post(':host/confirm-off')
  @ApiOperation({ summary: 'A person vouches that the host is off; audited' })
  @DocumentedBody(schemas.reason)
  confirmOff(@Actor() actor: string, @Param('host') name: string, @Body(new Checked(schemas.reason)) body: z.output<typeof schemas.reason>): Promise<Begun> {
    return this.ports.commands.confirmOff(actor, name, body.reason);
  }

  @Post(':host/power-on')
  @ApiOperation({ summary: 'Power on by its fence device' })
  powerOn(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.powerOn(actor, name);
  }

  @Post(':host/refresh')
  @ApiOperation({ summary: 'Read sizes, versions, pools and bridges anew' })
  refresh(@Actor() actor: string, @Param('host') name: string): Promise<Begun> {
    return this.ports.commands.refreshFacts(actor, name);
  }
}
