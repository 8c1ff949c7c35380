// Checks the layers of .dependency-cruiser.cjs. Refuses to be content with having looked at nothing.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, isMain, say } from './lib/say.mjs';

const FOLDERS = ['src', 'migrations', 'lab', 'test', 'bench'];

/**
 * dependency-cruiser 16 (the newest for Node 20) asks for TypeScript below 6, and without TypeScript silently sees no .ts file at all.
 * The API that it uses is the same in 6; both versions are pinned, and the count of files below proves that it works.
 */
async function loadCruiser(root) {
  const meta = join(root, 'node_modules/dependency-cruiser/src/meta.cjs');
  createRequire(import.meta.url)(meta).supportedTranspilers.typescript = '>=2.0.0 <7.0.0';
  return import('dependency-cruiser');
}

/** Violations as lines, and how many of our files were looked at. */
export async function checkLayers(root = ROOT, folders = FOLDERS.filter((folder) => existsSync(join(root, folder)))) {
  const { cruise } = await loadCruiser(ROOT);
  const { default: extractTsConfig } = await import('dependency-cruiser/config-utl/extract-ts-config');
  const { default: config } = await import(pathToFileURL(join(ROOT, '.dependency-cruiser.cjs')).href);
  const options = { ...config.options, baseDir: root, ruleSet: { forbidden: config.forbidden }, validate: true };
  const { output } = await cruise(folders, options, config.options.enhancedResolveOptions, { tsConfig: extractTsConfig(join(ROOT, 'tsconfig.json')) });
  const comments = new Map(config.forbidden.map((rule) => [rule.name, rule.comment]));
  const looked = new Set(output.modules.map((module) => module.source).filter((source) => folders.some((folder) => source.startsWith(`${folder}/`))));
  const unseen = folders.flatMap((folder) => typescriptFiles(root, folder)).filter((file) => !looked.has(file));
  return {
    lines: [
      ...output.summary.violations.map((violation) => describe(violation, comments)),
      ...unseen.slice(0, 5).map((file) => `${file}: not looked at by dependency-cruiser: its TypeScript support is off; see scripts/check-layers.mjs`),
    ],
    files: looked.size,
  };
}

function describe({ from, to, rule, cycle }, comments) {
  const path = cycle?.length ? [from, ...cycle.map((step) => step.name)].join(' → ') : `${from} → ${to}`;
  return `${path} (${rule.name}): ${comments.get(rule.name)}`;
}

function typescriptFiles(root, folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((file) => join(folder, String(file)))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
}

if (isMain(import.meta.url)) {
  const { lines, files } = await checkLayers();
  for (const line of lines) say(line);
  say(lines.length === 0 ? `layers: ${files} files, no violation` : `layers: ${lines.length} violations`);
  process.exit(lines.length === 0 ? 0 : 1);
}
