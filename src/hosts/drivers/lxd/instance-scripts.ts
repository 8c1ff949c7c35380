// What is done to one instance on its host, as scripts that run under the guard. Each looks again before it acts and after.
import { quote } from '../ssh/shell-quote.js';
import { AT, notCopying, notReplica, sameInstance } from './client-script.js';
import type { Instance } from './instance.js';
import { EXIT } from './lxd-failure.js';
import { MARKS, REPLICA, SET_ASIDE, SPARE, WAS_UNSET } from './marks.js';
import { freeAddresses } from './own-addresses.js';

/** LXD's own default for a host that goes down. It bounds the daemon's waiting, not the guest: one that takes longer still ends by itself. */
const SHUTDOWN_S = 30;

/** Notes what a person had set, once: what Reeve has set itself is not noted. */
const REMEMBER_AUTOSTART = `was=$(setting "" boot.autostart) && noted=$(setting "" ${MARKS.autostart}) || exit $?
if [ "$was" != false ] || [ -z "$noted" ]; then noted=\${was:-${WAS_UNSET}}; fi`;

/**
 * The complete replica becomes the workload. `copied`: as it was when it was looked at; it must be so still. `spare`: a whole one, that is older than what the workload
 * writes from now on; it loses its mark, so that it never takes its place again, whatever the clocks say. A recovery does not wait for that.
 */
export function defineScript(uuid: string, copied: string, spare: string | null): string {
  return `${sameInstance(uuid)}
role=$(setting "" ${MARKS.role}) && now=$(setting "" ${MARKS.copied}) || exit $?
[ -n "$role" ] || exit 0
[ "$now" = ${quote(copied)} ] || end ${EXIT.incomplete} "the replica $name is being copied anew"
${notCopying}
${spare === null ? '' : `client config set ${quote(spare)} ${MARKS.copied}= --project "$project" 2>/dev/null\n`}set_settings "" ${MARKS.role}= ${MARKS.copied}= ${MARKS.since}= boot.autostart=false || exit $?
role=$(setting "" ${MARKS.role}) || exit $?
[ -z "$role" ] || end ${EXIT.notDone} "$name is a replica still"`;
}

/** True: it was started later than so many ms. One that never was has a time of long ago. */
const STARTED_AFTER = `started_after() {
  used=$(life_of "") && used=$(of_life "$used" last_used_at) && [ -n "$used" ] && used_ms=$(date -d "$used" +%s%3N) || end ${EXIT.notDone} "the daemon does not say when $name was started last"
  [ "$used_ms" -gt "$1" ]
}
`;

/**
 * The stopped workload becomes a replica, whose data are complete as of then. `spare`: one with its mark still, which a recovery did not wait for: it is
 * older, whatever the clocks say. `isOfCopy`: the workload is elsewhere by now, as that copy was; what a start since has written is here alone. The copy's time and
 * the start's are of this host's clock, both; only where a copy before seemed newer by another clock, this one counts as a moment later than that.
 */
export function undefineScript(uuid: string, { asOfMs, isOfCopy }: { readonly asOfMs: number; readonly isOfCopy: boolean }, spare: string | null): string {
  return `${sameInstance(uuid)}
${isOfCopy ? STARTED_AFTER : ''}started_since() { ${isOfCopy ? `started_after ${asOfMs}` : 'false'}; }
role=$(setting "" ${MARKS.role}) || exit $?
state=$(status_of "") || exit $?
[ "$state" = Stopped ] || end ${EXIT.notStopped} "$name is not stopped ($state): it stays the workload"
[ -z "$role" ] || exit 0
! started_since || end ${EXIT.notDone} "$name was started ($used) after the copy by which it was moved: what was written since is here alone, so it stays a workload"
${spare === null ? '' : `client config set ${quote(spare)} ${MARKS.copied}= --project "$project" || exit $?\n`}${REMEMBER_AUTOSTART}
set_settings "" ${MARKS.role}=${REPLICA} ${MARKS.copied}=${asOfMs} ${MARKS.autostart}="$noted" boot.autostart=false || exit $?
# A person may have started it in between: then it is shown, and told of, as what it is.
state=$(status_of "") || exit $?
[ "$state" = Stopped ] && ! started_since || { set_settings "" ${MARKS.role}= ${MARKS.copied}=; end ${EXIT.notStopped} "$name was started meanwhile"; }`;
}

/** What it wrote last may be nowhere else: it is neither started nor copied over from now on. `isReusable`: copied over all the same; until then it is no whole replica. */
export function setAsideScript(uuid: string, isReusable: boolean): string {
  return `${sameInstance(uuid)}
role=$(setting "" ${MARKS.role}) || exit $?
state=$(status_of "") || exit $?
[ "$state" = Stopped ] || end ${EXIT.notStopped} "$name is not stopped ($state): it stays the workload"
[ -z "$role" ] || exit 0
${notCopying}
${REMEMBER_AUTOSTART}
set_settings "" ${MARKS.role}=${isReusable ? REPLICA : SET_ASIDE} ${MARKS.copied}= ${MARKS.autostart}="$noted" boot.autostart=false || exit $?
state=$(status_of "") || exit $?
[ "$state" = Stopped ] || { set_settings "" ${MARKS.role}=; end ${EXIT.notStopped} "$name was started meanwhile"; }`;
}

/** `instances`: all that its host has. */
export function startScript(instances: readonly Instance[], uuid: string): string {
  return `${AT}
${sameInstance(uuid)}
${notReplica}
state=$(status_of "") || exit $?
[ "$state" != Running ] || exit 0
${notCopying}
${freeAddresses(instances, uuid)}client start "$name" --project "$project"
code=$?
state=$(status_of "") || exit $?
[ "$state" != Running ] || exit 0
[ "$code" = 0 ] || exit "$code"
end ${EXIT.notDone} "$name is $state after its start; the log: $(client info --show-log "$name" --project "$project" 2>/dev/null | tail -n 3 | tr '\\n' ' ')"`;
}

/** Returns at once: nobody waits for the operation. */
export function shutdownScript(uuid: string): string {
  return `${sameInstance(uuid)}
state=$(status_of "") || exit $?
[ "$state" != Stopped ] || exit 0
our_stop
client query -X PUT "\${path%%\\?*}/state?\${path#*\\?}" -d '{"action":"stop","timeout":${SHUTDOWN_S},"force":false}' > /dev/null`;
}

export function killScript(uuid: string): string {
  return `${sameInstance(uuid)}
state=$(status_of "") || exit $?
[ "$state" != Stopped ] || exit 0
our_stop
client query --wait -X PUT "\${path%%\\?*}/state?\${path#*\\?}" -d '{"action":"stop","force":true}' > /dev/null
code=$?
# An ephemeral one is gone with its end.
state=$(status_of "" 2>/dev/null) || { client query "$path" > /dev/null; exit $?; }
[ "$state" != Stopped ] || exit 0
[ "$code" = 0 ] || exit "$code"
end ${EXIT.notDone} "$name is $state though it was ended by force"`;
}

export function resumeScript(uuid: string): string {
  return `${sameInstance(uuid)}
state=$(status_of "") || exit $?
[ "$state" != Running ] || exit 0
[ "$state" = Frozen ] || end ${EXIT.notDone} "$name is $state, not frozen"
client query --wait -X PUT "\${path%%\\?*}/state?\${path#*\\?}" -d '{"action":"unfreeze"}' > /dev/null || exit $?
state=$(status_of "") || exit $?
[ "$state" = Running ] || end ${EXIT.notDone} "$name is $state after it was resumed"`;
}

/** On: what the person had set is given back; who had set nothing lets the daemon start what ran. */
export function autostartScript(uuid: string, on: boolean): string {
  if (!on) return `${sameInstance(uuid)}\n${REMEMBER_AUTOSTART}\nset_settings "" ${MARKS.autostart}="$noted" boot.autostart=false`;
  return `${sameInstance(uuid)}
was=$(setting "" boot.autostart) && noted=$(setting "" ${MARKS.autostart}) || exit $?
if [ -n "$noted" ]; then
  [ "$noted" != ${WAS_UNSET} ] || noted=
  set_settings "" boot.autostart="$noted" ${MARKS.autostart}=
elif [ "$was" = false ]; then
  set_settings "" boot.autostart=true
fi`;
}

/** The note and the setting change in one call: cut off anywhere, either both are as they were or both are as they should be. */
export function giveBackAutostartScript(uuid: string): string {
  return `${sameInstance(uuid)}
role=$(setting "" ${MARKS.role}) && noted=$(setting "" ${MARKS.autostart}) || exit $?
[ -z "$role" ] && [ -n "$noted" ] || exit 0
[ "$noted" != ${WAS_UNSET} ] || noted=
set_settings "" boot.autostart="$noted" ${MARKS.autostart}=`;
}

/** Without --force: the daemon itself refuses one that runs. */
export function deleteReplicaScript(uuid: string): string {
  return `${sameInstance(uuid)}
role=$(setting "" ${MARKS.role}) || exit $?
case $role in ${REPLICA}|${SPARE}|${SET_ASIDE}) ;; *) false ;; esac || end ${EXIT.notReplica} "$name is no replica: its data stay"
state=$(status_of "") || exit $?
[ "$state" = Stopped ] || end ${EXIT.notStopped} "the replica $name runs ($state): its data stay"
${notCopying}
client delete "$name" --project "$project"`;
}
