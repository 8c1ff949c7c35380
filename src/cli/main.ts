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
process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  isTty: process.stdout.isTTY === true,
  ask,
});
