// The project's own rules of size, purity and naming, checked on the syntax tree. Each message says why and what to do.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { ROOT, isMain, say } from './lib/say.mjs';

const MAX_FILE_LINES = 500;
const MAX_FUNCTION_LINES = 70;
const MAX_PARAMETERS = 5;

const FOLDERS = ['src', 'migrations', 'lab', 'test', 'bench', 'scripts'];
const PURE = /^src\/(shared|hosts|workloads|scheduler|scheduler\/rules|scheduler\/packing|fencing|migration|cluster|cluster\/rules)\/[^/]+\.ts$/;
const TESTLIKE = /\.(test|fixture)\.m?ts$|\.test\.mjs$/;
const DECORATED = /^src\/(api|app)\//;
/** Files that a tool loads by their default export. */
const CONFIG_FILES = /(^|\/)([a-z]+\.config\.(ts|mjs|js)|[a-z-]*global-setup\.ts)$/;
const BANNED_NAME = /(Manager|Helpers?|Utils?|Impl)$/;
const BANNED_FILE = /(^|[-.])(manager|helpers?|utils?|impl|misc|common)\.(ts|mjs)$/;
const FILE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.(ts|mjs)$/;

/** What a pure file may not touch, with what to use instead. */
const IMPURE = {
  'Date.now': 'take nowMs as a parameter, or use the Clock port',
  'Math.random': 'take a Rng (src/shared/rng.ts), so that a run can be repeated',
  setTimeout: 'use clock.sleep, so that the simulator can pass time',
  setInterval: 'use clock.sleep, so that the simulator can pass time',
  setImmediate: 'use clock.sleep, so that the simulator can pass time',
  queueMicrotask: 'await a promise of a port instead',
  performance: 'take a monotonic time as a parameter, or use the Clock port',
  process: 'take what you need of it as a parameter',
  console: 'return what is to be said; the caller logs',
  fetch: 'ask through a port',
  crypto: 'take the random value as a parameter',
  globalThis: 'take what you need of it as a parameter',
  require: 'pure files import only other files of the domain',
};

/** All violations in one file's text, as `path:line: message`. */
export function checkText(path, text) {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, path.endsWith('.mjs') ? ts.ScriptKind.JS : ts.ScriptKind.TS);
  const found = [];
  const report = (node, message) => found.push({ line: source.getLineAndCharacterOfPosition(node ? node.getStart(source) : 0).line + 1, message });
  checkFile(path, text, source, report);
  const facts = { path, source, report, pure: PURE.test(path) && !TESTLIKE.test(path), testlike: TESTLIKE.test(path) || path.startsWith('test/') };
  const visit = (node) => {
    for (const check of NODE_CHECKS) check(node, facts);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found.sort((a, b) => a.line - b.line).map(({ line, message }) => `${path}:${line}: ${message}`);
}

function checkFile(path, text, source, report) {
  const lines = text.replace(/\n$/, '').split('\n').length;
  if (lines > MAX_FILE_LINES) report(null, `${lines} lines; a file stops at ${MAX_FILE_LINES}, so that it can be read in one go: move a part that has a name of its own into its own file`);
  const first = text.startsWith('#!') ? text.slice(text.indexOf('\n') + 1) : text;
  if (!/^(\/\/ ?\S|\/\*\*? ?\S|\/\*\*\n)/.test(first)) report(null, 'the first line must be a comment that says what the file is for: the next reader starts there');
  const name = basename(path);
  if (BANNED_FILE.test(name)) report(null, `the file name ${name} says nothing: name the file for its main export`);
  if (!FILE_NAME.test(name)) report(null, `the file name ${name} must be lower case with hyphens, named for its main export`);
  const exports = source.statements.filter((one) => ts.isExportDeclaration(one) && one.moduleSpecifier);
  if (name === 'index.ts' || (exports.length > 0 && exports.length === source.statements.length)) {
    report(null, 'a barrel: it hides where things are and makes cycles; import from the file that defines it');
  }
}

const NODE_CHECKS = [functionSize, parameterCount, purity, defaultExport, anyType, enumDeclaration, bannedName, decorator, suppression];

function functionSize(node, { source, report, testlike }) {
  if (!ts.isFunctionLike(node) || !node.body) return;
  if (testlike && (isArgumentOf(node, /^(describe|suite)\b/) || framesTests(node))) return;
  const [from, to] = [node.getStart(source), node.getEnd()].map((at) => source.getLineAndCharacterOfPosition(at).line);
  const lines = to - from + 1;
  if (lines > MAX_FUNCTION_LINES) report(node, `${nameOf(node)} has ${lines} lines; a function stops at ${MAX_FUNCTION_LINES}: give its parts names`);
}

/** True for the arrow in `describe('…', () => …)`: a frame of tests, not a function to read. */
function isArgumentOf(node, callee) {
  return ts.isCallExpression(node.parent) && callee.test(node.parent.expression.getText());
}

/** A conformance suite: a function whose own statements are `describe` or `it`. */
function framesTests(node) {
  if (!ts.isBlock(node.body)) return false;
  return node.body.statements.some((one) => ts.isExpressionStatement(one) && /^(describe|it|test)\b/.test(one.getText()));
}

function parameterCount(node, { report }) {
  if (!ts.isFunctionLike(node) || !node.body) return;
  if (node.parameters.length > MAX_PARAMETERS) report(node, `${nameOf(node)} has ${node.parameters.length} parameters; at most ${MAX_PARAMETERS}, or callers mix them up: pass one object with names`);
}

function purity(node, { report, pure }) {
  if (!pure) return;
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0) {
    report(node, `new Date() in a pure file: ${IMPURE['Date.now']}`);
  }
  if (ts.isPropertyAccessExpression(node)) {
    const text = `${node.expression.getText()}.${node.name.text}`;
    if (IMPURE[text]) report(node, `${text} in a pure file: ${IMPURE[text]}`);
  }
  if (ts.isIdentifier(node) && Object.hasOwn(IMPURE, node.text) && isFreeUse(node)) report(node, `${node.text} in a pure file: ${IMPURE[node.text]}`);
}

/** True when the identifier stands for the global, not for a property, a key, a type or a local of that name. */
function isFreeUse(node) {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return false;
  if ((ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodSignature(parent) || ts.isMethodDeclaration(parent) || ts.isPropertyDeclaration(parent)) && parent.name === node) return false;
  if (ts.isBindingElement(parent) || ts.isParameter(parent) || ts.isVariableDeclaration(parent)) return parent.initializer === node;
  if (ts.isTypeNode(parent) || ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent) || ts.isQualifiedName(parent) || ts.isFunctionDeclaration(parent)) return false;
  return !isLocal(node);
}

/** A parameter, variable or function of that name in an enclosing scope. */
function isLocal(node) {
  for (let scope = node.parent; scope; scope = scope.parent) {
    if (ts.isFunctionLike(scope) && scope.parameters.some((one) => declares(one.name, node.text))) return true;
    if (!ts.isBlock(scope) && !ts.isSourceFile(scope)) continue;
    for (const statement of scope.statements) {
      if (ts.isFunctionDeclaration(statement) && statement.name?.text === node.text) return true;
      if (ts.isVariableStatement(statement) && statement.declarationList.declarations.some((one) => declares(one.name, node.text))) return true;
    }
  }
  return false;
}

function declares(name, text) {
  return ts.isIdentifier(name) ? name.text === text : name.elements.some((one) => one.name && declares(one.name, text));
}

function defaultExport(node, { path, report }) {
  if (CONFIG_FILES.test(path)) return;
  const modified = ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((one) => one.kind === ts.SyntaxKind.DefaultKeyword);
  if (ts.isExportAssignment(node) || modified) report(node, 'a default export has another name in each file that imports it: export it by name');
}

function anyType(node, { report }) {
  if (node.kind === ts.SyntaxKind.AnyKeyword) report(node, '`any` switches the types off for all that follows: use `unknown` and look, or write the type');
}

function enumDeclaration(node, { report }) {
  if (ts.isEnumDeclaration(node)) report(node, `enum ${node.name.text}: use a union of strings, which is readable in logs and in the database and needs no code`);
}

function bannedName(node, { report }) {
  const declared = ts.isClassDeclaration(node) || ts.isFunctionDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isVariableDeclaration(node);
  if (!declared || !node.name || !ts.isIdentifier(node.name)) return;
  const banned = BANNED_NAME.exec(node.name.text)?.[1];
  if (banned) report(node, `${node.name.text}: "${banned}" says nothing about what it does: name it for its task`);
}

function decorator(node, { path, report }) {
  if (ts.isDecorator(node) && path.startsWith('src/') && !DECORATED.test(path)) report(node, 'a decorator outside of api/ and app/: the domain must run without a framework');
}

/** Comments that switch a check off are looked for once, at the file's node. */
function suppression(node, { source, report }) {
  if (!ts.isSourceFile(node)) return;
  for (const found of source.text.matchAll(/(?:\/\/|\/\*)\s*(@ts-(?:ignore|nocheck)|eslint-disable\S*|oxlint-disable\S*)(.*)/g)) {
    const line = source.getLineAndCharacterOfPosition(found.index).line + 1;
    const above = source.text.slice(0, found.index).trimEnd().split('\n').at(-1) ?? '';
    const reason = /--\s*\S+/.test(found[2] ?? '') || (line > 2 && /^\s*(\/\/|\*|\/\*\*).*\S/.test(above));
    if (!reason) report({ getStart: () => found.index }, `${found[1]} on line ${line} without a reason: repair the cause, or write why above it`);
  }
}

function nameOf(node) {
  const name = node.name?.getText() ?? (ts.isVariableDeclaration(node.parent) || ts.isPropertyAssignment(node.parent) ? node.parent.name.getText() : null);
  return name === null ? 'this function' : name;
}

export function rulesFiles(root = ROOT) {
  return FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .map((file) => `${folder}/${String(file)}`)
      .filter((file) => /\.(ts|mjs)$/.test(file) && !file.endsWith('.d.ts') && !/\/\./.test(file))
      .sort(),
  );
}

export function checkRules(root = ROOT) {
  const files = rulesFiles(root);
  return { files: files.length, lines: files.flatMap((file) => checkText(file, readFileSync(join(root, file), 'utf8'))) };
}

if (isMain(import.meta.url)) {
  const { files, lines } = checkRules();
  for (const line of lines) say(line);
  say(lines.length === 0 ? `rules: ${files} files, no violation` : `rules: ${lines.length} violations in ${files} files`);
  process.exit(lines.length === 0 ? 0 : 1);
}
