// Runs one vitest project and counts what it did, from its JSON report rather than from its words. Quiet: its words are in `output`.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, run } from './say.mjs';

/** CI: no watch, no prompt, no snapshot written by the way. */
const ENVIRONMENT = { CI: 'true' };

/** Each test has a bound of its own; this one catches a run that hangs between them. */
const STAGE_MS = 60 * 60_000;

export async function runVitest(project, { quiet = false, env = {}, filters = [], keepReport = null } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-report-'));
  const report = keepReport ?? join(folder, 'report.json');
  if (keepReport) mkdirSync(join(keepReport, '..'), { recursive: true });
  try {
    const args = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters];
    if (keepReport) rmSync(report, { force: true });
    const { code, output } = await run(process.execPath, args, { capture: quiet, timeoutMs: STAGE_MS, env: { ...ENVIRONMENT, ...colours(quiet), ...env } });
    return { ...countReport(readReport(report), code), output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Escape codes only where a person sees them. */
function colours(quiet) {
  return !quiet && process.stdout.isTTY ? {} : { NO_COLOR: '1', FORCE_COLOR: '0' };
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * A file that could not be loaded, or whose set-up threw, has no failed test of its own: it counts as one.
 * So does a run that ended badly for any other reason (a stray rejection, a crash), so that it can't pass unseen.
 */
export function countReport(report, code) {
  if (!report) return { passed: 0, failed: 1, skipped: 0, notes: [`vitest ended with ${code} and left no report`] };
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const count = (...states) => tests.filter((test) => states.includes(test.status)).length;
  const broken = report.testResults.filter((file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'));
  const failed = count('failed') + broken.length;
  const stray = code !== 0 && failed === 0;
  return {
    passed: count('passed'),
    failed: failed + (stray ? 1 : 0),
    skipped: count('pending', 'skipped', 'todo', 'disabled'),
    notes: [
      ...broken.map((file) => `${file.name.replace(`${ROOT}/`, '')} could not run: ${(file.message ?? '').split('\n')[0]}`),
      ...(stray ? [`vitest ended with ${code} although no test failed`] : []),
    ],
  };
}
