// Clocks of simulated processes: timers follow the crystal, the date stays with the others'.
import { describe, expect, it } from 'vitest';
import { EPOCH_MS, SimProcess } from './sim-process.js';
import { VirtualTime } from './virtual-time.js';

describe('a clock that runs 1 % fast', () => {
  it('counts more than has passed, and is due early', async () => {
    const time = new VirtualTime();
    const process = new SimProcess(time, 'fast', { wallOffsetMs: 0, drift: 0.01 });
    const beganMs = process.clock.monotonicMs();
    let dueAtMs = 0;
    process.clock.after(1_010, () => {
      dueAtMs = time.nowMs;
    });
    await time.runUntil(100_000, () => undefined);
    expect(dueAtMs).toBe(1_000);
    expect(process.clock.monotonicMs() - beganMs).toBeCloseTo(101_000, 3);
    expect(process.clock.nowMs() - EPOCH_MS).toBe(100_005);
  });
});
