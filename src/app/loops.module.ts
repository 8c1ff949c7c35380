// The periodic loops, registered with Nest's scheduler: each has a name and an interval, and none runs into itself.
import { Inject, Module, type DynamicModule, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';

export interface Loop {
  readonly name: string;
  readonly everyMs: number;
  /** Never throws. */
  readonly run: () => Promise<void> | void;
}

const LOOPS = Symbol('Loops');

class Loops implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(SchedulerRegistry) private readonly registry: SchedulerRegistry,
    @Inject(LOOPS) private readonly loops: readonly Loop[],
  ) {}

  onApplicationBootstrap(): void {
    for (const loop of this.loops) this.registry.addInterval(loop.name, setInterval(once(loop.run), loop.everyMs));
  }

  onApplicationShutdown(): void {
    for (const loop of this.loops) if (this.registry.doesExist('interval', loop.name)) this.registry.deleteInterval(loop.name);
  }
}

/** A run that takes longer than its interval is not run beside itself. */
function once(run: Loop['run']): () => void {
  let busy = false;
  return () => {
    if (busy) return;
    busy = true;
    void Promise.resolve(run()).finally(() => (busy = false));
  };
}

@Module({})
export class LoopsModule {
  static with(loops: readonly Loop[]): DynamicModule {
    return { module: LoopsModule, imports: [ScheduleModule.forRoot()], providers: [Loops, { provide: LOOPS, useValue: loops }] };
  }
}
