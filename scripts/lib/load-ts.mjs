// Loads one TypeScript file of the repo into a script: bundled by esbuild (packages stay outside), then imported.
import { existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './say.mjs';

/** Put into dist/, one level below the root like lab/ and bench/, so that paths relative to the file hold. */
export async function bundleScript(path) {
  const { build } = await import('esbuild');
  const outfile = join(ROOT, 'dist', `${basename(path, '.ts')}.${path.split('/')[0]}.mjs`);
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  await build({ absWorkingDir: ROOT, entryPoints: [path], outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', sourcemap: 'inline', logLevel: 'warning' });
  return outfile;
}

export async function loadTs(path) {
  if (!existsSync(join(ROOT, path))) return null;
  return import(`${pathToFileURL(await bundleScript(path)).href}?at=${Date.now()}`);
}
