// LXD and its fork Incus speak one API; all in which they differ for us stands in this table.
import type { DriverName } from '../../hypervisor.js';
import { DAEMON_PLACES } from '../../instance-endings.js';

export type InstanceDriver = Exclude<DriverName, 'libvirt'>;

export interface Dialect {
  readonly driver: InstanceDriver;
  /** For people. */
  readonly title: string;
  /** Tried in this order. The snap's comes first, by its full path: what Ubuntu has as `lxc` in the PATH installs LXD when it is called. */
  readonly clients: readonly [string, ...string[]];
  /** Where the daemon keeps its state; the first that holds a database is taken. */
  readonly stateDirs: readonly [string, ...string[]];
  /** How a person sees whether the daemon is well. */
  readonly statusRemedy: string;
  /** Words after the client's name that make a token with which the daemon of `name` is trusted; its last line is the token. */
  readonly trustToken: (name: string) => readonly string[];
  /** Of `monitor`, for one JSON object a line: the default of Incus is YAML. */
  readonly monitor: readonly string[];
  /** Where CRIU comes with the daemon's own package. */
  readonly bundledCriu: string | null;
}

export const DIALECTS: Readonly<Record<InstanceDriver, Dialect>> = {
  lxd: {
    driver: 'lxd',
    title: 'LXD',
    ...DAEMON_PLACES.lxd,
    statusRemedy: 'systemctl status snap.lxd.daemon lxd',
    trustToken: (name) => ['config', 'trust', 'add', '--name', name, '-q'],
    bundledCriu: 'snap get lxd criu.enable',
  },
  incus: {
    driver: 'incus',
    title: 'Incus',
    ...DAEMON_PLACES.incus,
    statusRemedy: 'systemctl status incus',
    trustToken: (name) => ['config', 'trust', 'add', name, '-q'],
    bundledCriu: null,
  },
};
