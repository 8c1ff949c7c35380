// A real trial of disk locks, as shell scripts: a QEMU that never runs has a disk open on one host, and another host opens it for writing.
import type { LockTrialPlace, TrialLock, TrialMeeting } from '../../host-survey.js';
import { quote } from '../ssh/shell-quote.js';

/** Long enough for all other hosts to try; then it ends by itself, whatever became of us. */
const HELD_S = 60;
/** QEMU has its disk open in a fraction of a second. */
const OPEN_TRIES = 100;
/** A file made on one host may show on another a little later. */
const SEEN_TRIES = 30;
const PID_FILE = '/run/reeve-lock-trial.pid';

const head = ({ path, hostId }: LockTrialPlace): string => `export LC_ALL=C LIBVIRT_DEFAULT_URI=qemu:///system
file=${quote(`${path}/.reeve-lock-trial-${hostId}`)}
is_locked() { case $(timeout 10 qemu-io -f raw -c quit "$file" 2>&1) in *' lock'*) return 0 ;; esac; return 1; }`;

/** With -S no processor ever runs: the machine is only there to have its disk open. */
export function holdTrialScript(place: LockTrialPlace): string {
  return `${head(place)}
command -v qemu-io > /dev/null || { echo "untried no qemu-io here (apt-get install qemu-utils)"; exit 0; }
qemu=$(timeout 15 virsh -q domcapabilities 2>/dev/null | sed -n 's/.*<path>\\(.*\\)<\\/path>.*/\\1/p' | head -n1)
[ -x "$qemu" ] || { echo "untried libvirt names no emulator"; exit 0; }
case $(uname -m) in x86_64) machine=q35 ;; *) machine=virt ;; esac
rm -f "$file"
truncate -s 1M "$file" || { echo "untried no file can be made in this pool"; exit 0; }
words=$(mktemp)
node=$(echo "$file" | sed 's/,/,,/g')
setsid timeout -k 1 ${HELD_S} "$qemu" -S -no-user-config -nodefaults -display none -machine "$machine" -accel kvm -accel tcg -m 64 -drive "if=none,id=trial,format=raw,file=$node" -device virtio-blk-pci,drive=trial < /dev/null > "$words" 2>&1 &
echo $! > ${PID_FILE}
tries=0
while [ "$tries" -lt ${OPEN_TRIES} ] && [ -d "/proc/$!" ]; do
  ! is_locked || { rm -f "$words"; echo held; exit 0; }
  tries=$((tries + 1))
  sleep 0.1
done
if [ -d "/proc/$!" ]; then echo "not-held a second writer was let through here"; else echo "untried $(tail -n1 "$words")"; fi
rm -f "$words"
:`;
}

export function meetTrialScript(place: LockTrialPlace): string {
  return `${head(place)}
command -v qemu-io > /dev/null || { echo "untried no qemu-io here (apt-get install qemu-utils)"; exit 0; }
tries=0
until [ -e "$file" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt ${SEEN_TRIES} ] || { echo "untried the file is not seen here"; exit 0; }
  sleep 0.1
done
said=$(timeout 10 qemu-io -f raw -c quit "$file" 2>&1)
code=$?
case $said in *' lock'*) echo refused; exit 0 ;; esac
if [ "$code" = 0 ]; then echo let-through; else echo "untried $(echo "$said" | tail -n1)"; fi`;
}

/** Only what is still ours is ended: a pid may be another's by now. */
export function dropTrialScript(place: LockTrialPlace): string {
  return `${head(place)}
pid=
[ ! -e ${PID_FILE} ] || read -r pid < ${PID_FILE} || :
case $pid in ''|*[!0-9]*) ;; *) ! grep -q reeve-lock-trial "/proc/$pid/cmdline" 2>/dev/null || kill "$pid" ;; esac
rm -f ${PID_FILE} "$file"
:`;
}

const firstLine = (stdout: string): readonly [string, string] => {
  const [word = '', ...rest] = (stdout.trim().split('\n')[0] ?? '').split(' ');
  return [word, rest.join(' ')];
};

export function readTrial(stdout: string): TrialLock {
  const [word, why] = firstLine(stdout);
  if (word === 'held') return { kind: 'held' };
  return word === 'not-held' ? { kind: 'not-held', why } : { kind: 'untried', why: why || 'no answer' };
}

export function readMeeting(stdout: string): TrialMeeting {
  const [word, why] = firstLine(stdout);
  return word === 'refused' || word === 'let-through' ? { kind: word } : { kind: 'untried', why: why || 'no answer' };
}
