// Entry of the mutants' process: FOLDER INDEX STEP [NAME…]; one line of JSON for each mutant.
import { MUTANTS } from './mutants.js';
import { runMutant } from './run-mutant.js';

const [folder = 'test/sim/mutants', index = '0', step = '1', ...names] = process.argv.slice(2);
const mine = MUTANTS.filter((one) => names.length === 0 || names.includes(one.name)).filter((_, at) => at % Number(step) === Number(index));
for (const mutant of mine) process.stdout.write(`${JSON.stringify(await runMutant(mutant, folder))}\n`);
process.stdout.write(`${JSON.stringify({ ended: true })}\n`);
