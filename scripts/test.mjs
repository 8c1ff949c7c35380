// `npm test`: all stages from cheap to dear; installs what each needs, saying so. `npm test -- STAGE [FILTER…]` runs one.
import { ROOT, isMain, say, seconds, stop } from './lib/say.mjs';
import { join } from 'node:path';
import { ensure } from './ensure.mjs';
import { ensureBuilt } from './build.mjs';
import { staticChecks } from './check.mjs';
import { loadTs } from './lib/load-ts.mjs';
import { runBeside } from './lib/beside.mjs';
import { ensureRedis } from './lib/redis.mjs';
import { runVitest } from './lib/vitest.mjs';
import { runMutants } from './mutants.mjs';
import { runSeeds } from './sim.mjs';

/** As many as two cores run in four to six minutes. The same ones every time, so that a red build is red again; `npm run sim -- --from N` looks at others. */
const SEEDS = 2_000;

/**
 * A stage: `prepare` gives what it needs (a reason to leave the stage out, or null; a part can be left out by `env`),
 * `run` gives { passed, failed, skipped, notes }.
 */
const STAGES = [
  { name: 'check', what: 'types, lint, layers, rules', prepare: async () => ({ leaveOut: null }), run: staticChecksStage },
  { name: 'unit', what: 'unit, table and property tests', prepare: async () => ({ leaveOut: null }), run: vitestStage('unit') },
  { name: 'conformance', what: "each simulated adapter against its port's suite", prepare: async () => ({ leaveOut: null }), run: vitestStage('conformance') },
  { name: 'scenarios', what: 'golden timelines of what the simulator makes of small stories', prepare: async () => ({ leaveOut: null }), run: vitestStage('scenarios') },
  { name: 'sim', what: `${SEEDS} random clusters under random storms, in virtual time`, prepare: async () => ({ leaveOut: null }), run: seedsStage },
  { name: 'mutants', what: 'every safety rule switched off alone: the simulator must notice', prepare: async () => ({ leaveOut: null }), run: mutantsStage },
  { name: 'integration', what: 'real Postgres and Redis, real agents', prepare: prepareIntegration, run: vitestStage('integration') },
  { name: 'e2e', what: 'real hosts in the lab', prepare: prepareLab, run: vitestStage('e2e') },
];

async function staticChecksStage() {
  return { ...(await staticChecks()), skipped: 0, notes: [] };
}

async function seedsStage() {
  const { ran, failures } = await runSeeds({ from: 1, seeds: SEEDS, shrink: 'first' });
  return { passed: ran - failures.length, failed: failures.length, skipped: 0, notes: failures.map((one) => `seed ${one.seed}: ${one.violations.join('; ')}`) };
}

async function mutantsStage() {
  const { results, failures } = await runMutants();
  return { passed: results.filter((one) => one.caught).length, failed: failures.length, skipped: 0, notes: failures };
}

function vitestStage(project) {
  return ({ env = {}, filters = [] }) => runVitest(project, { env, filters, keepReport: join(ROOT, 'dist', 'reports', `${project}.json`) });
}

async function prepareIntegration() {
  await ensureBuilt();
  const noRedis = await ensureRedis();
  // The tests look at this variable: with a reason in it, those on Redis are skipped; without it, a missing Redis fails them.
  return noRedis ? { leaveOut: null, partlyOut: `the queue on Redis: ${noRedis}`, env: { REEVE_TEST_NO_REDIS: noRedis } } : { leaveOut: null };
}

async function prepareLab() {
  const setup = await loadTs('lab/setup.ts');
  if (!setup) throw new Error('lab/setup.ts is not there: this checkout is not whole');
  const why = await setup.whyNoLab();
  if (why) return { leaveOut: why };
  await setup.ensureLabPackages(say);
  await ensureBuilt();
  await buildImages(setup.whyNoContainers() === null);
  const [noRedis, noContainers, noIncus] = [await ensureRedis(), setup.whyNoContainers(), await setup.ensureIncus(say)];
  const env = { ...(noRedis ? { REEVE_TEST_NO_REDIS: noRedis } : {}), ...(noContainers ? { REEVE_TEST_NO_CONTAINERS: noContainers } : {}) };
  const partlyOut = [noRedis, noContainers, noIncus].filter(Boolean).join('; ');
  return { leaveOut: null, env, ...(partlyOut ? { partlyOut } : {}) };
}

/** Before two files at a time want them. */
async function buildImages(withContainers) {
  const { ensureGuest } = await loadTs('lab/guest.ts');
  await ensureGuest(say);
  if (!withContainers) return;
  const { ensureContainerTarball } = await loadTs('lab/containers.ts');
  await ensureContainerTarball(say);
}

async function runStage(stage, filters) {
  say(`\n== ${stage.name}: ${stage.what}`);
  const began = performance.now();
  const result = { name: stage.name, passed: 0, failed: 0, skipped: 0, notes: [], leftOut: [] };
  try {
    const ready = await stage.prepare();
    if (ready.leaveOut) return { ...result, leftOut: [`${stage.name}: ${ready.leaveOut}`], time: seconds(began) };
    if (ready.partlyOut) result.leftOut.push(ready.partlyOut);
    Object.assign(result, await stage.run({ env: ready.env, filters }));
  } catch (error) {
    result.failed += 1;
    result.notes.push(`could not run: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (result.passed + result.failed === 0) {
    result.failed = 1;
    result.notes.push('ran no test: that is a failure, or nobody would notice');
  }
  return { ...result, time: seconds(began) };
}

function summary(results) {
  say('\n== summary');
  for (const { name, time, passed, failed, skipped, notes, leftOut } of results) {
    const counts = leftOut.length > 0 && passed + failed === 0 ? 'left out' : `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    say(`  ${name.padEnd(12)} ${time.padStart(8)}  ${counts}`);
    for (const note of notes) say(`               ${note}`);
  }
  const leftOut = results.flatMap((result) => result.leftOut);
  for (const one of leftOut) say(`  left out: ${one}`);
  const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
  return { passed: total('passed'), failed: total('failed') };
}

/** These need nothing but processors, which the lab's hosts leave idle most of the time. */
const BESIDE_LAB = ['sim', 'mutants'];

async function runAll() {
  const withLab = !(await (await loadTs('lab/setup.ts'))?.whyNoLab());
  const results = [];
  for (const stage of STAGES) {
    if (withLab && BESIDE_LAB.includes(stage.name)) continue;
    const beside = withLab && stage.name === 'e2e' ? BESIDE_LAB : [];
    if (beside.length > 0) say(`\n== ${beside.join(', ')}: beside ${stage.name}, when the processors are idle`);
    const others = runBeside(beside);
    const own = await runStage(stage, []);
    if (beside.length > 0) say(`\n== waiting for ${beside.join(', ')}`);
    results.push(...(await others), own);
  }
  return results;
}

async function main([asked, ...filters]) {
  const stages = asked === undefined ? STAGES : STAGES.filter((stage) => stage.name === asked);
  if (stages.length === 0) stop(`there is no stage "${asked}"; there are ${STAGES.map((stage) => stage.name).join(', ')}`, 2);
  const began = performance.now();
  await ensure();
  const results = asked === undefined ? await runAll() : [await runStage(stages[0], filters)];
  const { passed, failed } = summary(results);
  say(`  in ${seconds(began)}`);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}

process.env.CI = 'true';
if (isMain(import.meta.url)) await main(process.argv.slice(2));
