// `npm run check`: types, lint, layers, own rules and unit tests, each with its time. `npm run check -- lint types` runs those named.
import { ROOT, isMain, run, say, seconds, stop } from './lib/say.mjs';
import { runVitest } from './lib/vitest.mjs';
import { ensure } from './ensure.mjs';

const bin = (name) => `${ROOT}/node_modules/.bin/${name}`;

/** What needs no test runner. Each gives its complaints as text; empty when it is content. */
export const STATIC_PARTS = {
  types: () => complaints(bin('tsc'), ['-p', '.', '--noEmit', '--pretty', 'false']),
  lint: () => complaints(bin('oxlint'), ['--quiet', '--deny-warnings', '--format=unix']),
  layers: () => complaints(process.execPath, ['scripts/check-layers.mjs']),
  rules: () => complaints(process.execPath, ['scripts/check-rules.mjs']),
};

async function complaints(program, args) {
  const { code, output } = await run(program, args, { capture: true });
  if (code === 0) return '';
  return output.trim() || `ended with ${code} and said nothing`;
}

/** Runs the static parts, as many at once as there is room for two; prints each as it ends. */
export async function staticChecks(names = Object.keys(STATIC_PARTS)) {
  const waiting = [...names];
  const failed = [];
  const worker = async () => {
    for (let name = waiting.shift(); name; name = waiting.shift()) {
      const began = performance.now();
      const text = await STATIC_PARTS[name]();
      say(`  ${text === '' ? 'ok  ' : 'FAIL'} ${name.padEnd(7)} ${seconds(began)}`);
      if (text !== '') {
        failed.push(name);
        say(text.replace(/^/gm, '       '));
      }
    }
  };
  await Promise.all([worker(), worker()]);
  return { passed: names.length - failed.length, failed: failed.length };
}

async function unitTests() {
  const began = performance.now();
  const result = await runVitest('unit', { quiet: true });
  if (result.failed > 0) say(result.output.replace(/^/gm, '       '));
  for (const note of result.notes) say(`       ${note}`);
  say(`  ${result.failed === 0 && result.passed > 0 ? 'ok  ' : 'FAIL'} unit    ${seconds(began)}, ${result.passed} passed, ${result.failed} failed`);
  return result.failed === 0 && result.passed > 0;
}

async function main(asked) {
  const known = [...Object.keys(STATIC_PARTS), 'unit'];
  const stranger = asked.find((name) => !known.includes(name));
  if (stranger) stop(`there is no check "${stranger}"; there are ${known.join(', ')}`, 2);
  await ensure();
  const began = performance.now();
  const names = asked.length > 0 ? asked : known;
  // Side by side: the tests wait for processes and clocks most of the time.
  const [parts, unitOk] = await Promise.all([staticChecks(names.filter((name) => name !== 'unit')), names.includes('unit') ? unitTests() : true]);
  const good = parts.failed === 0 && unitOk;
  say(`check ${good ? 'passed' : 'failed'} in ${seconds(began)}`);
  process.exitCode = good ? 0 : 1;
}

if (isMain(import.meta.url)) await main(process.argv.slice(2));
