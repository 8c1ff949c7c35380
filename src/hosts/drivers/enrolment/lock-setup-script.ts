// Makes virtlockd a host's lock manager, as a shell script: its two files and one restart of libvirt, or nothing at all.
import { OperationalError } from '../../../shared/errors.js';
import type { LocksSetUp } from '../../host-survey.js';
import { quote } from '../ssh/shell-quote.js';

/** libvirtd takes its time when it asks QEMU for its capabilities. */
const ANSWERS_TRIES = 60;

/**
 * VMs that run keep the locks they have, so a host where some do is left as it is. Until it is done, what was there of these files stays
 * beside them (…before-reeve), also over a try that was killed; it is put back when libvirt does not answer afterwards.
 */
export function setUpLocksScript(lockspaceDir: string): string {
  return `export LC_ALL=C LIBVIRT_DEFAULT_URI=qemu:///system DEBIAN_FRONTEND=noninteractive
dir=${quote(lockspaceDir)}
conf=/etc/libvirt/qemu.conf lockd=/etc/libvirt/qemu-lockd.conf
list=$(timeout 15 virsh -q list --name 2>&1) || { echo "failed libvirt does not answer: $(echo "$list" | tail -n1)"; exit 0; }
running=$(echo "$list" | grep -c .)
[ "$running" = 0 ] || { echo "left $running of its VMs run, and would go on without these locks"; exit 0; }
if [ ! -x /usr/sbin/virtlockd ]; then
  said=$(apt-get install -y libvirt-daemon-lock libvirt-daemon-plugin-lockd 2>&1) || { echo "failed virtlockd can't be installed: $(echo "$said" | tail -n1)"; exit 0; }
fi
mkdir -p "$dir" || { echo "failed $dir can't be made"; exit 0; }
put() {
  touch "$1"
  [ -e "$1.before-reeve" ] || cp -p "$1" "$1.before-reeve" || return 1
  { sed "/^[[:space:]]*$2[[:space:]]*=/d" "$1.before-reeve"; echo "$2 = \\"$3\\""; } > "$1.new" && chmod --reference="$1" "$1.new" && mv "$1.new" "$1"
}
restart() { systemctl enable --now virtlockd.socket 2>&1 && systemctl restart libvirtd.service 2>&1; }
answers() {
  tries=0
  until timeout 15 virsh -q version > /dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt ${ANSWERS_TRIES} ] || return 1
    sleep 0.5
  done
}
put "$lockd" file_lockspace_dir "$dir" && put "$conf" lock_manager lockd || { echo "failed /etc/libvirt can't be written"; exit 0; }
if said=$(restart) && answers; then rm -f "$lockd.before-reeve" "$conf.before-reeve"; echo done; exit 0; fi
mv "$lockd.before-reeve" "$lockd"
mv "$conf.before-reeve" "$conf"
systemctl restart libvirtd.service > /dev/null 2>&1
if answers; then then=" (all is as it was)"; else then="; libvirt does not answer: systemctl status libvirtd"; fi
echo "failed $(echo "$said" | tail -n1)$then"`;
}

export function readSetUp(stdout: string): LocksSetUp {
  const [word = '', ...rest] = (stdout.trim().split('\n').at(-1) ?? '').split(' ');
  if (word === 'done') return { kind: 'done' };
  if (word === 'left' || word === 'failed') return { kind: word, why: rest.join(' ').trim() || 'it did not say why' };
  throw new OperationalError('failed', 'the set-up of disk locks ended before its end');
}
