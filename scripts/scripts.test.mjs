// The scripts' own judgement: what counts as a failure, when a bundle is stale, when packages differ from the lock file.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUNDLES, buildAll, isStale } from './build.mjs';
import { nodeTrouble, packagesTrouble } from './ensure.mjs';
import { ROOT, run } from './lib/say.mjs';
import { countReport } from './lib/vitest.mjs';

let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'reeve-scripts-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(file, text, atMs = null) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
  if (atMs !== null) utimesSync(join(root, file), new Date(atMs), new Date(atMs));
}

describe('a checkout without packages', () => {
  // `npm run check` starts the rules as a process of their own, once the packages are there.
  const files = ['scripts', 'scripts/lib'].flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`));
  it.each(files.filter((file) => /(?<!\.test)\.mjs$/.test(file) && file !== 'scripts/check-rules.mjs'))('%s loads: it imports Node and its neighbours only', (file) => {
    const imports = [...readFileSync(join(ROOT, file), 'utf8').matchAll(/^import .*from '([^']+)';$/gm)].map((found) => found[1]);
    expect(imports.filter((from) => !/^(node:|\.)/.test(from))).toEqual([]);
  });
});

describe('counting a run of tests', () => {
  const file = (status, ...states) => ({ name: '/x/a.test.ts', status, message: 'SyntaxError\nat …', assertionResults: states.map((state) => ({ status: state })) });

  it('counts tests, not files', () => {
    expect(countReport({ testResults: [file('passed', 'passed', 'passed', 'skipped'), file('failed', 'failed', 'passed')] }, 1)).toEqual({ passed: 3, failed: 1, skipped: 1, notes: [] });
  });

  it('counts a file that could not be loaded as a failure, and names it', () => {
    const result = countReport({ testResults: [file('passed', 'passed'), file('failed')] }, 1);
    expect(result).toMatchObject({ passed: 1, failed: 1 });
    expect(result.notes[0]).toContain('/x/a.test.ts could not run: SyntaxError');
  });

  it('counts a bad end without a failed test as a failure', () => {
    expect(countReport({ testResults: [file('passed', 'passed')] }, 1)).toMatchObject({ passed: 1, failed: 1 });
  });

  it('counts a run that left no report as a failure', () => {
    expect(countReport(null, 137)).toMatchObject({ passed: 0, failed: 1, notes: ['vitest ended with 137 and left no report'] });
  });
});

describe('freshness of bundles', () => {
  const source = BUNDLES[0].source;
  const soonMs = Date.now() + 60_000;
  const always = ['scripts/build.mjs', 'tsconfig.json', 'package-lock.json'];

  async function built() {
    for (const file of always) write(file, '{}', 0);
    write(source, "import { a } from './a.js';\nconsole.log(a);\n", 0);
    write(join(dirname(source), 'a.ts'), 'export const a: number = 1;\n', 0);
    await buildAll(root);
  }

  it('is stale before the first build, fresh after it', async () => {
    write(source, '', 0);
    expect(isStale(root)).toBe(true);
    await built();
    expect(isStale(root)).toBe(false);
  });

  it.each([source, join(dirname(source), 'a.ts'), 'package-lock.json'])('is stale once %s changed', async (file) => {
    await built();
    write(file, 'export const a = 2;', soonMs);
    expect(isStale(root)).toBe(true);
  });

  it('is stale once an imported file is gone, or another program has come', async () => {
    await built();
    rmSync(join(root, dirname(source), 'a.ts'));
    expect(isStale(root)).toBe(true);
    await built();
    write(BUNDLES[1].source, '', 0);
    expect(isStale(root)).toBe(true);
  });
});

describe('packages', () => {
  const lock = (packages) => JSON.stringify({ packages });
  const installed = (packages) => write('node_modules/.package-lock.json', lock(packages));

  beforeEach(() => write('package-lock.json', lock({ '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.0.0', optional: true } })));

  it.each([
    ['nothing is installed', null, 'no packages are installed'],
    ['one is missing', {}, 'a is missing, package-lock.json says 1.0.0'],
    ['one is of another version', { 'node_modules/a': { version: '0.9.0' } }, 'a is 0.9.0, package-lock.json says 1.0.0'],
    ['an optional one is of another version', { 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '1.0.0' } }, 'b is 1.0.0, package-lock.json says 2.0.0'],
    ['an optional one is missing, as on another CPU', { 'node_modules/a': { version: '1.0.0' } }, null],
  ])('%s', (_what, found, expected) => {
    if (found) installed(found);
    expect(packagesTrouble(root)).toBe(expected);
  });

  it.each([['18.19.0', false], ['20.18.9', false], ['20.19.0', true], ['22.0.0', true]])('Node %s is enough: %s', (version, enough) => {
    expect(nodeTrouble(version) === null).toBe(enough);
  });
});

describe('running programs', () => {
  it('gives output and exit code, also of a program that is not there', async () => {
    expect(await run(process.execPath, ['-e', 'console.log(1); process.exit(3)'], { capture: true })).toEqual({ code: 3, output: '1\n' });
    expect((await run('/nowhere/program', [], { capture: true })).code).toBe(127);
  });

  it('ends what takes too long', async () => {
    expect((await run(process.execPath, ['-e', 'setInterval(() => 1, 1000)'], { capture: true, timeoutMs: 50 })).code).toBe(143);
  });
});
