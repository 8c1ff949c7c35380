// The periodic loops of a replica, registered with Nest's scheduler.
import { Inject, Module, type DynamicModule, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { alone, type Loop } from '../cluster/control/loop.js';

const LOOPS = Symbol('Loops');

class Loops implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(SchedulerRegistry) private readonly registry: SchedulerRegistry,
    @Inject(LOOPS) private readonly loops: readonly Loop[],
  ) {}

  onApplicationBootstrap(): void {
    for (const loop of this.loops) this.registry.addInterval(loop.name, setInterval(alone(loop.run), loop.everyMs));
  }

  onApplicationShutdown(): void {
    for (const loop of this.loops) if (this.registry.doesExist('interval', loop.name)) this.registry.deleteInterval(loop.name);
  }
}

@Module({})
export class LoopsModule {
  static with(loops: readonly Loop[]): DynamicModule {
    return { module: LoopsModule, imports: [ScheduleModule.forRoot()], providers: [Loops, { provide: LOOPS, useValue: loops }] };
  }
}
