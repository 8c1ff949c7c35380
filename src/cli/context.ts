// What every command has: the client, where to print, and how it should look.
import type { Command } from 'commander';
import type { PlanDocument, PlanRequest } from '../cluster/commands/plan-commands.js';
import type { Result } from '../shared/result.js';
import { COLOURED, PLAIN, type Style } from './format.js';
import { connectionFrom, HttpClient } from './http-client.js';
import { waitForOperation } from './wait-for-operation.js';

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
  readonly isTty: boolean;
  /** Asks a person; null where nobody can be asked. */
  readonly ask: ((question: string) => Promise<string>) | null;
  /** Runs a scenario file in virtual time; the result is the exit code. Absent: this build has no simulator. */
  readonly simulate?: (file: string, options: { readonly json: boolean; readonly seed: number | null }) => Promise<number>;
  /** Plans for the inventory in a file; the refusal is a line about that file. Absent: this build has no planner. */
  readonly plan?: (file: string, request: PlanRequest) => Promise<Result<PlanDocument, string>>;
}

export interface GlobalOptions {
  readonly server?: string;
  readonly cluster?: string;
  readonly json?: boolean;
  readonly wait?: boolean;
  readonly color: boolean;
}

export interface Context {
  readonly client: HttpClient;
  readonly style: Style;
  readonly json: boolean;
  /** --wait was given. */
  readonly waits: boolean;
  readonly terminal: Terminal;
  /** Prints the document as JSON, or what `render` makes of it. */
  show<T>(document: T, render: (document: T) => string): void;
  /** Says what was begun; with --wait waits for it. Sets the exit code. */
  begun(answer: { readonly operationIds?: readonly string[]; readonly operationId?: string | null }, done: string, wanted?: 'succeeded' | 'cancelled'): Promise<void>;
  exitCode: number;
}

export function contextOf(command: Command, terminal: Terminal, results: { exitCode: number }): Context {
  const options = command.optsWithGlobals<GlobalOptions>();
  const style = options.color && terminal.isTty && !terminal.env['NO_COLOR'] ? COLOURED : PLAIN;
  const client = new HttpClient(connectionFrom({ server: options.server, cluster: options.cluster, env: terminal.env }));
  const json = options.json === true;
  const show = <T>(document: T, render: (document: T) => string): void => terminal.out(json ? `${JSON.stringify(document, null, 2)}\n` : `${render(document)}\n`);
  return {
    client, style, json, terminal, show, waits: options.wait === true,
    get exitCode() { return results.exitCode; },
    set exitCode(code: number) { results.exitCode = code; },
    begun: async (answer, done, wanted = 'succeeded') => {
      const ids = answer.operationIds ?? (answer.operationId ? [answer.operationId] : []);
      if (!options.wait) return show({ operationIds: ids }, () => (ids.length === 0 ? done : ids.map((id) => `${done}: operation ${id}; follow it with \`reeve operation show ${id}\`, or use --wait`).join('\n')));
      if (ids.length === 0) return show({ operationIds: [] }, () => done);
      for (const id of ids) {
        const { operation, exitCode } = await waitForOperation(id, { client, style, out: json ? () => undefined : terminal.out, err: terminal.err, live: terminal.isTty, wanted });
        if (json) terminal.out(`${JSON.stringify(operation, null, 2)}\n`);
        results.exitCode = Math.max(results.exitCode, exitCode);
      }
    },
  };
}
