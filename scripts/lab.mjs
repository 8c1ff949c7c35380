// `npm run lab [-- ARGS]`: makes the checkout usable, builds what is stale, hands over to the lab; or says in one line why there can be none.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT, stop } from './lib/say.mjs';
import { ensure } from './ensure.mjs';
import { ensureBuilt } from './build.mjs';
import { loadTs } from './lib/load-ts.mjs';

await ensure();
await ensureBuilt();
const setup = await loadTs('lab/setup.ts');
if (!setup || !existsSync(join(ROOT, 'dist/lab.js'))) stop('this checkout has no lab/main.ts and lab/setup.ts: it is not whole');
const asksForHelp = process.argv.slice(2).some((word) => word === '--help' || word === '-h');
const why = asksForHelp ? null : await setup.whyNoLab();
if (why) stop(`No lab here: ${why}. The same story on simulated hosts needs none of that: bin/reeve simulate lab/story.scenario.yaml`);
process.setSourceMapsEnabled(true);
const lab = await import(pathToFileURL(join(ROOT, 'dist/lab.js')).href);
// The lab's own program decides when it is over: it may stay up for a person to play with. Then it is over:
// a story that was interrupted still waits for what will never come, and must not keep us.
process.exit(await lab.main(process.argv.slice(2)));
