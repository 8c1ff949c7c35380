// The agent's command line.
import { describe, expect, it } from 'vitest';
import { readAgentOptions } from './agent-options.js';

describe('the command line', () => {
  it('runs with the usual places by default', () => {
    expect(readAgentOptions([])).toMatchObject({ ok: true, value: { command: 'run', configFile: '/etc/reeve/agent.json', runDir: '/run/reeve', stateDir: '/var/lib/reeve' } });
  });

  it('asks for the status', () => {
    expect(readAgentOptions(['status', '--json', '--run-dir', '/tmp/x'])).toMatchObject({ ok: true, value: { command: 'status', json: true, runDir: '/tmp/x' } });
  });

  it.each([[['--nope'], 'unknown word "--nope"'], [['start'], 'unknown word "start"'], [['--config'], '--config needs a value']])('refuses %j', (words, why) => {
    expect(readAgentOptions(words)).toEqual({ ok: false, error: why });
  });
});
