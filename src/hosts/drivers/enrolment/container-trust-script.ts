// How the daemons for containers of two hosts are made known to each other, as shell scripts around their own commands.
import type { ContainerDriver, DaemonPeer } from '../../container-trust.js';
import { quote } from '../ssh/shell-quote.js';
import { FIND_DAEMONS } from './container-daemons.js';

/** What the names of our remotes begin with. */
export const OURS = 'reeve-';

/** Another enrolment may be changing the same files. */
const LOCK_S = 30;
/** One command of the client; joining asks every address that the token names. */
const COMMAND_S = 30;
/** Of one question to the other host. */
const ASK_S = 10;

/** `c` is the client. Ends with the last line of what a failed command says. */
export function head(driver: ContainerDriver): string {
  return `export LC_ALL=C
umask 077
${FIND_DAEMONS}
client=$(daemons | sed -n 's/^${driver} //p')
[ -n "$client" ] || { echo "no ${driver} on this host" >&2; exit 1; }
c() { timeout ${COMMAND_S} "$client" "$@" < /dev/null; }
fail() { printf '%s\\n' "$1" | tail -n1 >&2; exit 1; }
lock() { exec 9>> /run/lock/reeve-remotes && flock -w ${LOCK_S} 9 || fail "another change of remotes is under way"; }
# Empty where the remote's certificate was signed by an authority: the client keeps none.
fingerprint() {
  for dir in /root/snap/lxd/common/config /root/.config/${driver === 'lxd' ? 'lxc' : 'incus'}; do
    [ ! -e "$dir/servercerts/$1.crt" ] || { sed '/^-/d' "$dir/servercerts/$1.crt" | base64 -d | sha256sum | cut -d' ' -f1; return; }
  done
}
`;
}

/** Prints why the remote does not lead to the peer, or why we are not let in there; nothing when all is well. */
export function reachScript(name: string, peer: DaemonPeer): string {
  return `${head(peer.driver)}name=${quote(name)} url=${quote(`https://${peer.address}`)}
is=$(c remote list --format csv | awk -F, -v name="$name" '$1 == name { print $2 }')
[ -n "$is" ] || { echo "there is no remote $name"; exit 0; }
[ "$is" = "$url" ] || { echo "the remote $name leads to $is"; exit 0; }
case $(fingerprint "$name") in ''|${quote(peer.fingerprint)}) ;; *) echo "the remote $name has another certificate"; exit 0 ;; esac
said=$(timeout ${ASK_S} "$client" query "$name:/1.0" 2>&1 < /dev/null) || { printf '%s\\n' "\${said:-no answer within ${ASK_S} s}" | tail -n1; exit 0; }
printf '%s' "$said" | grep -q '"auth": *"trusted"' || echo "it is not let in"`;
}

/** On one line: a JSON list of all whom the daemon trusts. */
export function certificatesScript(driver: ContainerDriver): string {
  return `${head(driver)}c query '/1.0/certificates?recursion=1' | tr -d '\\n\\t'`;
}

const forget = (fingerprints: readonly string[]): string => fingerprints.map((one) => `c config trust remove ${quote(one)} > /dev/null || exit 1`).join('\n');

/** Prints a token; the certificates go by which the host was known before. */
export function inviteScript(driver: ContainerDriver, name: string, known: readonly string[]): string {
  const words = driver === 'lxd' ? `--name ${quote(name)}` : quote(name);
  return `${head(driver)}${forget(known)}
# Of an invitation that nobody took; one at a time.
c config trust revoke-token ${quote(name)} > /dev/null 2>&1
said=$(c config trust add ${words} -q) || exit 1
echo "$said" | tail -n1`;
}

/** The token comes as input. It names the peer's certificate, and the client holds to that. */
export function joinScript(name: string, peer: DaemonPeer): string {
  return `${head(peer.driver)}name=${quote(name)} url=${quote(`https://${peer.address}`)} wanted=${quote(peer.fingerprint)}
read -r token
lock
c remote remove "$name" > /dev/null 2>&1
if ! said=$(c remote add "$name" "$token" 2>&1); then
  # Somebody has made this host known there by another name. Then no token is taken, and none is needed; whose certificate it is, is looked at here.
  case $said in *'already trusted'*) said=$(c remote add "$name" "$url" --accept-certificate 2>&1) || fail "$said" ;; *) fail "$said" ;; esac
  [ "$(fingerprint "$name")" = "$wanted" ] || { c remote remove "$name"; fail "another certificate answers at $url"; }
fi
# A token names all addresses of the host; ours is the one by which hosts reach each other.
c remote set-url "$name" "$url"`;
}

/** Of these names; null: all that are ours. */
export function dropScript(driver: ContainerDriver, names: readonly string[] | null, known: readonly string[]): string {
  const wanted = names === null ? `$(c remote list --format csv | cut -d, -f1 | grep '^${OURS}')` : names.map(quote).join(' ');
  return `${head(driver)}lock
${forget(known)}
for name in ${wanted}; do
  c config trust revoke-token "$name" > /dev/null 2>&1
  c remote remove "$name" > /dev/null 2>&1
done
:`;
}
