// From a host's configuration to its fence device; a bad option is refused with one line that names it.
import { readFileSync } from 'node:fs';
import type { FenceDeviceConfig } from '../../hosts/host.js';
import { fail, ok, type Result } from '../../shared/result.js';
import { messageOf } from '../../shared/errors.js';
import type { FenceDevice } from '../fence-device.js';
import { FenceAgentDevice } from './fence-agent.js';
import { IpmiDevice } from './ipmi.js';
import { manualDevice } from './manual.js';
import { watchdogDevice } from './watchdog.js';

type Options = Readonly<Record<string, string>>;

/** The longest call that is worth waiting for: a slow BMC with its longest wait, not more. */
const IPMI_TIMEOUT_MS = 5_000;
/** fence-agents wait for the power state themselves; a dead BMC takes fence_ipmilan 20 s. */
const AGENT_TIMEOUT_MS = 30_000;
const DEFAULT_CIPHER = 3;
const HIGHEST_CIPHER = 17;
const IPMI_PORT = 623;
const HIGHEST_PORT = 65_535;
/** Below it no program of these even starts; above it the next device waits too long. */
const TIMEOUT_MS = { least: 500, most: 300_000 };
/** Agents of BMCs that wait 2 s after each action by default: not needed, since the status is asked until it says off. */
const WAITS_BY_ITSELF = /^fence_(ipmilan|ipmilanplus|idrac|ilo\d*|ilo\d*_ssh|imm)$/;
const IPMI_KEYS = ['address', 'port', 'user', 'password', 'passwordFile', 'cipher', 'timeoutMs'];
const REDFISH_KEYS = ['address', 'port', 'user', 'password', 'passwordFile', 'systemsUri', 'insecure', 'timeoutMs'];

export function createFenceDevice(config: FenceDeviceConfig): Result<FenceDevice, string> {
  try {
    switch (config.kind) {
      case 'ipmi':
        return ok(ipmi(config.options));
      case 'redfish':
        return ok(redfish(config.options));
      case 'fence-agent':
        return ok(fenceAgent(config.options));
      case 'manual':
        only(config.options, [], 'manual');
        return ok(manualDevice);
      case 'watchdog':
        only(config.options, [], 'watchdog');
        return ok(watchdogDevice);
    }
  } catch (error) {
    return fail(messageOf(error));
  }
}

function ipmi(options: Options): FenceDevice {
  only(options, IPMI_KEYS, 'ipmi');
  return new IpmiDevice({
    address: need(options, 'address', 'ipmi'),
    port: whole(options, 'port', IPMI_PORT, { least: 1, most: HIGHEST_PORT }),
    user: need(options, 'user', 'ipmi'),
    password: secret(options, 'ipmi'),
    cipher: whole(options, 'cipher', DEFAULT_CIPHER, { least: 0, most: HIGHEST_CIPHER }),
    timeoutMs: whole(options, 'timeoutMs', IPMI_TIMEOUT_MS, TIMEOUT_MS),
  });
}

/** fence_redfish speaks Redfish well; its words are mapped onto ours. */
function redfish(options: Options): FenceDevice {
  only(options, REDFISH_KEYS, 'redfish');
  const own: Record<string, string> = { ip: need(options, 'address', 'redfish'), username: need(options, 'user', 'redfish'), password: secret(options, 'redfish'), ssl: '1' };
  if (options['port'] !== undefined) own['ipport'] = String(whole(options, 'port', 0, { least: 1, most: HIGHEST_PORT }));
  if (options['systemsUri']) own['systems_uri'] = options['systemsUri'];
  const insecure = options['insecure'] ?? 'false';
  if (insecure !== 'true' && insecure !== 'false') throw new Error(`redfish: option "insecure" is true or false, not "${insecure}"`);
  if (insecure === 'true') own['ssl_insecure'] = '1';
  return new FenceAgentDevice({ agent: 'fence_redfish', options: passable(own, 'redfish'), timeoutMs: whole(options, 'timeoutMs', AGENT_TIMEOUT_MS, TIMEOUT_MS) });
}

function fenceAgent(options: Options): FenceDevice {
  const { agent, passwordFile, timeoutMs: _timeout, ...own } = options;
  if (!agent) throw new Error('fence-agent: option "agent" is missing: the name of the program, e.g. agent=fence_ipmilan');
  if (!/^fence_[a-z0-9_]+$/.test(agent)) throw new Error(`fence-agent: "${agent}" is not the name of a fence agent, e.g. fence_ipmilan`);
  if ('action' in own) throw new Error('fence-agent: option "action" is set by Reeve; leave it out');
  const double = passwordFile !== undefined && (own['password'] ?? own['passwd']) !== undefined;
  if (double) throw new Error('fence-agent: give password or passwordFile, not both');
  const password = passwordFile === undefined ? {} : { password: readSecret(passwordFile, 'fence-agent') };
  const wait = WAITS_BY_ITSELF.test(agent) ? { power_wait: '0' } : {};
  return new FenceAgentDevice({ agent, options: passable({ ...wait, ...own, ...password }, 'fence-agent'), timeoutMs: whole(options, 'timeoutMs', AGENT_TIMEOUT_MS, TIMEOUT_MS) });
}

/** The agent reads a line per option: a line end in a value would be an option of its own. */
function passable(options: Options, kind: string): Options {
  const bad = Object.entries(options).find(([key, value]) => !/^[a-z0-9_]+$/i.test(key) || /[\n\r\0]/.test(value));
  if (bad) throw new Error(`${kind}: option "${bad[0]}" can't be passed on: names have letters, digits and _, values no line end`);
  return options;
}

function only(options: Options, keys: readonly string[], kind: string): void {
  const unknown = Object.keys(options).find((key) => !keys.includes(key));
  if (unknown) throw new Error(`${kind}: there is no option "${unknown}"${keys.length > 0 ? `; there are ${keys.join(', ')}` : ''}`);
}

function need(options: Options, key: string, kind: string): string {
  const value = options[key];
  if (!value) throw new Error(`${kind}: option "${key}" is missing`);
  if (!/^[^-\s\0][^\s\0]*$/.test(value)) throw new Error(`${kind}: option "${key}" can't begin with "-" nor contain spaces`);
  return value;
}

function whole(options: Options, key: string, fallback: number, { least, most }: { readonly least: number; readonly most: number }): number {
  const value = options[key];
  if (value === undefined) return fallback;
  const inRange = /^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most;
  if (!inRange) throw new Error(`option "${key}" is a whole number from ${least} to ${most}, not "${value}"`);
  return Number(value);
}

function secret(options: Options, kind: string): string {
  const { password, passwordFile } = options;
  if (password !== undefined && passwordFile !== undefined) throw new Error(`${kind}: give password or passwordFile, not both`);
  const value = passwordFile === undefined ? password : readSecret(passwordFile, kind);
  if (value === undefined) throw new Error(`${kind}: option "password" or "passwordFile" is missing`);
  if (/[\n\r\0]/.test(value)) throw new Error(`${kind}: the password is more than one line`);
  return value;
}

function readSecret(path: string, kind: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new Error(`${kind}: passwordFile: ${messageOf(error)}`);
  }
}
