// What Reeve writes into ~/.ssh for live migration, as shell scripts. One list of peers; all else is derived from it.
import { OperationalError } from '../../../shared/errors.js';
import type { MigrationPeer } from '../../migration-trust.js';
import { quote } from '../ssh/shell-quote.js';

/*
 * libvirtd runs `ssh` as root when it migrates, so key, known hosts and configuration are root's. The other side logs
 * in as the user that Reeve uses there, so its authorized_keys are that user's.
 *   reeve_migration, .pub   the host's key
 *   reeve_peers             one line per peer: id address port user hostkey-type hostkey key-type key
 *   reeve_known_hosts       derived; whole file ours
 *   config                  a marked block, first in the file; the rest is not touched
 *   authorized_keys         a marked block
 */
const BEGIN = '# BEGIN Reeve live migration (written by Reeve, do not edit)';
const END = '# END Reeve live migration';

/** Another enrolment may be writing the same files; each takes milliseconds. */
const LOCK_S = 10;

/**
 * A key that came for migration gets libvirt's socket and nothing else: no shell, no terminal, no forwarding.
 * `true` is the trial login. No double quotes and no backslashes: it stands in quotes in authorized_keys.
 */
export const DOOR = [
  'case $SSH_ORIGINAL_COMMAND in true) exit 0;; *libvirt*|*virt-ssh-helper*) ;; *) echo Reeve: this key is for live migration only >&2; exit 1;; esac',
  'if command -v virt-ssh-helper >/dev/null; then exec virt-ssh-helper qemu:///system; fi',
  'exec nc -U /var/run/libvirt/libvirt-sock',
].join('; ');

function head(user: string): string {
  return `export LC_ALL=C
umask 077
home_of() { getent passwd "$1" | cut -d: -f6; }
dir=$(home_of root)/.ssh
user=${quote(user)}
door_dir=$(home_of "$user")/.ssh
[ "$dir" != /.ssh ] && [ "$door_dir" != /.ssh ] || { echo "no home directory of root or $user" >&2; exit 1; }
for d in "$dir" "$door_dir"; do [ -d "$d" ] || mkdir -m 700 "$d" || exit 1; done
[ "$user" = root ] || chown "$user:" "$door_dir"
exec 9>> "$dir/reeve.lock"
flock -w ${LOCK_S} 9 || { echo "another change of $dir is under way" >&2; exit 1; }
# Replaces the marked block of a file by its input; first or last in the file. Empty input: only removes it.
block() {
  file=$1 where=$2
  [ ! -L "$file" ] || file=$(readlink -f "$file")
  cat > "$dir/reeve.block"
  [ -e "$file" ] || [ -s "$dir/reeve.block" ] || { rm -f "$dir/reeve.block"; return 0; }
  [ ! -e "$file" ] || awk -v b=${quote(BEGIN)} -v e=${quote(END)} '$0 == b { skip = 1 } !skip { print } $0 == e { skip = 0 }' "$file" > "$dir/reeve.rest"
  [ -e "$file" ] || : > "$dir/reeve.rest"
  marked() { [ ! -s "$dir/reeve.block" ] || { echo ${quote(BEGIN)}; cat "$dir/reeve.block"; echo ${quote(END)}; }; }
  if [ "$where" = first ]; then { marked; cat "$dir/reeve.rest"; } > "$file.reeve-new"; else { cat "$dir/reeve.rest"; marked; } > "$file.reeve-new"; fi || return 1
  rm -f "$dir/reeve.block" "$dir/reeve.rest"
  if [ -e "$file" ]; then chmod --reference="$file" "$file.reeve-new" && chown --reference="$file" "$file.reeve-new"; else chown --reference="\${file%/*}" "$file.reeve-new"; fi || return 1
  mv -f "$file.reeve-new" "$file" || return 1
  [ -s "$file" ] || rm -f "$file"
}
render() {
  peers=$dir/reeve_peers
  awk '{ print ($3 == 22 ? $2 : "[" $2 "]:" $3), $5, $6, "reeve:" $1 }' "$peers" > "$dir/reeve_known_hosts" || return 1
  # The keys that root has of its own are offered first: a login by hand works as before. The last line ends the block's scope.
  hosts=$(awk '{ printf " %s", $2 }' "$peers")
  if [ -n "$hosts" ]; then
    echo "Host$hosts"
    for key in id_ed25519 id_ecdsa id_rsa reeve_migration; do [ ! -e "$dir/$key" ] || echo "  IdentityFile ~/.ssh/$key"; done
    echo "  UserKnownHostsFile ~/.ssh/reeve_known_hosts ~/.ssh/known_hosts"
    printf '  %s\\n' 'StrictHostKeyChecking yes' 'ConnectTimeout 5' 'ServerAliveInterval 3' 'ServerAliveCountMax 3'
    echo "Host *"
  fi | block "$dir/config" first || return 1
  awk -v door=${quote(DOOR)} '{ print "restrict,command=\\"" door "\\" " $7 " " $8 " reeve:" $1 }' "$peers" | block "$door_dir/authorized_keys" last
}
`;
}

export function publicKeyScript(user: string): string {
  return `${head(user)}
key=$dir/reeve_migration
if [ ! -s "$key" ]; then
  rm -f "$key.new" "$key.new.pub"
  ssh-keygen -q -t ed25519 -N '' -C "reeve-migration@$(uname -n)" -f "$key.new" < /dev/null && mv -f "$key.new.pub" "$key.pub" && mv -f "$key.new" "$key" || exit 1
fi
ssh-keygen -y -f "$key" < /dev/null | cut -d' ' -f1,2`;
}

/** Takes the lines of the new peers as input; `drop` are ids whose lines go (those of the new peers among them). */
export function changePeersScript(user: string, drop: readonly string[]): string {
  return `${head(user)}
peers=$dir/reeve_peers
[ -e "$peers" ] || : > "$peers"
{ awk -v drop=${quote(` ${drop.map(checkWord).join(' ')} `)} 'index(drop, " " $1 " ") == 0' "$peers" && cat; } > "$peers.new" && mv -f "$peers.new" "$peers" && render`;
}

export function revokeScript(user: string): string {
  return `${head(user)}
: > "$dir/reeve_peers"
render || exit 1
rm -f "$dir/reeve_peers" "$dir/reeve_known_hosts" "$dir/reeve_migration" "$dir/reeve_migration.pub" "$dir/reeve.lock"`;
}

export function peerLine(peer: MigrationPeer): string {
  const words = [peer.hostId, peer.address, String(peer.port), peer.user, ...keyWords(peer.hostKey, peer.name), ...keyWords(peer.publicKey, peer.name)];
  return `${words.map(checkWord).join(' ')}\n`;
}

function keyWords(key: string, name: string): readonly [string, string] {
  const [type, body] = key.trim().split(/\s+/);
  if (!type || !body || !/^[a-z0-9@.-]+$/.test(type) || !/^[A-Za-z0-9+/=]+$/.test(body)) throw new OperationalError('failed', `an unreadable SSH key of ${name}: ${key.slice(0, 40)}`);
  return [type, body];
}

/** Words stand in a list that is read by fields, and in ssh_config. */
function checkWord(word: string): string {
  if (!/^[A-Za-z0-9@_.:+/=%-]+$/.test(word)) throw new OperationalError('failed', `"${word}" cannot stand in an SSH configuration`);
  return word;
}

/** First a plain login, then libvirt through it: the second also needs the right to use libvirt there. Prints why not. */
export function reachScript(peer: Omit<MigrationPeer, 'publicKey'>): string {
  const address = checkWord(peer.address);
  const login = quote(`${checkWord(peer.user)}@${address}`);
  const uri = quote(`qemu+ssh://${encodeURIComponent(peer.user)}@${address.includes(':') ? `[${address}]` : address}:${peer.port}/system`);
  return `export LC_ALL=C
why=$(timeout 15 ssh -n -o BatchMode=yes -o ConnectTimeout=5 -p ${peer.port} ${login} true 2>&1) || { echo "\${why:-no answer within 15 s}" | tail -n1; exit 0; }
why=$(timeout 20 virsh -q -c ${uri} uri 2>&1 < /dev/null) || { echo "SSH works, libvirt over it does not: $(echo "\${why:-no answer within 20 s}" | tail -n1)"; exit 0; }`;
}
