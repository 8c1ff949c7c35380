// What the agent says of its host's going down, and when it takes that back.
import { describe, expect, it } from 'vitest';
import type { GoingDown } from '../cluster/heartbeat-message.js';
import type { SystemWay } from './agent-ports.js';
import { Departure } from './departure.js';

function bench(goingDown: GoingDown | null, way: SystemWay) {
  const host = { file: goingDown, way, asked: 0 };
  const departure = new Departure({
    log: () => undefined,
    host: {
      goingDown: () => host.file,
      systemWay: async () => ((host.asked += 1), host.way),
      stay: () => void (host.file = null),
    },
  });
  return { host, departure };
}

describe('a departure', () => {
  it('is said from the look on that shows it', () => {
    const { host, departure } = bench(null, 'stays');
    departure.look(0);
    expect([departure.goingDown, host.asked]).toEqual([null, 0]);
    host.file = 'reboot';
    departure.look(500);
    expect([departure.goingDown, host.asked]).toEqual(['reboot', 0]);
  });

  it.each<[SystemWay, GoingDown | null]>([['stays', null], ['unknown', 'shutdown'], ['shutdown', 'shutdown']])('systemd says %s: then it is %s', async (way, after) => {
    const { host, departure } = bench('shutdown', way);
    for (const nowMs of [0, 5_000, 10_000]) departure.look(nowMs);
    expect(host.asked).toBe(1);
    await Promise.resolve();
    await Promise.resolve();
    departure.look(10_500);
    expect(departure.goingDown).toBe(after);
  });

  it.each<[SystemWay, GoingDown | null, string]>([['reboot', null, 'reboot'], ['stays', 'reboot', 'stop'], ['unknown', 'reboot', 'reboot'], ['unknown', null, 'stop']])('systemd says %s, the file %s: the good-bye is for %s', async (way, file, purpose) => {
    expect(await bench(file, way).departure.purpose()).toBe(purpose);
  });
});
