// `npm run mutants [-- NAME…]`: the product with one safety rule switched off, each alone; the simulator must catch every one.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { ensure } from './ensure.mjs';
import { bundleScript } from './lib/load-ts.mjs';
import { ROOT, isMain, say } from './lib/say.mjs';

const FOLDER = 'test/sim/mutants';

/** Gives what became of each mutant: { name, without, caught, product, runs }. */
export async function runMutants(names = []) {
  const program = await bundleScript('src/sim/mutants/mutants-main.ts');
  const cores = availableParallelism();
  const began = performance.now();
  const results = [];
  const failures = [];
  await Promise.all(Array.from({ length: cores }, (_, core) => new Promise((resolve) => {
    const child = spawn(process.execPath, ['--enable-source-maps', program, FOLDER, String(core), String(cores), ...names], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    let ended = false;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const one = JSON.parse(line);
      if (one.ended) ended = true;
      else results.push(one);
    });
    child.on('close', (code) => {
      if (!ended) failures.push(`a process of mutants ended with ${code}`);
      resolve();
    });
  })));
  for (const one of results) {
    if (!one.caught) failures.push(`${one.name}: nobody noticed that it is gone: ${one.without}`);
    for (const violation of one.product) failures.push(`${one.name}: the product itself: ${violation}`);
  }
  if (results.length === 0) failures.push('there is no such mutant');
  return { results, failures, seconds: (performance.now() - began) / 1000 };
}

async function main(names) {
  await ensure();
  const { results, failures, seconds } = await runMutants(names);
  for (const { name, without, caught, runs } of results) say(`  ${caught ? 'caught' : 'LIVES '}  ${name.padEnd(28)} ${caught ? `${caught.violation} (${runs === 1 ? 'at once' : `try ${runs}`})` : `without: ${without}`}`);
  for (const failure of failures) say(`  ${failure}`);
  say(`${results.filter((one) => one.caught).length} of ${results.length} mutants caught in ${seconds.toFixed(1)} s`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

if (isMain(import.meta.url)) await main(process.argv.slice(2));
