// `npm run sim [-- --seeds N] [--from S] [--no-shrink]`: random clusters under random storms, every invariant after every step, then convergence.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ensure } from './ensure.mjs';
import { bundleScript } from './lib/load-ts.mjs';
import { ROOT, isMain, say, stop } from './lib/say.mjs';

function option(args, name, fallback) {
  const at = args.indexOf(`--${name}`);
  const value = at < 0 ? fallback : Number(args[at + 1]);
  if (!Number.isInteger(value) || value < 0) stop(`--${name}: a whole number`, 2);
  return value;
}

/** Each core takes every n-th seed; what fails is told at once. `shrink`: the first few of each core, or by 'first' that of the lowest number alone, whose scenario is told too. */
export async function runSeeds({ from, seeds, shrink }) {
  const program = await bundleScript('src/sim/storm/seeds-main.ts');
  const cores = Math.min(availableParallelism(), Math.max(1, seeds));
  const began = performance.now();
  const failures = [];
  const telling = [];
  await Promise.all(Array.from({ length: cores }, (_, core) => new Promise((resolve) => {
    const count = Math.floor((seeds - core - 1) / cores) + 1;
    const child = spawn(process.execPath, ['--enable-source-maps', program, String(from + core), String(count), String(cores), ...(shrink === true ? ['--shrink'] : [])], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    let ended = false;
    let last = null;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const one = JSON.parse(line);
      if (one.at !== undefined) last = one.at;
      else if (one.ran !== undefined) ended = true;
      else telling.push(tell(one, failures));
    });
    child.on('close', (code, signal) => {
      if (!ended) {
        failures.push({ seed: last, violations: [`the process of seeds ended with ${code ?? signal} at this one`] });
        say(`seed ${last}: ${failures.at(-1).violations[0]}`);
      }
      resolve();
    });
  })));
  await Promise.all(telling);
  const failed = failures.map((one) => one.seed).filter((seed) => seed !== null);
  if (shrink === 'first' && failed.length > 0) await tellSmallest(program, Math.min(...failed));
  const seconds = (performance.now() - began) / 1000;
  return { ran: seeds, failures, seconds };
}

/** A log is all that a build leaves behind: one scenario in it says more than a path. */
async function tellSmallest(program, seed) {
  const child = spawn(process.execPath, ['--enable-source-maps', program, String(seed), '1', '1', '--shrink'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const one = JSON.parse(line);
    if (one.scenario !== undefined) say(readFileSync(await tell(one, []), 'utf8'));
  }
}

async function tell(one, failures) {
  failures.push(one);
  // Not at the head of the file: a fresh checkout has no packages when this file is read.
  const { stringify } = await import('yaml');
  const folder = join(ROOT, 'dist', 'seeds');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `seed-${one.seed}.yaml`);
  writeFileSync(file, `# seed ${one.seed}: ${one.violations.join('; ').replaceAll('\n', ' ')}\n${stringify(one.scenario)}`);
  say(`seed ${one.seed}: ${one.violations.join('; ')}\n  bin/reeve simulate ${file.slice(ROOT.length + 1)} --seed ${one.seed}`);
  return file;
}

async function main(args) {
  await ensure();
  const seeds = option(args, 'seeds', 200);
  const from = option(args, 'from', 1);
  const { ran, failures, seconds } = await runSeeds({ from, seeds, shrink: !args.includes('--no-shrink') });
  say(`${ran} seeds from ${from} in ${seconds.toFixed(1)} s (${(ran / seconds).toFixed(1)} a second): ${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

if (isMain(import.meta.url)) await main(process.argv.slice(2));
