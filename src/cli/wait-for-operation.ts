// Waits for an operation to end, with a progress bar on a terminal; the exit code is its outcome.
import type { OperationDocument } from '../api/documents.js';
import { coloured, duration, progressText, type Style } from './format.js';
import { at, CliError, EXIT, type HttpClient } from './http-client.js';

export interface Waiting {
  readonly client: HttpClient;
  readonly style: Style;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** A terminal: the line is redrawn in place. */
  readonly live: boolean;
  /** The end that counts as success. */
  readonly wanted: 'succeeded' | 'cancelled';
}

const LOOK_MS = 200;
/** A control plane that is restarted goes on with the operation: its absence is waited out for this long. */
const PATIENCE_MS = 60_000;

export async function waitForOperation(id: string, { client, style, out, err, live, wanted }: Waiting): Promise<{ readonly operation: OperationDocument; readonly exitCode: number }> {
  let told = '';
  let lastSeen = performance.now();
  let away = false;
  for (;;) {
    const operation = await client.get<OperationDocument>(at`/operations/${id}`).catch((error: unknown) => {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.unreachable || told === '' || performance.now() - lastSeen > PATIENCE_MS) throw error;
      return error;
    });
    if (operation instanceof CliError) {
      if (!away) err(`${live ? '\n' : ''}reeve: ${operation.message}; the operation goes on with it, waiting\n`);
      away = true;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      continue;
    }
    lastSeen = performance.now();
    away = false;
    const ended = operation.state !== 'pending' && operation.state !== 'running';
    const line = ended ? endLine(operation, style) : progressLine(operation);
    if (live) out(`\r\u001b[K${line}${ended ? '\n' : ''}`);
    else if (line !== told) out(`${line}\n`);
    told = line;
    if (ended) return { operation, exitCode: operation.state === wanted ? EXIT.done : EXIT.failed };
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function progressLine({ kind, workload, host, steps, progress, state }: OperationDocument): string {
  const step = steps.at(-1)?.name ?? state;
  const shown = progress ? progressText(progress) : '';
  return `${kind} ${workload ?? host ?? ''}: ${step} ${shown}`.trimEnd();
}

function endLine(operation: OperationDocument, style: Style): string {
  const took = operation.startedAtMs && operation.endedAtMs ? ` in ${duration(operation.endedAtMs - operation.startedAtMs)}` : '';
  const downtime = typeof operation.memo['downtimeMs'] === 'number' ? `, downtime ${operation.memo['downtimeMs']} ms` : '';
  return `${operation.kind} ${operation.workload ?? operation.host ?? ''}: ${coloured(style, operation.state)}${took}${downtime}${operation.why ? `: ${operation.why}` : ''}`;
}
