// By what name a host's daemon knows the daemon of another host. Enrolment makes the remotes, copies use them.

/** A prefix of ours: what people have named themselves stays theirs. */
export function remoteNameOf(hostName: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(hostName)) throw new RangeError(`"${hostName}" cannot name a remote`);
  return `reeve-${hostName}`;
}
