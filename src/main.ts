// Starts the control plane: reads the configuration, picks the roles, ends in order at SIGTERM.
import { readFileSync } from 'node:fs';
import { BAD_CONFIG_EXIT, loadConfig } from './app/config.js';
import { FLAGS } from './app/config-sources.js';
import { createLogger } from './app/logger.js';
import { startControlPlane } from './app/start-control-plane.js';
import { messageOf, UserError } from './shared/errors.js';

if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
  process.stdout.write(`The control plane. Arguments: ${FLAGS}. All settings: docs/configuration.md.\n`);
  process.exit(0);
}
const loaded = loadConfig({ argv: process.argv.slice(2), env: process.env, readFile: (path) => readFileSync(path, 'utf8') });
if (!loaded.ok) {
  process.stderr.write(`${loaded.error}\n`);
  process.exit(BAD_CONFIG_EXIT);
}
const config = loaded.value;
const log = createLogger({ level: config.log.level, pretty: config.log.pretty ?? process.stdout.isTTY });

process.on('unhandledRejection', (error) => log.error({ error }, `a promise was rejected and nobody listened: ${messageOf(error)}`));

let ending: Promise<void> | null = null;
const started = startControlPlane(config, log);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    // A second signal does not wait.
    if (ending) process.exit(1);
    ending = started.then((running) => running.stop()).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ error }, messageOf(error));
        process.exit(1);
      },
    );
  });
}
try {
  await started;
} catch (error) {
  // Something that was set is wrong: told like the rest of the configuration.
  if (error instanceof UserError) {
    process.stderr.write(`${error.message}${error.remedy ? `; ${error.remedy}` : ''}\n`);
    process.exit(BAD_CONFIG_EXIT);
  }
  log.fatal({ error }, messageOf(error));
  process.exit(1);
}
