// `npm run test:steps` runs what is below a `steps:` block: each workflow has to be there, failed at each step, crashed and resumed, and run twice.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ROOT } from './lib/say.mjs';

/** What src/shared/workflow.fixture.ts does with a workflow. */
const PARTS = ['failedAtEachStep', 'killedEverywhere', 'everythingTwice'];

const parse = (file) => ts.createSourceFile(file, readFileSync(join(ROOT, file), 'utf8'), ts.ScriptTarget.Latest, true);

function visit(node, look) {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}

const callsOf = (root, names) => {
  const found = [];
  visit(root, (node) => {
    if (ts.isCallExpression(node) && names.includes(node.expression.getText())) found.push(node);
  });
  return found;
};

/** `RECOVER_STEPS`, and `createSteps` of `createSteps(SPEC)`. */
const stepsNamed = (argument) => (ts.isCallExpression(argument) ? argument.expression : argument).getText();

const sources = readdirSync(join(ROOT, 'src'), { recursive: true }).map((file) => `src/${String(file)}`).filter((file) => file.endsWith('.ts'));
const isTest = (file) => /\.(test|fixture)\.ts$/.test(file);

/** Every list of steps that is run anywhere, or exported to be. */
function workflows() {
  const names = new Set();
  for (const file of sources.filter((one) => !isTest(one) && one !== 'src/shared/workflow.ts')) {
    const root = parse(file);
    for (const { arguments: [steps] } of callsOf(root, ['runWorkflow'])) names.add(stepsNamed(steps));
    for (const [, name] of root.text.matchAll(/^export (?:const|function) (\w+_STEPS|\w+Steps)\b/gm)) names.add(name);
  }
  return [...names].sort();
}

/** By workflow: what is done with it inside of a `describe('steps: …')`. */
function covered() {
  const parts = new Map();
  for (const file of sources.filter((one) => one.endsWith('.test.ts'))) {
    const blocks = callsOf(parse(file), ['describe']).filter(({ arguments: [title] }) => title.getText().startsWith("'steps: "));
    for (const call of blocks.flatMap((block) => callsOf(block, PARTS))) {
      const name = stepsNamed(call.arguments[1]);
      parts.set(name, (parts.get(name) ?? new Set()).add(call.expression.getText()));
    }
  }
  return parts;
}

describe('npm run test:steps', () => {
  const parts = covered();

  it('runs the blocks that are looked for here', () => {
    expect(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts['test:steps']).toMatch(/--project unit -t steps:$/);
  });

  it('knows the workflows', () => {
    expect(workflows()).toEqual(expect.arrayContaining(['FENCE_STEPS', 'LEASE_STEPS', 'MIGRATION_STEPS', 'START_STEPS', 'createSteps']));
  });

  it.each(workflows())('%s is failed at each step, crashed and resumed, and run twice', (name) => {
    expect(PARTS.filter((part) => !parts.get(name)?.has(part))).toEqual([]);
  });
});
