// The daemons for containers that a lab host may have, and where each keeps what it has.

export type InstanceDaemon = 'lxd' | 'incus';

export const DAEMONS: readonly InstanceDaemon[] = ['lxd', 'incus'];

interface DaemonFiles {
  /** The client, as it is called on a host. */
  readonly client: string;
  readonly stateDir: string;
  readonly port: number;
  /** What a host without it does not have, as far as anybody on it can see. */
  readonly programs: readonly string[];
}

/** Beside each other they can't listen on one port. */
export const DAEMON_FILES: { readonly [D in InstanceDaemon]: DaemonFiles } = {
  lxd: { client: 'lxc', stateDir: '/var/lib/lxd', port: 8443, programs: ['usr/bin/lxd', 'usr/bin/lxc'] },
  incus: { client: 'incus', stateDir: '/var/lib/incus', port: 8444, programs: ['usr/bin/incus', 'usr/libexec/incus/incusd'] },
};
