// What LXD 5.0.2 says of itself on a host of the lab (shortened), and what is read of it.
import { describe, expect, it } from 'vitest';
import { daemonsOf, doorsOf } from './container-daemons.js';
import { splitLine } from './survey-script.js';

const RECORDED = String.raw`daemon lxd
daemon-server {"api_extensions": ["storage_zfs_remove_snapshots", "container_host_shutdown_timeout"], "api_status": "stable", "api_version": "1.0", "auth": "trusted", "auth_methods": ["tls"], "config": {"core.https_address": "10.66.0.12:8443", "images.auto_update_interval": "0"}, "environment": {"addresses": ["10.66.0.12:8443"], "certificate": "-----BEGIN CERTIFICATE-----\nMIICAzCCAYqgAwIBAgIRAKhMNz0fs29B\n-----END CERTIFICATE-----\n", "certificate_fingerprint": "fb2910f3976f3fa866e84bc858dba1af9f8b877c6df2ea0ad6c26278d95e52a1", "driver": "lxc", "driver_version": "5.0.2", "kernel": "Linux", "os_name": "Debian GNU/Linux", "server": "lxd", "server_clustered": false, "server_name": "host-2", "server_pid": 23628, "server_version": "5.0.2", "storage": "dir"}, "public": false}
daemon-pools [{"config": {"rsync.compression": "false","source": "/var/lib/lxd/storage-pools/default"},"description": "","driver": "dir","locations": ["none"],"name": "default","status": "Created","used_by": ["/1.0/profiles/default"]}]
daemon-networks [{"config": {}, "description": "", "locations": null, "managed": false, "name": "lo", "status": "", "type": "loopback", "used_by": []}, {"config": {}, "description": "", "locations": null, "managed": false, "name": "br0", "status": "", "type": "bridge", "used_by": ["/1.0/profiles/default"]}]
daemon-profiles [{"config": {},"description": "Default LXD profile","devices": {"eth0": {"name": "eth0","nictype": "bridged","parent": "br0","type": "nic"},"root": {"path": "/","pool": "default","type": "disk"}},"name": "default","used_by": []}]`;

const read = (text: string) => daemonsOf(text.split('\n').map(splitLine));
const server = (config: object, environment: object = {}): string => `daemon-server ${JSON.stringify({ config, environment: { server_version: '6.0', server_clustered: true, certificate_fingerprint: 'f', ...environment } })}`;
const REST = 'daemon-pools [{"name": "z", "driver": "zfs"}]\ndaemon-networks [{"name": "b", "managed": true}, {"name": "a", "managed": true}, {"name": "eth0", "managed": false}]\ndaemon-profiles [{"name": "default"}]\ndaemon-criu yes';

describe('the daemons for containers', () => {
  it('tell what is there', () => {
    expect(read(RECORDED)).toEqual([
      { driver: 'lxd', error: null, version: '5.0.2', httpsAddress: '10.66.0.12:8443', isClustered: false, healingThresholdS: 0, criu: false, pools: [{ name: 'default', driver: 'dir' }], networks: [], profiles: ['default'] },
    ]);
    expect(doorsOf(RECORDED.split('\n').map(splitLine))).toEqual([{ driver: 'lxd', error: null, httpsAddress: '10.66.0.12:8443', isClustered: false, fingerprint: 'fb2910f3976f3fa866e84bc858dba1af9f8b877c6df2ea0ad6c26278d95e52a1' }]);
  });

  it('may be two, one of which is silent', () => {
    const seen = read(`hostname x\ndaemon lxd\ndaemon-error Error: Get "http://unix.socket/1.0": EOF\ndaemon incus\n${server({ 'cluster.healing_threshold': '30' })}\n${REST}\nend yes`);
    expect(seen.map(({ driver, error }) => [driver, error])).toEqual([['lxd', 'Error: Get "http://unix.socket/1.0": EOF'], ['incus', null]]);
    expect(seen[1]).toMatchObject({ version: '6.0', httpsAddress: null, isClustered: true, healingThresholdS: 30, criu: true, pools: [{ name: 'z', driver: 'zfs' }], networks: ['a', 'b'] });
    expect(doorsOf(['daemon lxd', 'daemon-error x'].map(splitLine))).toEqual([{ driver: 'lxd', error: 'x', httpsAddress: null, isClustered: false, fingerprint: '' }]);
  });

  it.each([['{"environment": {', /can.?not be read/], ['', /says nothing/]])('that say something else (%j) are as if they said nothing', (text, why) => {
    expect(read(`daemon lxd\ndaemon-server ${text}\n${REST}`)[0]?.error).toMatch(why);
  });

  it('are none on a host that has none', () => expect(read('hostname x\nend yes')).toEqual([]));
});
