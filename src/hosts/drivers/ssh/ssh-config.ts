// The OpenSSH configuration of one host as text: strict host key, one shared connection, short timeouts.

export interface SshSettings {
  /** The host's name, for messages. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Path of the private key. */
  readonly identityFile: string;
  /** The pinned host key as in known_hosts, without the address: "ssh-ed25519 AAAA…". */
  readonly hostKey: string;
}

export interface SshPaths {
  readonly config: string;
  readonly knownHosts: string;
  readonly control: string;
}

/** The key is kept under a name of our own, so that neither address nor port matter to the check. */
export const HOST_ALIAS = 'reeve-host';

/** A master with nothing to do ends by itself after this. */
export const CONTROL_PERSIST_S = 60;

export function sshConfigText(settings: SshSettings, paths: SshPaths): string {
  const lines: readonly (readonly [string, string])[] = [
    ['HostName', settings.address],
    ['HostKeyAlias', HOST_ALIAS],
    ['Port', String(settings.port)],
    ['User', settings.user],
    ['IdentityFile', settings.identityFile],
    ['IdentitiesOnly', 'yes'],
    ['IdentityAgent', 'none'],
    ['BatchMode', 'yes'],
    ['PreferredAuthentications', 'publickey'],
    ['StrictHostKeyChecking', 'yes'],
    ['UserKnownHostsFile', paths.knownHosts],
    ['GlobalKnownHostsFile', '/dev/null'],
    ['UpdateHostKeys', 'no'],
    ['ControlMaster', 'auto'],
    ['ControlPath', paths.control],
    ['ControlPersist', String(CONTROL_PERSIST_S)],
    // A host that lost power answers nothing: its connection is given up after 2 × 2 s.
    ['ServerAliveInterval', '2'],
    ['ServerAliveCountMax', '2'],
    ['ConnectTimeout', '5'],
    ['ConnectionAttempts', '1'],
    ['LogLevel', 'ERROR'],
    ['RequestTTY', 'no'],
    ['ForwardAgent', 'no'],
    ['ForwardX11', 'no'],
    ['ClearAllForwardings', 'yes'],
    ['EscapeChar', 'none'],
  ];
  return `Host ${HOST_ALIAS}\n${lines.map(([key, value]) => `  ${key} ${configValue(key, value)}\n`).join('')}`;
}

export function knownHostsText(hostKey: string): string {
  const [type, key] = hostKey.trim().split(/\s+/);
  if (!type || !key || !/^[a-z0-9@.-]+$/.test(type) || !/^[A-Za-z0-9+/=]+$/.test(key)) {
    throw new RangeError('a host key looks like "ssh-ed25519 AAAA…"');
  }
  return `${HOST_ALIAS} ${type} ${key}\n`;
}

/** Quotes a value for ssh_config; `%` would be expanded in paths. */
function configValue(key: string, value: string): string {
  if (/["\n\r\0\\]/.test(value)) throw new RangeError(`${key} cannot contain quotes, backslashes or line breaks`);
  const literal = value.replaceAll('%', '%%');
  return /\s/.test(literal) ? `"${literal}"` : literal;
}
