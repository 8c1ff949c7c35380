// A machine's watchdog: it resets its host when it is starved, unless it is dead.
import { describe, expect, it } from 'vitest';
import { VirtualTime } from './engine/virtual-time.js';
import { Machine } from './machine.js';
import { SimulatedWorld } from './simulated-world.js';

function machine(): { readonly time: VirtualTime; readonly resets: string[]; readonly machine: Machine } {
  const time = new VirtualTime();
  const world = new SimulatedWorld({ nowMs: () => time.nowMs, monotonicMs: () => time.nowMs, sleep: async () => undefined });
  const resets: string[] = [];
  const host = world.addHost({ name: 'host-1', address: '10.0.0.1' });
  return { time, resets, machine: new Machine(host, world, time, { off: () => undefined, booted: () => undefined, reset: (name, by) => void resets.push(`${name} by ${by} at ${time.nowMs}`) }) };
}

describe('a watchdog', () => {
  it('resets its host when it is starved', async () => {
    const { time, resets, machine: one } = machine();
    one.feedWatchdog(3_000);
    await time.runUntil(5_000, () => undefined);
    expect(resets).toEqual(['host-1 by watchdog at 3000']);
  });

  it('resets nothing while it is dead, and watches again from the first feed after its repair', async () => {
    const { time, resets, machine: one } = machine();
    one.isWatchdogDead = true;
    one.feedWatchdog(3_000);
    await time.runUntil(10_000, () => undefined);
    expect(resets).toEqual([]);
    expect(one.isWatchdogArmed).toBe(true);
    one.isWatchdogDead = false;
    await time.runUntil(20_000, () => undefined);
    one.feedWatchdog(3_000);
    await time.runUntil(30_000, () => undefined);
    expect(resets).toEqual(['host-1 by watchdog at 23000']);
  });
});
