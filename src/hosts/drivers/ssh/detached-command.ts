// A command that goes on at the host by itself: started once per id, polled, found again after a crash of ours.
import { OperationalError } from '../../../shared/errors.js';
import type { MigrationCommandState } from '../../hypervisor.js';
import { quote } from './shell-quote.js';

/** On a tmpfs: a reboot ends the command and takes the record with it. */
const OPERATIONS_DIR = '/run/reeve/ops';
/** So long a command that was just started may take until it has written its process id. */
const STARTING_S = 10;
/**
 * What has ended is kept for whoever still asks: a control plane that was away begins nothing meanwhile, and only a beginning removes. The oldest go first, so what it left is among the
 * newest. A folder takes some 20 kB; no operation lets an hour pass between the end of its command and its question about it, while somebody is there to ask.
 */
const KEPT = { forS: 86_400, most: 4096, atLeastMin: 60 };
/** Nobody waits long for what has gathered before there was a bound. */
const REMOVED_AT_ONCE = 500;
/** More of the output than anybody reads. */
const OUTPUT_BYTES = 4000;

export interface DetachedCommand {
  readonly id: string;
  /** Of systemd, where there is one: `PREFIX-ID`. */
  readonly unitPrefix: string;
  /** Ends with the exit code of what counts; it does not `exit`. */
  readonly script: string;
}

/**
 * Runs under the guard. The folder is made first and once: who finds it there has nothing to do. Descriptors 8 and 9
 * are the guard's locks; the detached command must not keep them, else nothing could be done about it while it runs. What can't say that it runs does not run.
 */
export function startDetachedScript({ id, unitPrefix, script }: DetachedCommand): string {
  const dir = detachedDir(id);
  const command = `exec > ${dir}/output 2>&1 < /dev/null
read -r self rest < /proc/self/stat
echo "$self" > ${dir}/pid || exit
${script}
echo $? > ${dir}/exit.new
mv ${dir}/exit.new ${dir}/exit`;
  return `export LC_ALL=C
mkdir -p ${OPERATIONS_DIR} || exit $?
[ ! -d ${dir} ] || exit 0
${REMOVE_ENDED}
mkdir ${dir} || { code=$?; [ ! -d ${dir} ] || exit 0; exit $code; }
if [ -d /run/systemd/system ]; then
  systemd-run --quiet --collect --unit=${unitPrefix}-${id} /bin/sh -c ${quote(command)} || { code=$?; rmdir ${dir}; exit $code; }
else
  setsid /bin/sh -c ${quote(command)} 8>&- 9>&- < /dev/null > /dev/null 2>&1 &
fi
tries=0
until [ -s ${dir}/pid ] || [ "$tries" -ge 40 ]; do tries=$((tries + 1)); sleep 0.05; done
exit 0`;
}

const REMOVE_ENDED = `find ${OPERATIONS_DIR} -mindepth 2 -maxdepth 2 -name exit -mmin +${KEPT.atLeastMin} -printf '%T@ %h\\n' 2>/dev/null | sort -rn | awk -v most=${KEPT.most} -v since=$(( $(date +%s) - ${KEPT.forS} )) 'NR > most || $1 < since { print $2 }' | tail -n ${REMOVED_AT_ONCE} | xargs -r rm -rf --`;

/**
 * Leaves its folder's name in `dir`, and goes on only where the command has not ended by itself: what comes after it takes away what the
 * command has left behind. `ENDED_SCRIPT` is the last of that: until then a second call goes on where the first was interrupted.
 */
export function endDetachedScript(id: string, unitPrefix: string, exitCode: number): string {
  const dir = detachedDir(id);
  return `dir=${dir}
[ -d "$dir" ] || exit 0
[ -e "$dir/ending" ] || [ ! -e "$dir/exit" ] || exit 0
: > "$dir/ending"
pid=
tries=0
until [ -s "$dir/pid" ] || [ "$tries" -ge 40 ]; do tries=$((tries + 1)); sleep 0.05; done
read -r pid 2>/dev/null < "$dir/pid" || :
if [ -d /run/systemd/system ]; then
  systemctl kill --signal=KILL ${unitPrefix}-${id} 2>/dev/null
elif [ -n "$pid" ]; then
  # It leads a session of its own, and whatever it has started is in it.
  for stat in /proc/[0-9]*/stat; do
    read -r line 2>/dev/null < "$stat" || continue
    rest=\${line##*) }
    set -- $rest
    [ "$4" = "$pid" ] && { one=\${stat#/proc/}; kill -KILL "\${one%/stat}" 2>/dev/null; }
  done
fi
tries=0
while [ -n "$pid" ] && [ -d "/proc/$pid" ] && [ "$tries" -lt 40 ]; do tries=$((tries + 1)); sleep 0.05; done
[ -e "$dir/exit" ] || { echo "it was ended" >> "$dir/output"; echo ${exitCode} > "$dir/exit.new"; mv "$dir/exit.new" "$dir/exit"; }`;
}

export const ENDED_SCRIPT = 'rm -f "$dir/ending"';

export function detachedStateScript(id: string): string {
  const dir = detachedDir(id);
  return `cd ${dir} 2>/dev/null || { echo none; exit 0; }
if [ -e exit ]; then read -r code < exit; echo "ended $code"; tail -c ${OUTPUT_BYTES} output; exit 0; fi
if read -r pid 2>/dev/null < pid; then
  if [ -d "/proc/$pid" ]; then echo running; exit 0; fi
  # It may have ended between the two looks.
  if [ -e exit ]; then read -r code < exit; echo "ended $code"; else echo "ended -1"; fi
  tail -c ${OUTPUT_BYTES} output; exit 0
fi
if [ $(( $(date +%s) - $(stat -c %Y .) )) -lt ${STARTING_S} ]; then echo running; else echo "ended 127"; echo "it was never started"; fi`;
}

/** `whenKilled`: what may be true when the command was ended and could not say how it ended. */
export function parseDetachedState(answer: string, whenKilled: string): MigrationCommandState {
  const [head = '', ...rest] = answer.split('\n');
  if (head === 'none') return { kind: 'none' };
  if (head === 'running') return { kind: 'running' };
  const code = /^ended (-?\d+)$/.exec(head)?.[1];
  if (code === undefined) throw new OperationalError('failed', `unreadable answer about a detached command: ${head}`);
  const output = rest.join('\n').trim();
  if (Number(code) !== -1) return { kind: 'ended', exitCode: Number(code), output };
  return { kind: 'ended', exitCode: -1, output: `${output}\n${whenKilled}`.trim() };
}

export function detachedDir(id: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,100}$/.test(id)) throw new RangeError(`"${id}" cannot name a unit`);
  return `${OPERATIONS_DIR}/${id}`;
}
