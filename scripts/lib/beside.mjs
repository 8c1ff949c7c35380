// Runs stages of `npm test` beside another one, on what that leaves of the processors: real hosts wait most of the time, the simulator never does.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run, say, seconds } from './say.mjs';

/** One after the other. Gives results as a stage does; what they print is shown when they fail. */
export async function runBeside(names) {
  if (names.length === 0) return [];
  const idle = await whenIdle();
  const results = [];
  for (const name of names) results.push(await runOne(name, idle));
  return results;
}

/** Only when nobody else wants the processor; the lowest ordinary priority where that can't be had. */
async function whenIdle() {
  const { code } = await run('chrt', ['-i', '0', 'true'], { capture: true });
  return code === 0 ? ['chrt', '-i', '0'] : ['nice', '-n', '19'];
}

async function runOne(name, [program, ...args]) {
  const began = performance.now();
  const { code, output } = await run(program, [...args, process.execPath, join(ROOT, 'scripts', 'test.mjs'), name], { capture: true });
  const file = join(ROOT, 'dist', 'reports', `${name}.log`);
  mkdirSync(join(ROOT, 'dist', 'reports'), { recursive: true });
  writeFileSync(file, output);
  const result = resultOf(output, code);
  if (result.failed > 0) say(`\n== ${name}, which ran beside\n${output}`);
  return { name: `${name} (beside)`, time: seconds(began), skipped: 0, leftOut: [], ...result };
}

/** By its last line, as every stage prints it; without one it did not end well. */
export function resultOf(output, code) {
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(output.trimEnd().split('\n').at(-1) ?? '') ?? [];
  if (passed === undefined) return { passed: 0, failed: 1, notes: [`ended with ${code} and no result`] };
  const notes = output.split('\n').filter((line) => line.startsWith('               ')).map((line) => line.trim());
  return { passed: Number(passed), failed: code !== 0 && failed === '0' ? 1 : Number(failed), notes };
}
