// Makes a fresh checkout usable: checks Node's version and runs `npm ci` when the installed packages differ from package-lock.json.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, isMain, run, say, seconds, stop } from './lib/say.mjs';

/** As in package.json's engines: 20.19 brought require() of ES modules, which some packages rely on. */
const LEAST_NODE = [20, 19];

export function nodeTrouble(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const enough = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  return enough ? null : `Reeve needs Node.js ${LEAST_NODE.join('.')} or newer; this is ${version} (${process.execPath})`;
}

/** A package below swagger's reports each installation to its maker unless told not to. */
const QUIET_PACKAGES = { SCARF_ANALYTICS: 'false' };

/** Why the installed packages are not those of the lock file; null: they are. */
export function packagesTrouble(root = ROOT) {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === null) return null;
  if (installed === null) return 'no packages are installed';
  for (const [path, { version, optional, devOptional, link }] of Object.entries(wanted)) {
    if (path === '' || link) continue;
    const found = installed[path];
    if (!found && (optional || devOptional)) continue;
    if (found?.version !== version) return `${path.replace(/^.*node_modules\//, '')} is ${found ? found.version : 'missing'}, package-lock.json says ${version}`;
  }
  return null;
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? null;
  } catch {
    return null;
  }
}

export async function ensure() {
  const trouble = nodeTrouble();
  if (trouble) stop(trouble);
  const why = packagesTrouble();
  if (why === null) return;
  say(`Installing npm packages (npm ci): ${why}`);
  const began = performance.now();
  const { code } = await run('npm', ['ci', '--include=dev', '--no-fund', '--no-audit', '--loglevel=error'], { env: QUIET_PACKAGES });
  if (code !== 0) stop(`npm ci ended with ${code}; its words are above`);
  say(`npm packages installed in ${seconds(began)}`);
}

if (isMain(import.meta.url)) await ensure();
