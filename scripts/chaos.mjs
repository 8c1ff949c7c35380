// `npm run chaos [-- --times N] [--only WORD]`: the scenarios of lost hosts, networks, queues and databases on real hosts, each so many times in a row.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, isMain, say, seconds, stop } from './lib/say.mjs';
import { CHAOS_USAGE, chaosTable, parseChaos, runsOf } from './lib/chaos-table.mjs';
import { ensure } from './ensure.mjs';
import { ensureBuilt } from './build.mjs';
import { loadTs } from './lib/load-ts.mjs';
import { ensureRedis } from './lib/redis.mjs';
import { runVitest } from './lib/vitest.mjs';

/** Words of vitest: with its folder where another file ends in the same. The stage `e2e` of `npm test` runs each of them once. */
const FILES = ['failover.e2e', 'lease.e2e', 'replicas.e2e', 'chaos.e2e', 'e2e/containers.e2e', 'copies-cut.e2e', 'luns.e2e', 'lxd-cluster.e2e'];

async function prepare() {
  await ensure();
  const setup = await loadTs('lab/setup.ts');
  const why = await setup.whyNoLab();
  if (why) stop(`No lab here: ${why}`);
  await setup.ensureLabPackages(say);
  await ensureBuilt();
  const noRedis = await ensureRedis();
  if (noRedis) say(`left out: the queue on Redis: ${noRedis}`);
  return noRedis ? { REEVE_TEST_NO_REDIS: noRedis } : {};
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/** By name, as it is written: a word is no pattern. */
const filter = (only) => (only === null ? [] : ['-t', only.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')]);

async function runOnce(file, { only, env }) {
  const report = join(ROOT, 'dist', 'reports', `chaos-${file.replaceAll('/', '-')}.json`);
  await runVitest('e2e', { env, filters: [file, ...filter(only)], keepReport: report });
  return runsOf(readReport(report), file);
}

async function main(argv) {
  if (argv.includes('--help') || argv.includes('-h')) return say(CHAOS_USAGE);
  const asked = parseChaos(argv);
  if (asked.trouble) stop(`chaos: ${asked.trouble}`, 2);
  const env = await prepare();
  const began = performance.now();
  const runs = [];
  for (const file of FILES) {
    for (let round = 1; round <= asked.times; round += 1) {
      say(`\n== ${file}, ${round} of ${asked.times}`);
      runs.push(...(await runOnce(file, { only: asked.only, env })));
    }
  }
  if (runs.length === 0) stop(`chaos: no scenario is named with "${asked.only}"`, 2);
  say(`\n== ${asked.times} times in a row, in ${seconds(began)}`);
  for (const line of chaosTable(runs)) say(line);
  process.exitCode = runs.every((run) => run.passed) ? 0 : 1;
}

process.env.CI = 'true';
if (isMain(import.meta.url)) await main(process.argv.slice(2));
