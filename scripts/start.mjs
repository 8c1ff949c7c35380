// `npm start`: makes the checkout usable, builds what is stale, runs the control plane; signals and exit code pass through.
import { ROOT, run } from './lib/say.mjs';
import { join } from 'node:path';
import { ensure } from './ensure.mjs';
import { ensureBuilt } from './build.mjs';

await ensure();
await ensureBuilt();
const { code } = await run(process.execPath, ['--enable-source-maps', join(ROOT, 'dist/control-plane.js'), ...process.argv.slice(2)], { cwd: process.cwd(), input: 'inherit' });
process.exitCode = code;
