// For tests of copies: lets things happen at the very moment at which one has ended well, and lets copies take long.
import { SOURCE, type MoveWorld } from './migration.fixture.js';

/** At the first look that shows the copy ended well whose id contains `which`. Returns when that was. */
export function onCopyEnd(one: MoveWorld, which: string, happens: () => void): () => number {
  const { copies } = one.copying.source.hypervisor;
  if (copies === null) throw new Error('nothing is copied from there');
  const ask = copies.copyCommand.bind(copies);
  let atMs: number | null = null;
  Object.assign(copies, {
    copyCommand: async (id: string) => {
      const state = await ask(id);
      if (atMs === null && id.includes(which) && state.kind === 'ended' && state.exitCode === 0) {
        atMs = one.copying.clock.monotonicMs();
        happens();
      }
      return state;
    },
  });
  return () => {
    if (atMs === null) throw new Error('no such copy has ended well');
    return atMs;
  };
}

/** Copies whose id contains `which` take so long. */
export function takesLong(one: MoveWorld, which: string, forMs: number): void {
  const { copies } = one.copying.source.hypervisor;
  if (copies === null) throw new Error('nothing is copied from there');
  const begin = copies.startCopy.bind(copies);
  Object.assign(copies, {
    startCopy: async (...args: Parameters<typeof begin>) => {
      await begin(...args);
      const copy = one.world.host(SOURCE).copies.get(args[1].id);
      if (copy && args[1].id.includes(which)) Object.assign(copy, { endsAtMs: copy.startedAtMs + forMs });
    },
  });
}
