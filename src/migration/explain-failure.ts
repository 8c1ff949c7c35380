// virsh's words for a failed migration, as cause and remedy. The words are a hint only: what is true is asked of both hosts.

const KNOWN: readonly (readonly [RegExp, string])[] = [
  [/Unsafe migration|without shared storage/i, 'a disk is not on shared storage as libvirt sees it; put it into a shared pool, or list the directory under shared_filesystems in qemu.conf'],
  [/Host key verification failed/i, 'the source does not know the SSH host key of the destination; `reeve host enrol` sets it up again'],
  [/Permission denied|Authentication failed/i, 'the source may not log in at the destination; `reeve host enrol` sets the migration key up again'],
  [/unable to connect to server|Connection refused|No route to host|timed out/i, 'the source can\'t reach the destination; check the network and the firewall (TCP 22 and 49152–49215)'],
  [/Failed to get "write" lock/i, 'a disk is locked by another process; something else uses it'],
  [/CPU feature|guest CPU doesn't match|unsupported CPU|incompatible/i, 'the destination\'s CPU lacks what the workload uses; give it a CPU model that both hosts have'],
  [/already (exists|active|defined)/i, 'the destination has a workload of that name or uuid already'],
  [/Cannot allocate memory|cannot set up guest memory/i, 'the destination has not enough free memory'],
  [/Cannot get interface MTU|no such (device|bridge)/i, 'the destination lacks a bridge that the workload uses'],
  [/same host|to itself/i, 'source and destination call themselves the same; give each host its own name and libvirt host_uuid'],
  [/job .*(abort|cancel)|canceled by client|migration was (active|cancelled)/i, 'the migration was aborted'],
];

export function explainFailure(output: string): string {
  const words = output.trim().split('\n').filter((line) => line.trim() !== '').at(-1)?.replace(/^error:\s*/, '') ?? '';
  const known = KNOWN.find(([pattern]) => pattern.test(output));
  if (known) return words ? `${known[1]} (${words})` : known[1];
  return words || 'the migration ended without a word';
}
