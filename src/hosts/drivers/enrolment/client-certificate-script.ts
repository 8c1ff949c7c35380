// How the certificate of a host's client gets a successor, as shell scripts. The client reads client.crt and client.key in its folder; two files do not change in one
// step, so both become links through one link to a folder (`reeve-client`), and that one changes.
import type { ContainerDriver, DaemonPeer } from '../../container-trust.js';
import { clientDirScript } from '../lxd/read-trust.js';
import { quote } from '../ssh/shell-quote.js';
import { head } from './container-trust-script.js';

/** As long as the daemons' own are good for. */
const GOOD_DAYS = 3650;
/** One that was prepared and not used is taken again while it is good for so long. */
const AGAIN_S = 365 * 24 * 3600;
const ASK_S = 10;
export const NOT_THERE = 44;

const folder = (driver: ContainerDriver): string => `${head(driver)}${clientDirScript(driver)}
dir=$(client_dir "$client")
`;

export const ownCertificateScript = (driver: ContainerDriver): string => `${folder(driver)}[ ! -s "$dir/client.crt" ] || cat "$dir/client.crt"`;

/** Prints it. It is made beside, and gets its place when it is whole. */
export function prepareCertificateScript(driver: ContainerDriver): string {
  return `${folder(driver)}lock
command -v openssl > /dev/null || fail "openssl is not installed: apt-get install openssl"
next=$dir/reeve-next
if ! { [ -s "$next/client.key" ] && openssl x509 -noout -checkend ${AGAIN_S} -in "$next/client.crt"; } > /dev/null 2>&1; then
  rm -rf "$next" "$next.new"
  mkdir -p "$next.new" || exit 1
  said=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:secp384r1 -sha384 -nodes -days ${GOOD_DAYS} -subj "/O=reeve/CN=root@$(hostname)" -addext extendedKeyUsage=clientAuth -addext keyUsage=critical,digitalSignature -keyout "$next.new/client.key" -out "$next.new/client.crt" 2>&1) || fail "$said"
  sync "$next.new/client.key" "$next.new/client.crt"
  mv -T "$next.new" "$next" || exit 1
fi
cat "$next/client.crt"`;
}

/** Prints why not. Past the client, which knows one certificate only. HTTP/1.0: the answer comes in one piece. */
export function preparedReachScript(peer: DaemonPeer): string {
  return `${folder(peer.driver)}next=$dir/reeve-next at=${quote(peer.address)}
found=$(timeout ${ASK_S} openssl s_client -connect "$at" < /dev/null 2> /dev/null | openssl x509 -outform der 2> /dev/null | sha256sum | cut -d' ' -f1)
[ "$found" = ${quote(peer.fingerprint)} ] || { echo "another certificate answers at $at, or none"; exit 0; }
said=$(printf 'GET /1.0 HTTP/1.0\\r\\nHost: %s\\r\\n\\r\\n' "$at" | timeout ${ASK_S} openssl s_client -quiet -connect "$at" -cert "$next/client.crt" -key "$next/client.key" 2>&1)
printf '%s' "$said" | grep -q '"auth": *"trusted"' || echo "it is not let in"`;
}

/** Cut off anywhere, the client shows the one or the other, with its own key. */
export function useCertificateScript(driver: ContainerDriver, fingerprint: string): string {
  return `${folder(driver)}lock
wanted=${quote(fingerprint)}
now=$(fingerprint_of "$dir/client.crt")
[ "$now" != "$wanted" ] || exit 0
if [ -s "$dir/reeve-next/client.crt" ] && [ "$(fingerprint_of "$dir/reeve-next/client.crt")" = "$wanted" ]; then mv -T "$dir/reeve-next" "$dir/reeve-client-$wanted" || exit 1; fi
[ -s "$dir/reeve-client-$wanted/client.crt" ] || { echo "there is no certificate $wanted any more" >&2; exit ${NOT_THERE}; }
link() { ln -sfn "$1" "$dir/$2.reeve" && mv -T "$dir/$2.reeve" "$dir/$2"; }
is_linked() { [ "$(readlink "$dir/client.crt")" = reeve-client/client.crt ] && [ "$(readlink "$dir/client.key")" = reeve-client/client.key ]; }
if ! is_linked; then
  # First as it is, through the links: what is shown does not change by this.
  if [ ! -s "$dir/reeve-client-$now/client.crt" ]; then
    rm -rf "$dir/reeve-old.new"
    mkdir -p "$dir/reeve-old.new" && cp -L "$dir/client.crt" "$dir/client.key" "$dir/reeve-old.new/" && mv -T "$dir/reeve-old.new" "$dir/reeve-client-$now" || exit 1
  fi
  link "reeve-client-$now" reeve-client && link reeve-client/client.key client.key && link reeve-client/client.crt client.crt || exit 1
fi
link "reeve-client-$wanted" reeve-client`;
}

/** Prints "older" when one is. What speaks to the host's own daemon alone shows no certificate; a copy or a move to another host does. */
export function olderUsedScript(driver: ContainerDriver): string {
  const name = driver === 'lxd' ? 'lxc' : 'incus';
  return `${folder(driver)}[ -L "$dir/reeve-client" ] || exit 0
changed=$(stat -c %Y "$dir/reeve-client") now=$(date +%s)
ps -C ${name} -o etimes=,args= | while read -r age words; do
  case $words in *" copy "*|*" cp "*|*" move "*|*" mv "*) [ $((now - age)) -gt $((changed + 1)) ] || echo older ;; esac
done | head -n 1`;
}

/** Those that the client does not show. */
export function clearCertificatesScript(driver: ContainerDriver): string {
  return `${folder(driver)}lock
shown=$(readlink "$dir/reeve-client")
for one in "$dir"/reeve-client-* "$dir/reeve-next" "$dir/reeve-next.new" "$dir/reeve-old.new"; do
  [ ! -d "$one" ] || [ "\${one##*/}" = "$shown" ] || rm -rf "$one"
done`;
}

/** The API takes it as base64 without its frame; certificate and name hold nothing that JSON or a shell would read otherwise. */
export function letInScript(driver: ContainerDriver, name: string, pem: string): string {
  const body = pem.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, '');
  return `${head(driver)}said=$(c query -X POST /1.0/certificates -d ${quote(JSON.stringify({ type: 'client', name, certificate: body }))} 2>&1) || fail "$said"`;
}

export const forgetCertificatesScript = (driver: ContainerDriver, fingerprints: readonly string[]): string => `${head(driver)}${fingerprints.map((one) => `c config trust remove ${quote(one)} > /dev/null || exit 1`).join('\n')}`;
