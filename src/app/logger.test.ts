// The log keeps secrets to itself and stays one JSON object a line.
import { describe, expect, it } from 'vitest';
import { createLogger, prettyLine } from './logger.js';

function logInto(pretty: boolean): { readonly log: ReturnType<typeof createLogger>; readonly text: () => string } {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', pretty, destination: { write: (line: string) => lines.push(line) } });
  return { log, text: () => lines.join('') };
}

describe('the log', () => {
  it('writes one JSON object a line, with level by name, ISO time and message', () => {
    const { log, text } = logInto(false);
    log.info({ host: 'host-1' }, 'admitted');
    const record = JSON.parse(text()) as Record<string, unknown>;
    expect(record).toMatchObject({ level: 'info', host: 'host-1', message: 'admitted' });
    expect(String(record['time'])).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it('drops what is below its level', () => {
    const { log, text } = logInto(false);
    log.debug('unseen');
    expect(text()).toBe('');
  });

  it.each([
    ['at the top', { token: 's3cret' }],
    ['one level down', { host: { agentKey: 's3cret' } }],
    ['two levels down', { device: { options: { password: 's3cret' } } }],
  ])('blots out a secret %s', (_where, fields) => {
    const { log, text } = logInto(false);
    log.info(fields, 'x');
    expect(text()).not.toContain('s3cret');
    expect(text()).toContain('[secret]');
  });

  it('shows people the clock, the level, the message, the fields and the stack', () => {
    const { log, text } = logInto(true);
    log.warn({ host: 'host-2', error: new Error('boom') }, 'is silent');
    expect(text()).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {2}is silent \{"host":"host-2"\}\n {2}Error: boom\n/);
  });

  it('passes foreign lines as they are', () => {
    expect(prettyLine('Listening')).toBe('Listening');
  });
});
