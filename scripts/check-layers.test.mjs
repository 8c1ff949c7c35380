// The layer rules are broken once each in a small tree of files, and must be reported with their reason.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkLayers } from './check-layers.mjs';
import { ROOT } from './lib/say.mjs';

const FILES = {
  'src/shared/a.ts': "import { cluster } from '../cluster/a.js';\nexport const shared = cluster;\n",
  'src/hosts/a.ts': "import { readFileSync } from 'node:fs';\nexport const hosts = readFileSync;\n",
  'src/hosts/b.ts': "import { z } from 'zod';\nexport const hosts = z;\n",
  'src/hosts/c.ts': "import { driver } from './drivers/ssh/a.js';\nexport const hosts = driver;\n",
  'src/hosts/fine.ts': "import type { z } from 'zod';\nimport type { shared } from '../shared/a.js';\nexport type Fine = [z.ZodType, typeof shared];\n",
  'src/hosts/fine.test.ts': "import { readFileSync } from 'node:fs';\nimport type { Fine } from './fine.js';\nexport const test: [Fine, unknown] = [readFileSync as never, 1];\n",
  'src/hosts/drivers/ssh/a.ts': "import { store } from '../../../store/a.js';\nexport const driver = store;\n",
  'src/scheduler/a.ts': "import { scheduler } from './b.js';\nexport const other = scheduler;\n",
  'src/scheduler/b.ts': "import { other } from './a.js';\nexport const scheduler = (): unknown => other;\n",
  'src/cluster/a.ts': "import type { Queue } from 'bullmq';\nexport const cluster = 1 as unknown as Queue;\n",
  'src/store/a.ts': "import 'typeorm';\nimport 'pg';\nimport 'bullmq';\nexport const store = 1;\n",
  'src/api/a.ts': "import '@nestjs/common';\nimport { store } from '../store/a.js';\nexport const api = store;\n",
  'src/cli/a.ts': "import '@nestjs/common';\nimport { app } from '../app/a.js';\nexport const cli = app;\n",
  'src/jobs/a.ts': "import 'typeorm';\nimport 'bullmq';\nimport 'vitest';\nexport const jobs = 1;\n",
  'src/app/a.ts': "import { jobs } from '../jobs/a.js';\nimport { store } from '../store/a.js';\nimport './gone.js';\nexport const app = [jobs, store];\n",
};

/** Packages are looked at for where they lie only; empty ones do. */
for (const name of ['zod', 'bullmq', 'typeorm', 'pg', '@nestjs/common', 'vitest']) {
  FILES[`node_modules/${name}/package.json`] = JSON.stringify({ name, version: '1.0.0', main: 'index.js' });
  FILES[`node_modules/${name}/index.js`] = '';
}

let root = '';
let lines = [];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'reeve-layers-'));
  for (const file of ['package.json', 'tsconfig.json']) cpSync(join(ROOT, file), join(root, file));
  for (const [file, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  ({ lines } = await checkLayers(root, ['src']));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

it.each([
  ['src/shared/a.ts → src/cluster/a.ts', 'layer-shared'],
  ['src/hosts/a.ts → fs', 'pure-no-builtins'],
  ['src/hosts/b.ts → node_modules/zod/', 'pure-no-packages'],
  ['src/hosts/c.ts → src/hosts/drivers/ssh/a.ts', 'layer-hosts'],
  ['src/hosts/drivers/ssh/a.ts → src/store/a.ts', 'adapter-hosts-drivers'],
  ['src/scheduler/a.ts → src/scheduler/b.ts → src/scheduler/a.ts', 'no-cycles'],
  ['src/cluster/a.ts → node_modules/bullmq/', 'only-home-bullmq'],
  ['src/api/a.ts → src/store/a.ts', 'layer-api-without-adapters'],
  ['src/cli/a.ts → node_modules/@nestjs/common/', 'only-home-nest'],
  ['src/cli/a.ts → src/app/a.ts', 'layer-api-cli-below-app'],
  ['src/jobs/a.ts → node_modules/typeorm/', 'only-home-typeorm'],
  ['src/jobs/a.ts → node_modules/vitest/', 'no-dev-packages-in-product'],
  ['src/store/a.ts → node_modules/bullmq/', 'only-home-bullmq'],
  ['src/app/a.ts → ./gone.js', 'resolvable'],
])('%s breaks %s', (path, rule) => {
  const line = lines.find((one) => one.startsWith(path) && one.includes(`(${rule})`));
  expect(line, lines.join('\n')).toBeDefined();
  // The reason stands behind the rule's name.
  expect(line?.split(`(${rule}): `)[1]?.length).toBeGreaterThan(20);
});

it('lets the rest pass', () => {
  expect(lines.filter((line) => /^src\/(hosts\/fine|store\/a\.ts → node_modules\/(typeorm|pg)\/|app\/a\.ts → src)/.test(line))).toEqual([]);
});
