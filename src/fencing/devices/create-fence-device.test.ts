// A fence device from its options: each bad one is refused with a line that names it, and no secret is shown.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { FenceDeviceConfig } from '../../hosts/host.js';
import { createFenceDevice } from './create-fence-device.js';

const dir = mkdtempSync(join(tmpdir(), 'reeve-fence-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const secretFile = join(dir, 'secret');
writeFileSync(secretFile, 'from-file\n');

const bmc = { address: '10.66.2.11', user: 'admin', password: 'secret' };
const agent = { agent: 'fence_apc', ip: '10.0.0.9', plug: '3' };

describe('createFenceDevice', () => {
  it.each<[FenceDeviceConfig['kind'], Record<string, string>, string]>([
    ['ipmi', bmc, 'ipmi 10.66.2.11'],
    ['ipmi', { address: 'bmc-3', user: 'admin', passwordFile: secretFile, cipher: '17', port: '1623', timeoutMs: '3000' }, 'ipmi bmc-3'],
    ['redfish', { ...bmc, insecure: 'true', systemsUri: '/redfish/v1/Systems/1' }, 'fence_redfish 10.66.2.11'],
    ['fence-agent', agent, 'fence_apc 10.0.0.9 3'],
    ['fence-agent', { ...agent, passwordFile: secretFile }, 'fence_apc 10.0.0.9 3'],
    ['manual', {}, 'manual confirmation'],
  ])('%s %j', (kind, options, describe) => {
    expect(createFenceDevice({ kind, options })).toMatchObject({ ok: true, value: { describe, automatic: kind !== 'manual' } });
  });

  it.each<[FenceDeviceConfig['kind'], Record<string, string>, RegExp]>([
    ['ipmi', { user: 'admin', password: 'secret' }, /"address" is missing/],
    ['ipmi', { ...bmc, address: '-x' }, /"address" can't begin with "-"/],
    ['ipmi', { ...bmc, user: 'a b' }, /"user" can't .* contain spaces/],
    ['ipmi', { address: 'a', user: 'b' }, /"password" or "passwordFile" is missing/],
    ['ipmi', { ...bmc, passwordFile: secretFile }, /not both/],
    ['ipmi', { address: 'a', user: 'b', passwordFile: join(dir, 'absent') }, /passwordFile: ENOENT/],
    ['ipmi', { ...bmc, password: 'two\nlines' }, /more than one line/],
    ['ipmi', { ...bmc, cipher: '99' }, /"cipher" is a whole number from 0 to 17, not "99"/],
    ['ipmi', { ...bmc, port: '0' }, /"port" is a whole number from 1 to 65535/],
    ['ipmi', { ...bmc, timeoutMs: '5s' }, /"timeoutMs" is a whole number/],
    ['ipmi', { ...bmc, adress: 'x' }, /there is no option "adress"; there are address, port/],
    ['redfish', { ...bmc, insecure: 'yes' }, /"insecure" is true or false/],
    ['redfish', { ...bmc, systemsUri: '/x\naction=on' }, /"systems_uri" can't be passed on/],
    ['fence-agent', { ip: '10.0.0.9' }, /"agent" is missing/],
    ['fence-agent', { agent: '../bin/sh' }, /is not the name of a fence agent/],
    ['fence-agent', { ...agent, action: 'on' }, /"action" is set by Reeve/],
    ['fence-agent', { ...agent, plug: '3\naction=on' }, /"plug" can't be passed on/],
    ['fence-agent', { ...agent, password: 'x', passwordFile: secretFile }, /not both/],
    ['manual', { address: 'x' }, /manual: there is no option "address"/],
  ])('refuses %s %j', (kind, options, message) => {
    const device = createFenceDevice({ kind, options });
    expect(device.ok ? 'accepted' : device.error).toMatch(message);
    expect(device.ok ? '' : device.error).not.toContain('secret\n');
  });

  it('never acts by itself where a person must', async () => {
    const device = createFenceDevice({ kind: 'manual', options: {} });
    expect(device.ok && device.value.automatic).toBe(false);
    if (device.ok) await expect(device.value.status()).rejects.toThrow('a person must do this');
  });
});
