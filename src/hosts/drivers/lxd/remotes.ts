// By what name a host's daemon knows the daemon of another host. Enrolment makes the remotes, copies use them.

/** Of ours: what people have named themselves stays theirs. */
export const REMOTE_PREFIX = 'reeve-';

export function remoteNameOf(hostName: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(hostName)) throw new RangeError(`"${hostName}" cannot name a remote`);
  return `${REMOTE_PREFIX}${hostName}`;
}

/** Null: the remote is none of ours. */
export const hostOfRemote = (remote: string): string | null => (remote.startsWith(REMOTE_PREFIX) ? remote.slice(REMOTE_PREFIX.length) : null);
