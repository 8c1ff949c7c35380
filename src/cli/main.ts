// The program `reeve`.
import { createInterface } from 'node:readline/promises';
import { runCli } from './program.js';

const ask = process.stdin.isTTY
  ? async (question: string): Promise<string> => {
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    }
  : null;

// A reader that went away (| head) is no error.
process.stdout.on('error', () => process.exit(0));
const out = (text: string): void => void process.stdout.write(text);
const err = (text: string): void => void process.stderr.write(text);
process.exitCode = await runCli(process.argv.slice(2), {
  out,
  err,
  // Loaded when it is asked for: no other command should wait for it.
  simulate: async (file, options) => (await import('../sim/simulate-command.js')).simulate(file, options, { out, err }),
  plan: async (file, request) => (await import('../sim/plan-command.js')).planFromFile(file, request),
  env: process.env,
  isTty: process.stdout.isTTY === true,
  ask,
});
