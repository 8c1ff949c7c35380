// Entry of the seeds' process: FROM COUNT STEP; one line of JSON for each seed that failed, and one at the end.
import { runSeed, shrink } from './run-seeds.js';

const [from = 1, count = 1, step = 1] = process.argv.slice(2, 5).map(Number);
const shrinks = process.argv.includes('--shrink');
let failed = 0;
for (let index = 0; index < count; index += 1) {
  process.stdout.write(`${JSON.stringify({ at: from + index * step })}\n`);
  const one = await runSeed(from + index * step);
  if (one === null) continue;
  failed += 1;
  process.stdout.write(`${JSON.stringify({ ...one, scenario: shrinks && failed <= 2 ? await shrink(one) : one.scenario })}\n`);
}
process.stdout.write(`${JSON.stringify({ ran: count, failed })}\n`);
