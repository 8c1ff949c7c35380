// Each of the project's own rules is broken once here, and must be reported; what is allowed must pass.
import { describe, expect, it } from 'vitest';
import { checkText } from './check-rules.mjs';

const HEAD = '// What it is for.\n';
const long = (lines) => 'x();\n'.repeat(lines);

describe('violations are reported with the line, the reason and what to do', () => {
  it.each([
    ['a file without its first comment', 'src/store/a.ts', 'export const a = 1;\n', 1, 'the first line must be a comment'],
    ['a file too long', 'src/store/a.ts', HEAD + long(500), 1, '501 lines; a file stops at 500'],
    ['a function too long', 'src/store/a.ts', `${HEAD}export function f() {\n${long(69)}}\n`, 2, 'f has 71 lines; a function stops at 70'],
    ['a method too long', 'src/store/a.ts', `${HEAD}export class A {\n  m() {\n${long(69)}  }\n}\n`, 3, 'm has 71 lines'],
    ['too many parameters', 'src/store/a.ts', `${HEAD}export const f = (a, b, c, d, e, g) => a;\n`, 2, 'f has 6 parameters; at most 5'],
    ['Date.now', 'src/cluster/a.ts', `${HEAD}export const f = () => Date.now();\n`, 2, 'Date.now in a pure file: take nowMs'],
    ['new Date()', 'src/cluster/a.ts', `${HEAD}export const f = () => new Date();\n`, 2, 'new Date() in a pure file'],
    ['Math.random', 'src/scheduler/rules/a.ts', `${HEAD}export const f = () => Math.random();\n`, 2, 'Math.random in a pure file: take a Rng'],
    ['setTimeout', 'src/fencing/a.ts', `${HEAD}export const f = (g) => setTimeout(g, 1);\n`, 2, 'setTimeout in a pure file'],
    ['performance', 'src/migration/a.ts', `${HEAD}export const f = () => performance.now();\n`, 2, 'performance in a pure file'],
    ['process', 'src/shared/a.ts', `${HEAD}export const f = () => process.env;\n`, 2, 'process in a pure file'],
    ['console', 'src/workloads/a.ts', `${HEAD}console.log(1);\n`, 2, 'console in a pure file'],
    ['a global passed on', 'src/workloads/a.ts', `${HEAD}export const f = (g) => g(process);\n`, 2, 'process in a pure file'],
    ['a default export', 'src/store/a.ts', `${HEAD}export default 1;\n`, 2, 'a default export'],
    ['a default function', 'src/store/a.ts', `${HEAD}export default function f() {}\n`, 2, 'a default export'],
    ['any', 'src/store/a.ts', `${HEAD}export const a: any = 1;\n`, 2, '`any` switches the types off'],
    ['an enum', 'src/store/a.ts', `${HEAD}export enum Colour { red }\n`, 2, 'enum Colour: use a union'],
    ['a name that says nothing', 'src/store/a.ts', `${HEAD}export class StoreManager {}\n`, 2, 'StoreManager: "Manager" says nothing'],
    ['a file name that says nothing', 'src/store/string-utils.ts', HEAD, 1, 'the file name string-utils.ts says nothing'],
    ['a file name in camel case', 'src/store/aStore.ts', HEAD, 1, 'lower case with hyphens'],
    ['a decorator in the domain', 'src/hosts/a.ts', `${HEAD}@Injectable()\nexport class A {}\n`, 2, 'a decorator outside of api/ and app/'],
    ['a barrel', 'src/hosts/all.ts', `${HEAD}export * from './a.js';\nexport { b } from './b.js';\n`, 1, 'a barrel'],
    ['an index', 'src/hosts/index.ts', `${HEAD}export const a = 1;\n`, 1, 'a barrel'],
    ['a check switched off', 'src/store/a.ts', `${HEAD}// @ts${'-ignore'}\nf();\n`, 2, '@ts-ignore on line 2 without a reason'],
  ])('%s', (_what, path, text, line, message) => {
    const found = checkText(path, text);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${path}:${line}: `);
    expect(found[0]).toContain(message);
  });
});

describe('what is allowed passes', () => {
  it.each([
    ['the limits themselves', 'src/store/a.ts', `${HEAD}export function f(a, b, c, d, e) {\n${long(68)}}\n${long(428)}`],
    ['a clock where the world is touched', 'src/app/system-clock.ts', `${HEAD}export const f = () => Date.now();\n`],
    ['a clock in a driver', 'src/hosts/drivers/ssh/a.ts', `${HEAD}setTimeout(() => process.exit(), 1);\n`],
    ['a clock in a test of a pure file', 'src/hosts/a.test.ts', `${HEAD}f(Date.now());\n`],
    ['a date made of a number', 'src/hosts/a.ts', `${HEAD}export const f = (ms: number) => new Date(ms).toISOString();\n`],
    ['a property, key, parameter or local of a global’s name', 'src/hosts/a.ts', `${HEAD}export const f = (process: { console: number }) => ({ process: process.console });\nexport function g() {\n  const crypto = 1;\n  return crypto;\n}\n`],
    ['a long describe', 'src/hosts/a.test.ts', `${HEAD}describe('a', () => {\n${long(90)}});\n`],
    ['a conformance suite', 'test/conformance/a.conformance.ts', `${HEAD}export function suite() {\n  describe('a', () => {\n${long(90)}  });\n}\n`],
    ['a decorator at the edge', 'src/api/a.controller.ts', `${HEAD}@Controller()\nexport class A {}\n`],
    ['a default export where a tool wants it', 'vitest.config.ts', `${HEAD}export default {};\n`],
    ['the word any in text', 'src/hosts/a.ts', `${HEAD}export const a = 'any enum';\n`],
    ['a shebang before the comment', 'scripts/a.mjs', `#!/usr/bin/env node\n${HEAD}`],
    ['a check switched off with its reason', 'src/store/a.ts', `${HEAD}// oxlint-disable-next-line no-control-regex -- the far side sends them\nf();\n`],
  ])('%s', (_what, path, text) => {
    expect(checkText(path, text)).toEqual([]);
  });
});
