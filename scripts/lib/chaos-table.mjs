// What `npm run chaos` is asked, and the table that it prints: how often each scenario passed, and how long each run took.

export const DEFAULT_TIMES = 5;
const MOST_TIMES = 1_000;
export const CHAOS_USAGE = 'npm run chaos [-- --times N] [--only WORD]';

/** { times, only } or { trouble }: what is wrong with the words, by name. */
export function parseChaos(argv) {
  let [times, only] = [DEFAULT_TIMES, null];
  for (let at = 0; at < argv.length; at += 2) {
    const [option, value] = [argv[at], argv[at + 1]];
    if (option !== '--times' && option !== '--only') return { trouble: `there is no option "${option}"; ${CHAOS_USAGE}` };
    if (value === undefined || value === '') return { trouble: `${option}: which? ${CHAOS_USAGE}` };
    if (option === '--only') only = value;
    else if (!/^[0-9]{1,4}$/.test(value) || Number(value) < 1 || Number(value) > MOST_TIMES) return { trouble: `--times: a whole number from 1 to ${MOST_TIMES}, not "${value}"` };
    else times = Number(value);
  }
  return { times, only };
}

/** Each run of each scenario: { scenario, file, passed, seconds }. A file that did not get to its tests is one failed scenario of its own. */
export function runsOf(report, file) {
  if (!report) return [{ file, scenario: 'the run itself', passed: false, seconds: 0 }];
  const tests = report.testResults.flatMap((result) => result.assertionResults);
  const ran = tests.filter((test) => test.status === 'passed' || test.status === 'failed');
  const broken = report.testResults.some((result) => result.status === 'failed') && !ran.some((test) => test.status === 'failed');
  const runs = ran.map((test) => ({ file, scenario: [...test.ancestorTitles, test.title].join(': '), passed: test.status === 'passed', seconds: Math.round((test.duration ?? 0) / 1_000) }));
  return broken ? [...runs, { file, scenario: 'set-up or clean-up', passed: false, seconds: 0 }] : runs;
}

/** Rows in the order in which they were first seen, the worst news readable without scrolling: the sum is the last line. */
export function chaosTable(runs) {
  const rows = new Map();
  for (const run of runs) rows.set(`${run.file} ${run.scenario}`, [...(rows.get(`${run.file} ${run.scenario}`) ?? []), run]);
  const lines = [...rows.values()].map((all) => {
    const passed = all.filter((run) => run.passed).length;
    return `  ${String(passed).padStart(6)}  ${String(all.length - passed).padStart(6)}  ${timesOf(all).padEnd(12)}  ${all[0].file}  ${all[0].scenario}`;
  });
  const failed = runs.filter((run) => !run.passed).length;
  return ['  passed  failed  seconds       scenario', ...lines, `${rows.size} scenarios, ${runs.length - failed} runs passed, ${failed} failed`];
}

function timesOf(runs) {
  const seconds = runs.map((run) => run.seconds);
  const [least, most] = [Math.min(...seconds), Math.max(...seconds)];
  return least === most ? String(least) : `${least} to ${most}`;
}
