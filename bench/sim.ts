// `npm run bench:sim`: how many hours of virtual time the simulator lives through in one minute of processor time.
import { compileLate } from '../src/sim/engine/compile-late.js';
import { runScenario } from '../src/sim/run-scenario.js';
import type { Scenario } from '../src/sim/scenario/scenario.js';
import { randomScenario } from '../src/sim/storm/random-scenario.js';

const failover = (hosts: number, workloads: number): Scenario => ({
  hosts: Array.from({ length: hosts }, (_, index) => ({ name: `host-${index + 1}`, fencing: ['power' as const] })),
  workloads: Array.from({ length: workloads }, (_, index) => ({ name: `vm-${index + 1}`, host: `host-${1 + (index % hosts)}` })),
  timeline: [{ at: 10, do: 'host.power-cut', host: 'host-1' }],
  until: 40,
});

const cpuMs = (): number => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;

async function measure(what: string, run: () => Promise<number>): Promise<void> {
  const began = cpuMs();
  const virtualS = await run();
  const spentMs = cpuMs() - began;
  process.stdout.write(`${what.padEnd(40)} ${(virtualS / 3600 / (spentMs / 60_000)).toFixed(1)} virtual hours a CPU minute (${spentMs.toFixed(0)} ms for ${virtualS.toFixed(0)} s)\n`);
}

const one = async (scenario: Scenario, seed = 1): Promise<number> => (await runScenario(scenario, { seed, endsEarly: scenario.timeline !== undefined && scenario.timeline.length > 10 })).stats.virtualSeconds;

// As `reeve simulate` does it.
compileLate();
await one(failover(3, 3));
await measure('failover: 3 hosts, 3 workloads', () => one(failover(3, 3)));
await measure('failover: 12 hosts, 60 workloads', () => one(failover(12, 60)));
await measure('quiet: 3 hosts, 3 workloads, one hour', () => one({ ...failover(3, 3), timeline: [], until: 3_600 }));
await measure('storms of seeds 1 to 20', async () => {
  let virtualS = 0;
  for (let seed = 1; seed <= 20; seed += 1) virtualS += await one(randomScenario(seed), seed);
  return virtualS;
});
