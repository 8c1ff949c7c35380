// The agent's command line.
import { fail, ok, type Result } from '../shared/result.js';

export interface AgentOptions {
  readonly command: 'run' | 'status' | 'leave';
  readonly json: boolean;
  readonly configFile: string;
  /** Pid file and status socket. */
  readonly runDir: string;
  /** What must outlive a reboot. */
  readonly stateDir: string;
  readonly procDir: string;
  readonly guardDir: string;
  readonly watchdogDevice: string;
}

export const USAGE = 'usage: reeve-agent [run|status [--json]|leave] [--config FILE] [--run-dir DIR] [--state-dir DIR]';

const DEFAULTS: AgentOptions = {
  command: 'run', json: false, configFile: '/etc/reeve/agent.json', runDir: '/run/reeve', stateDir: '/var/lib/reeve', procDir: '/proc', guardDir: '/var/lib/reeve/guard', watchdogDevice: '/dev/watchdog',
};

const VALUES: Readonly<Record<string, 'configFile' | 'runDir' | 'stateDir' | 'procDir' | 'guardDir' | 'watchdogDevice'>> = {
  '--config': 'configFile', '--run-dir': 'runDir', '--state-dir': 'stateDir', '--proc-dir': 'procDir', '--guard-dir': 'guardDir', '--watchdog': 'watchdogDevice',
};

export function readAgentOptions(words: readonly string[]): Result<AgentOptions, string> {
  let options = DEFAULTS;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const field = VALUES[word];
    if (word === 'run' || word === 'status' || word === 'leave') options = { ...options, command: word };
    else if (word === '--json') options = { ...options, json: true };
    else if (!field) return fail(`unknown word "${word}"`);
    else {
      const value = words[++at];
      if (!value) return fail(`${word} needs a value`);
      options = { ...options, [field]: value };
    }
  }
  return ok(options);
}
