// `npm run bench NAME`: runs bench/NAME.ts; without a name it lists what there is.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run, stop } from './lib/say.mjs';
import { ensure } from './ensure.mjs';
import { ensureBuilt } from './build.mjs';
import { bundleScript } from './lib/load-ts.mjs';

const [name, ...args] = process.argv.slice(2);
const benches = readdirSync(join(ROOT, 'bench')).filter((file) => /^[a-z-]+\.ts$/.test(file)).map((file) => file.slice(0, -3));
if (!name || !benches.includes(name)) stop(`${name ? `there is no bench "${name}"` : 'which bench?'}; there are: ${benches.join(', ') || 'none yet'}`, 2);
await ensure();
await ensureBuilt();
const { code } = await run(process.execPath, ['--enable-source-maps', await bundleScript(`bench/${name}.ts`), ...args], { input: 'inherit' });
process.exitCode = code;
