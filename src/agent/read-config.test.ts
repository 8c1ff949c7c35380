// The agent's configuration: a good one, and one clear line for each kind of bad one.
import { describe, expect, it } from 'vitest';
import { parseAgentConfig } from './read-config.js';

const address = { address: '10.0.0.1', port: 7481 };
const member = { id: 'b', name: 'host-b', role: 'host', keyHex: 'cd'.repeat(32), links: [address] };
const good = { clusterId: 'c', hostId: 'a', name: 'host-a', keyHex: 'ab'.repeat(32), heartbeatMs: 300, silentMs: 1_800, watchdogMs: 3_000, enforcesLease: true, leaveWithinMs: 600_000, voters: { epoch: 2, ids: ['a', 'b'] }, listen: [address], members: [{ ...member, leastEpoch: 4 }] };

describe('the agent configuration', () => {
  it('is taken as it is; what newer control planes add is left out', () => {
    expect(parseAgentConfig(JSON.stringify({ ...good, leaseMs: 9 }))).toEqual({ ok: true, value: good });
  });

  it.each([
    ['no JSON', 'nonsense', /^it is not JSON/],
    ['no object', '[]', /^the file must be an object/],
    ['a missing id', { ...good, hostId: undefined }, /^hostId must be a text that is not empty$/],
    ['a short key', { ...good, keyHex: 'abcd' }, /^keyHex must be 64 hexadecimal digits$/],
    ['an interval as text', { ...good, heartbeatMs: '300' }, /^heartbeatMs must be a whole number$/],
    ['no address', { ...good, listen: [] }, /^listen is empty/],
    ['a bad port', { ...good, listen: [{ address: '::1', port: 70_000 }] }, /^listen\[0\]\.port is 70000/],
    ['an unknown role', { ...good, members: [member, { ...member, role: 'king' }] }, /^members\[1\]\.role is "king"/],
    ['a bad link', { ...good, members: [{ ...member, links: [{ port: 1 }] }] }, /^members\[0\]\.links\[0\]\.address must be/],
    ['a lease that is neither', { ...good, enforcesLease: 1 }, /^enforcesLease must be true or false$/],
    ['a voter without a name', { ...good, voters: { epoch: 1, ids: ['a', 3] } }, /^voters\.ids\[1\]/],
    ['unsafe timing', { ...good, silentMs: 500 }, /^silentMs is 500; with heartbeatMs 300/],
  ])('refuses %s', (_what, config, why) => {
    const parsed = parseAgentConfig(typeof config === 'string' ? config : JSON.stringify(config));
    expect(parsed.ok).toBe(false);
    expect(parsed.ok ? '' : parsed.error).toMatch(why);
  });

  it('never repeats a key in its complaint', () => {
    const parsed = parseAgentConfig(JSON.stringify({ ...good, keyHex: 'secret-secret' }));
    expect(parsed.ok ? '' : parsed.error).not.toContain('secret');
  });
});
