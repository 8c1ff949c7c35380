// The guard: the program on every host that refuses commands from the past. Shipped as text, installed as /usr/lib/reeve/guard.
// It works with the agent down, needs only what every Debian and Ubuntu has (sh, flock, sync), and costs a few milliseconds.

export const GUARD_PATH = '/usr/lib/reeve/guard';
export const GUARD_DIR = '/var/lib/reeve/guard';

/** The guard refuses: an old epoch, or a boot that was not admitted. */
export const GUARD_REFUSED = 75;
/** An older command for the same workload (or for the host) still runs. */
export const GUARD_BUSY = 73;

/** The guard waits this long for older commands; callers must wait longer, or they would not hear the answer. */
export const GUARD_WAIT_S = 8;

/** For a lease that is about to hold: the agent arms the watchdog within two ticks, and a fresh agent has its lease within two heartbeats. 3 s. */
const LEASE_TRIES = 60;

/** Names of instances have 63 characters at most; a project's may stand in front. */
const LONGEST_INSTANCE = 200;

export const GUARD_SCRIPT = `#!/bin/sh
# Reeve's guard. Every command that changes something on this host goes through it:
#
#   guard run --leader N --host N [--workload UUID:EPOCH [--lease-hold|--lease-drop] [--instance lxd:NAME|incus:NAME]]
#             [--release] -- command args...
#   guard admit --leader N --host N --boot-id ID
#   guard revoke
#   guard state
#
# It refuses (exit ${GUARD_REFUSED}) what is older than it has seen, and everything until this very boot was admitted.
# A higher number is on disk before the command that brought it runs.
#
# Locks. Between the check and the end of a command nothing newer may overtake it: a start that was checked, then
# delayed, must not take effect after a newer command for the same workload was carried out. So the command itself
# holds the lock of its workload (it inherits the descriptor: killing this script releases nothing), and the host's
# lock shared; newer commands for that workload, and an admission, wait for its end, ${GUARD_WAIT_S} s at most, then answer
# "busy" (exit ${GUARD_BUSY}). Commands for other workloads are not held up. --release gives up the locks before the command
# starts: for long work that is harmless when late, such as filling a new disk.
#
# The lease. With --lease-hold the workload is noted to be under the host's lease: the agent ends it when the lease ends. The command
# runs only while the lease holds and a watchdog stands behind it, as the agent writes down. The note comes before the command: for it the agent arms
# the watchdog. The processes of a VM carry the uuid; a container is found by the name that --instance gives, and the note says it.
# While a command runs it holds the host's lock; the agent waits for that lock before it calls a host quiet.
umask 077
export LC_ALL=C
dir=${GUARD_DIR}
boot_file=/proc/sys/kernel/random/boot_id
[ -z "$REEVE_GUARD_DIR" ] || dir=$REEVE_GUARD_DIR
[ -z "$REEVE_GUARD_BOOT_FILE" ] || boot_file=$REEVE_GUARD_BOOT_FILE
wait_s=${GUARD_WAIT_S}
[ -z "$REEVE_GUARD_WAIT_S" ] || wait_s=$REEVE_GUARD_WAIT_S
lease_file=/run/reeve/lease uptime_file=/proc/uptime
[ -z "$REEVE_GUARD_LEASE_FILE" ] || lease_file=$REEVE_GUARD_LEASE_FILE
set -u

end() { code=$1; shift; echo "reeve-guard: $*" >&2; exit "$code"; }
refuse() { end ${GUARD_REFUSED} "refused: $*"; }
busy() { end ${GUARD_BUSY} "busy: $*"; }
usage() { end 64 "usage: guard run|admit|revoke|state; see the head of $0"; }

number() { # at most 15 digits, so that the shell's arithmetic holds
  case $1 in ''|*[!0-9]*|????????????????*) usage ;; esac
}

# Replaces a file so that after a power cut it is either the old or the new one, and after our return the new one.
save() {
  printf '%s\\n' "$2" > "$1.new" && sync "$1.new" && mv -f "$1.new" "$1" && sync "\${1%/*}" || end 74 "cannot write $1"
}

load() { # sets: boot (none: not admitted), host, leader
  boot=none host=-1 leader=0
  [ -e "$dir/state" ] || return 0
  boot= host= leader=
  read -r version boot host leader rest < "$dir/state" || :
  case $version:$host:$leader:$rest in
    1::*|1:*::*|1:*[!0-9]*:*:|1:*:*[!0-9]*:) refuse "the record in $dir/state is damaged; a person must look at it" ;;
    1:*:) ;;
    *) refuse "the record in $dir/state is damaged; a person must look at it" ;;
  esac
}

current_boot() {
  current=
  read -r current < "$boot_file" || :
  [ -n "$current" ] || refuse "the boot id cannot be read from $boot_file"
}

raise_leader() { # only for a moment, and only one at a time
  exec 7>> "$dir/leader.lock"
  flock -w "$wait_s" 7 || busy "another command records its leader epoch"
  load
  [ "$leader_arg" -ge "$leader" ] || refuse "leader epoch $leader_arg is over, $leader was seen"
  [ "$leader_arg" -eq "$leader" ] || save "$dir/state" "1 $boot $host $leader_arg"
  exec 7>&-
}

check_workload() { # sets nothing; records a higher epoch
  seen=0
  if [ -e "$dir/workloads/$uuid" ]; then
    seen=
    read -r seen < "$dir/workloads/$uuid" || :
    case $seen in ''|*[!0-9]*) refuse "the record in $dir/workloads/$uuid is damaged; a person must look at it" ;; esac
  fi
  [ "$epoch" -ge "$seen" ] || refuse "epoch $epoch of workload $uuid is over, $seen was seen"
  [ "$epoch" -eq "$seen" ] && [ -e "$dir/workloads/$uuid" ] || save "$dir/workloads/$uuid" "$epoch"
}

run() {
  [ -d "$dir/workloads" ] || refuse "this host was never admitted"
  if [ -n "$uuid" ]; then
    exec 8>> "$dir/workloads/$uuid.lock"
    flock -w "$wait_s" 8 || busy "an older command for workload $uuid still runs"
  fi
  exec 9>> "$dir/host.lock"
  flock -s -w "$wait_s" 9 || busy "this host is being admitted"
  load
  current_boot
  [ "$boot" = "$current" ] || refuse "this boot of the host is not admitted"
  [ "$host_arg" = "$host" ] || refuse "host epoch $host_arg is not the admitted one, $host"
  [ "$leader_arg" -ge "$leader" ] || refuse "leader epoch $leader_arg is over, $leader was seen"
  [ "$leader_arg" -eq "$leader" ] || raise_leader
  [ -z "$uuid" ] || check_workload
  case $lease in
    hold) hold_lease ;;
    drop) rm -f "$dir/leases/$uuid" ;;
  esac
}

hold_lease() {
  # Not before the lease holds: the agent ends what is noted and runs without one.
  wait_for lease_holds
  mkdir -p "$dir/leases" || end 74 "cannot write $dir/leases"
  if [ -n "$instance" ]; then save "$dir/leases/$uuid" "$instance"
  else : > "$dir/leases/$uuid.new" && mv -f "$dir/leases/$uuid.new" "$dir/leases/$uuid" || end 74 "cannot write $dir/leases"; fi
  wait_for lease_armed
}

wait_for() {
  tries=0
  until $1; do
    tries=$((tries + 1))
    [ "$tries" -lt ${LEASE_TRIES} ] || refuse "this host holds no lease: $why"
    sleep 0.05
  done
}

lease_holds() { # sets: why
  version= of= until= armed= up=
  read -r version of until armed < "$lease_file" 2>/dev/null || :
  read -r up rest < "$uptime_file" || :
  why="its agent has written none; is it running?"
  [ "$version" = 1 ] && [ "$of" = "$current" ] || return 1
  case $until:$up in *[!0-9]*:*|:*|*:*[!0-9.]*|*:) return 1 ;; esac
  why="no majority of voters acknowledges it"
  [ "$until" -gt "\${up%.*}\${up#*.}0" ]
}

lease_armed() {
  lease_holds || return 1
  why="its watchdog is not armed"
  [ "$armed" = 1 ]
}

admit() {
  mkdir -p "$dir/workloads" || end 74 "cannot write $dir"
  exec 9>> "$dir/host.lock"
  flock -w "$wait_s" 9 || busy "an older command still runs"
  current_boot
  [ "$boot_arg" = "$current" ] || refuse "asked to admit boot $boot_arg, this is boot $current"
  load
  [ "$leader_arg" -ge "$leader" ] || refuse "leader epoch $leader_arg is over, $leader was seen"
  [ "$host_arg" -ge "$host" ] || refuse "host epoch $host_arg is over, $host was seen"
  # With the same epoch, commands from before the reboot would pass again.
  [ "$boot" = "$current" ] || [ "$host_arg" -gt "$host" ] || refuse "a new boot needs a host epoch above $host"
  save "$dir/state" "1 $current $host_arg $leader_arg"
}

revoke() {
  [ -d "$dir" ] || return 0
  exec 9>> "$dir/host.lock"
  flock -w "$wait_s" 9 || busy "an older command still runs"
  load
  [ "$host" = -1 ] || save "$dir/state" "1 none $host $leader"
}

state() {
  load
  current_boot
  [ "$host" != -1 ] || host=0
  admitted=null
  [ "$boot" != "$current" ] || admitted="\\"$boot\\""
  printf '{"admittedBootId":%s,"bootId":"%s","hostEpoch":%s,"leaderEpoch":%s}\\n' "$admitted" "$current" "$host" "$leader"
}

action=
[ $# -eq 0 ] || { action=$1; shift; }
leader_arg= host_arg= boot_arg= workload= uuid= epoch= release= lease= instance=
while [ $# -gt 0 ]; do
  case $1 in
    --) shift; break ;;
    --release) release=1; shift; continue ;;
    --lease-hold) lease=hold; shift; continue ;;
    --lease-drop) lease=drop; shift; continue ;;
    --leader|--host|--boot-id|--workload|--instance) [ $# -ge 2 ] || usage ;;
    *) usage ;;
  esac
  case $1 in
    --leader) number "$2"; leader_arg=$2 ;;
    --host) number "$2"; host_arg=$2 ;;
    --boot-id) boot_arg=$2 ;;
    --instance)
      instance=$2
      case $instance in lxd:*|incus:*) ;; *) usage ;; esac
      case \${instance#*:} in ''|[!0-9A-Za-z]*|*[!0-9A-Za-z._-]*) usage ;; esac
      [ \${#instance} -le ${LONGEST_INSTANCE} ] || usage ;;
    --workload)
      uuid=\${2%:*} epoch=\${2##*:}
      number "$epoch"
      case $uuid in ''|*[!0-9a-f-]*) usage ;; esac ;;
  esac
  shift 2
done
case $boot_arg in *[!0-9A-Za-z-]*) usage ;; esac

case $action in
  state) state; exit 0 ;;
  revoke) revoke; exit 0 ;;
esac
[ -n "$leader_arg" ] && [ -n "$host_arg" ] || usage
case $action in
  admit) [ -n "$boot_arg" ] || usage; admit ;;
  run)
    [ $# -gt 0 ] || usage
    [ -z "$lease$instance" ] || [ -n "$uuid" ] || usage
    run
    [ -z "$release" ] || exec 8>&- 9>&-
    exec "$@" ;;
  *) usage ;;
esac
`;
