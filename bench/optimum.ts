// `npm run bench optimum`: balance, and the spread of what a lost host ran, beside every assignment of tiny clusters.
// usage: npm run bench optimum [-- --clusters N]
import { balanceBeside, lossBeside } from '../test/fixtures/beside-optimum.js';
import { DEFAULT_BALANCE } from '../src/scheduler/plan-balance.js';
import { tinyCluster } from '../test/fixtures/tiny-cluster.js';

const named = process.argv.indexOf('--clusters');
const CLUSTERS = named === -1 ? 1_000 : Number(process.argv[named + 1]);
/** Less is rounding. */
const SAME = 1e-5;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seeds = Array.from({ length: CLUSTERS }, (_, nth) => nth + 1);

function distribution(values: readonly number[], digits: number): string {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number): string => Math.max(0, sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(digits);
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, worst ${at(1)}`;
}

for (const minGain of [0, DEFAULT_BALANCE.minGain]) {
  const compared = seeds.map((seed) => balanceBeside(tinyCluster(seed), minGain)).filter(({ before, best }) => before - best > SAME);
  const missed = compared.map(({ before, reached, best }) => (reached - best) / (before - best));
  say(`balance, minGain ${minGain}: ${compared.length} of ${CLUSTERS} clusters can be made better; of that missed: ${distribution(missed.map((share) => share * 100), 1)} %; the best itself in ${compared.filter(({ reached, best }) => reached - best < SAME).length}, within 2 % in ${missed.filter((share) => share <= 0.02).length}`);
}

for (const strategy of ['capacity', 'balanced'] as const) {
  const compared = seeds.flatMap((seed) => {
    const view = tinyCluster(seed);
    return lossBeside({ ...view, policy: { ...view.policy, strategy } }) ?? [];
  });
  say(`loss of one host, strategy ${strategy}: ${compared.length} clusters in which all has a place and something is to be chosen; imbalance above the least: ${distribution(compared.map(({ reached, best }) => reached - best), 3)}; the least in ${compared.filter(({ reached, best }) => reached - best < SAME).length}`);
}
