// Bundles the programs into dist/: control plane and its planner, CLI, agent, lab. `isStale()` says whether that is needed.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ROOT, isMain, say, seconds } from './lib/say.mjs';

const ESM = { format: 'esm', platform: 'node', target: 'node20', packages: 'external' };

/** The agent is one file for the hosts, whose apt gives Node 18 (Ubuntu Noble) and no packages. */
const AGENT = { format: 'cjs', platform: 'node', target: 'node18' };

export const BUNDLES = [
  { source: 'src/main.ts', output: 'dist/control-plane.js', options: ESM },
  { source: 'src/planner/main.ts', output: 'dist/planner.js', options: ESM },
  { source: 'src/cli/main.ts', output: 'dist/reeve.js', options: ESM },
  { source: 'src/agent/main.ts', output: 'dist/agent.cjs', options: AGENT },
  { source: 'lab/main.ts', output: 'dist/lab.js', options: ESM },
];

const MANIFEST = 'dist/build.json';
/** A change in one of these changes every bundle. */
const ALWAYS_INPUTS = ['scripts/build.mjs', 'tsconfig.json', 'package-lock.json'];

/** True when a bundle is missing or older than one of the files it was made of. */
export function isStale(root = ROOT) {
  const manifest = readManifest(root);
  return BUNDLES.some((bundle) => existsSync(join(root, bundle.source)) && bundleIsStale(root, bundle, manifest));
}

function bundleIsStale(root, bundle, manifest) {
  const inputs = manifest[bundle.output];
  const builtMs = modifiedMs(join(root, bundle.output));
  if (!inputs || builtMs === null) return true;
  return [...inputs, ...ALWAYS_INPUTS].some((input) => {
    const changedMs = modifiedMs(join(root, input));
    return changedMs === null || changedMs > builtMs;
  });
}

function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;
}

function readManifest(root) {
  try {
    return JSON.parse(readFileSync(join(root, MANIFEST), 'utf8'));
  } catch {
    return {};
  }
}

/** Builds one bundle and puts it in place in one move, so that a program that starts meanwhile never reads half a file. */
export async function bundle({ source, output, options }, root = ROOT) {
  const { build } = await import('esbuild');
  // The time before reading: a file saved during the build makes the bundle stale again.
  const beganAt = new Date();
  const result = await build({
    ...options,
    absWorkingDir: root,
    entryPoints: [source],
    outfile: output,
    bundle: true,
    write: false,
    metafile: true,
    sourcemap: 'linked',
    logLevel: 'warning',
  });
  for (const file of result.outputFiles) putInPlace(file.path, file.contents, beganAt);
  return Object.keys(result.metafile.inputs).filter((input) => !input.includes(':'));
}

function putInPlace(path, contents, at) {
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, contents, { mode: 0o644 });
  if (at) utimesSync(draft, at, at);
  renameSync(draft, path);
}

export async function buildAll(root = ROOT) {
  const began = performance.now();
  const present = BUNDLES.filter((one) => existsSync(join(root, one.source)));
  const manifest = {};
  mkdirSync(join(root, 'dist'), { recursive: true });
  for (const one of BUNDLES) if (!present.includes(one)) say(`build: ${one.source} is not there yet, ${basename(one.output)} is left out`);
  await Promise.all(present.map(async (one) => (manifest[one.output] = await bundle(one, root))));
  putInPlace(join(root, MANIFEST), JSON.stringify(manifest));
  say(`built ${present.map((one) => basename(one.output)).join(', ') || 'nothing'} in ${seconds(began)}`);
}

/** Builds what is not fresh; quiet when all is. */
export async function ensureBuilt(root = ROOT) {
  if (isStale(root)) await buildAll(root);
}

if (isMain(import.meta.url)) {
  if (process.argv.includes('--clean')) rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  try {
    const { ensure } = await import('./ensure.mjs');
    await ensure();
    await buildAll();
  } catch (error) {
    // esbuild has printed what is wrong, with file and line.
    say(`build failed: ${error.errors ? `${error.errors.length} errors, above` : error.message}`);
    process.exit(1);
  }
}
