// A program that is told alerts against the suite of the Notifier port, and what is its own.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { alertOf, type Alert } from '../../src/cluster/alert.js';
import { anEvent, SOURCE } from '../../src/cluster/alerts.fixture.js';
import { commandNotifier } from '../../src/notifiers/command-notifier.js';
import { notifierConformance, type NotifierRigFault } from './notifier.conformance.js';

const dir = mkdtempSync(join(tmpdir(), 'reeve-command-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const [program, mode, taken] = ['agent.sh', 'mode', 'taken'].map((name) => join(dir, name)) as [string, string, string];

/** Does what the file says, then ends. */
function install(): void {
  writeFileSync(program, `#!/bin/sh\n. ${mode}\n`);
  chmodSync(program, 0o755);
}

const KEEP = `{ cat; echo; } >> ${taken}`;
const SCRIPTS: { readonly [F in Exclude<NotifierRigFault, 'away'>]: string } = { none: KEEP, refuses: 'echo no, thanks >&2; exit 3', hangs: 'sleep 60 & wait', forgetful: `${KEEP}; exit 1` };

notifierConformance('command', async () => ({
  notifier: commandNotifier({ command: [program, 's3cret'], timeoutMs: 500 }),
  secret: 's3cret',
  taken: () => (existsSync(taken) ? readFileSync(taken, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Alert) : []),
  setFault: async (fault) => {
    install();
    if (fault === 'away') rmSync(program);
    else writeFileSync(mode, SCRIPTS[fault]);
  },
  empty: () => rmSync(taken, { force: true }),
  close: async () => undefined,
}));

describe('a command', () => {
  const alert = alertOf(SOURCE, anEvent(7, { message: `two\nlines \0${'x'.repeat(200_000)}` }));
  const run = (script: string, timeoutMs = 5_000): Promise<string> => {
    install();
    writeFileSync(mode, script);
    return commandNotifier({ command: [program, 'a b', '$HOME'], timeoutMs }).send(alert, new AbortController().signal).then(() => 'taken', (error: unknown) => `${(error as { code: string }).code}: ${(error as Error).message}`);
  };
  const out = join(dir, 'out');

  it('has the alert in variables, empty where there is none, and its arguments untouched by a shell', async () => {
    expect(await run(`printf '%s|' "$1" "$2" "$REEVE_ALERT_ID" "$REEVE_ALERT_SEVERITY" "$REEVE_ALERT_HOST" "$REEVE_ALERT_WORKLOAD" "$REEVE_ALERT_SEQ" "$REEVE_ALERT_AT" > ${out}`)).toBe('taken');
    expect(readFileSync(out, 'utf8')).toBe('a b|$HOME|5f3a-7|alert|host-1||7|2026-01-02T03:04:05.678Z|');
  });

  it('does not get what is secret in our environment', async () => {
    process.env['REEVE_TEST_SECRET'] = 's3cret';
    await run(`env > ${out}`);
    delete process.env['REEVE_TEST_SECRET'];
    expect(readFileSync(out, 'utf8')).not.toContain('s3cret');
  });

  it('may end without reading, and leave something behind', async () => {
    expect(await run(`exec <&-; (sleep 0.3; echo late > ${out}; echo word >&2) & exit 0`)).toBe('taken');
    for (let tries = 0; tries < 300 && !readFileSync(out, 'utf8').includes('late'); tries += 1) await new Promise((done) => setTimeout(done, 10));
    expect(readFileSync(out, 'utf8')).toBe('late\n');
  });

  it('says why it failed', async () => {
    expect(await run('echo "no modem" >&2; exit 3')).toBe(`failed: ${program} ended with exit code 3: no modem`);
    expect(await run('kill -TERM $$')).toBe(`failed: ${program} ended with SIGTERM`);
    expect(await run('sleep 60', 200)).toBe(`timeout: ${program} did not end within 0.2 s`);
    rmSync(program);
    expect(await commandNotifier({ command: [program], timeoutMs: 500 }).send(alert, new AbortController().signal).catch((error: unknown) => (error as Error).message)).toContain("can't be run: spawn");
  });
});
