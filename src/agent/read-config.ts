// The agent's configuration: checked by hand, because the agent carries no library. One clear line says what is wrong.
import { deriveTiming } from '../cluster/timing.js';
import type { AgentConfig, AgentMember } from '../hosts/host-agent.js';
import { fail, ok, type Result } from '../shared/result.js';

type Json = Readonly<Record<string, unknown>>;

/** The first thing that is wrong; caught in parseAgentConfig only. */
class BadConfig extends Error {
  override readonly name = 'BadConfig';
}

export function parseAgentConfig(text: string): Result<AgentConfig, string> {
  try {
    const config = readConfig(parseJson(text));
    const timing = deriveTiming(config);
    return timing.ok ? ok(config) : fail(timing.error.join('; '));
  } catch (error) {
    if (error instanceof BadConfig) return fail(error.message);
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadConfig(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readConfig(value: unknown): AgentConfig {
  const json = object(value, 'the file');
  const config: AgentConfig = {
    clusterId: text(json, 'clusterId'),
    hostId: text(json, 'hostId'),
    name: text(json, 'name'),
    keyHex: key(json, 'keyHex'),
    heartbeatMs: number(json, 'heartbeatMs'),
    silentMs: number(json, 'silentMs'),
    watchdogMs: number(json, 'watchdogMs'),
    enforcesLease: boolean(json, 'enforcesLease'),
    // Older control planes know no such bound.
    leaveWithinMs: json['leaveWithinMs'] === undefined ? 0 : number(json, 'leaveWithinMs'),
    voters: voterSet(json['voters']),
    listen: list(json, 'listen').map((one, at) => address(one, `listen[${at}]`)),
    members: list(json, 'members').map((one, at) => member(one, `members[${at}]`)),
  };
  if (config.listen.length === 0) throw new BadConfig('listen is empty; it needs one address per link');
  return config;
}

function voterSet(value: unknown): AgentConfig['voters'] {
  if (value === null) return null;
  const json = object(value, 'voters');
  return { epoch: number(json, 'epoch', 'voters'), ids: list(json, 'ids', 'voters').map((id, at) => text({ id }, 'id', `voters.ids[${at}]`)) };
}

function member(value: unknown, where: string): AgentMember {
  const json = object(value, where);
  const role = text(json, 'role', where);
  if (role !== 'host' && role !== 'witness') throw new BadConfig(`${where}.role is "${role}"; it must be host or witness`);
  const links = list(json, 'links', where).map((one, at) => address(one, `${where}.links[${at}]`));
  const leastEpoch = json['leastEpoch'] === undefined ? {} : { leastEpoch: number(json, 'leastEpoch', where) };
  return { id: text(json, 'id', where), name: text(json, 'name', where), role, keyHex: key(json, 'keyHex', where), ...leastEpoch, links };
}

function address(value: unknown, where: string): { address: string; port: number } {
  const json = object(value, where);
  const port = number(json, 'port', where);
  if (port < 1 || port > 65_535) throw new BadConfig(`${where}.port is ${port}; it must be from 1 to 65535`);
  return { address: text(json, 'address', where), port };
}

function object(value: unknown, where: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadConfig(`${where} must be an object`);
  return value as Json;
}

function list(json: Json, field: string, where = ''): readonly unknown[] {
  const value = json[field];
  if (!Array.isArray(value)) throw new BadConfig(`${at(where, field)} must be a list`);
  return value;
}

function text(json: Json, field: string, where = ''): string {
  const value = json[field];
  if (typeof value !== 'string' || value === '') throw new BadConfig(`${at(where, field)} must be a text that is not empty`);
  return value;
}

function number(json: Json, field: string, where = ''): number {
  const value = json[field];
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new BadConfig(`${at(where, field)} must be a whole number`);
  return value;
}

function boolean(json: Json, field: string, where = ''): boolean {
  const value = json[field];
  if (typeof value !== 'boolean') throw new BadConfig(`${at(where, field)} must be true or false`);
  return value;
}

function key(json: Json, field: string, where = ''): string {
  const value = text(json, field, where);
  // The key itself must not end up in a log.
  if (!/^[0-9a-f]{64}$/i.test(value)) throw new BadConfig(`${at(where, field)} must be 64 hexadecimal digits`);
  return value;
}

function at(where: string, field: string): string {
  return where === '' ? field : `${where}.${field}`;
}
