// From a host's configuration to its fence device; a bad option is refused with one line that names it.
import { readFileSync } from 'node:fs';
import type { FenceDeviceConfig } from '../../hosts/host.js';
import { fail, ok, type Result } from '../../shared/result.js';
import { messageOf } from '../../shared/errors.js';
import type { FenceDevice } from '../fence-device.js';
import { FenceAgentDevice } from './fence-agent.js';
import { IpmiDevice } from './ipmi.js';
import { manualDevice } from './manual.js';

type Options = Readonly<Record<string, string>>;

const IPMI_TIMEOUT_MS = 6_000;
/** fence-agents wait for the power state themselves; a dead BMC takes fence_ipmilan 20 s. */
const AGENT_TIMEOUT_MS = 30_000;
const DEFAULT_CIPHER = 3;
const IPMI_PORT = 623;
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
    }
  } catch (error) {
    return fail(messageOf(error));
  }
}

function ipmi(options: Options): FenceDevice {
  only(options, IPMI_KEYS, 'ipmi');
  const cipher = whole(options, 'cipher', DEFAULT_CIPHER);
  return new IpmiDevice({ address: need(options, 'address', 'ipmi'), port: whole(options, 'port', IPMI_PORT), user: need(options, 'user', 'ipmi'), password: secret(options, 'ipmi'), cipher, timeoutMs: whole(options, 'timeoutMs', IPMI_TIMEOUT_MS) });
}

/** fence_redfish speaks Redfish well; its words are mapped onto ours. */
function redfish(options: Options): FenceDevice {
  only(options, REDFISH_KEYS, 'redfish');
  const own: Record<string, string> = { ip: need(options, 'address', 'redfish'), username: need(options, 'user', 'redfish'), password: secret(options, 'redfish'), ssl: '1' };
  if (options['port']) own['ipport'] = options['port'];
  if (options['systemsUri']) own['systems_uri'] = options['systemsUri'];
  if (options['insecure'] === 'true') own['ssl_insecure'] = '1';
  return new FenceAgentDevice({ agent: 'fence_redfish', options: own, timeoutMs: whole(options, 'timeoutMs', AGENT_TIMEOUT_MS) });
}

function fenceAgent(options: Options): FenceDevice {
  const { agent, passwordFile, timeoutMs: _timeout, ...own } = options;
  if (!agent) throw new Error('fence-agent: option "agent" is missing: the name of the program, e.g. agent=fence_ipmilan');
  if (!/^fence_[a-z0-9_]+$/.test(agent)) throw new Error(`fence-agent: "${agent}" is not the name of a fence agent, e.g. fence_ipmilan`);
  if ('action' in own) throw new Error('fence-agent: option "action" is set by Reeve; leave it out');
  const bad = Object.entries(own).find(([key, value]) => !/^[a-z0-9_]+$/i.test(key) || /[\n\r]/.test(value));
  if (bad) throw new Error(`fence-agent: option "${bad[0]}" can't be passed on`);
  const password = passwordFile ? { password: readSecret(passwordFile, 'fence-agent') } : {};
  return new FenceAgentDevice({ agent, options: { ...own, ...password }, timeoutMs: whole(options, 'timeoutMs', AGENT_TIMEOUT_MS) });
}

function only(options: Options, keys: readonly string[], kind: string): void {
  const unknown = Object.keys(options).find((key) => !keys.includes(key));
  if (unknown) throw new Error(`${kind}: there is no option "${unknown}"${keys.length > 0 ? `; there are ${keys.join(', ')}` : ''}`);
}

function need(options: Options, key: string, kind: string): string {
  const value = options[key];
  if (!value) throw new Error(`${kind}: option "${key}" is missing`);
  if (value.startsWith('-')) throw new Error(`${kind}: option "${key}" can't begin with "-"`);
  return value;
}

function whole(options: Options, key: string, fallback: number): number {
  const value = options[key];
  if (value === undefined) return fallback;
  if (!/^\d+$/.test(value)) throw new Error(`option "${key}" is a whole number, not "${value}"`);
  return Number(value);
}

function secret(options: Options, kind: string): string {
  if (options['password'] !== undefined && options['passwordFile'] !== undefined) throw new Error(`${kind}: give password or passwordFile, not both`);
  if (options['passwordFile'] !== undefined) return readSecret(options['passwordFile'], kind);
  const value = options['password'];
  if (value === undefined) throw new Error(`${kind}: option "password" or "passwordFile" is missing`);
  return value;
}

function readSecret(path: string, kind: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new Error(`${kind}: passwordFile: ${messageOf(error)}`);
  }
}
