#!/bin/bash
# The power button of a lab host: power.sh STATE HOST on|off|reset|status. Used by the lab and by the host's BMC.
set -u
STATE=$1 HOST=$2 VERB=$3
DIR=$STATE/hosts/$HOST
. "$STATE/env"
. "$DIR/env"

alive() {
  local pid
  pid=$(cat "$DIR/init.pid" 2>/dev/null) && [ -n "$pid" ] && [ -d "/proc/$pid" ] && [ "$(awk '{print $3}' "/proc/$pid/stat" 2>/dev/null)" != Z ]
}

cgroup_dir() {
  if [ -d /sys/fs/cgroup/freezer ]; then echo "/sys/fs/cgroup/freezer/reeve-$LAB-$HOST"; else echo "/sys/fs/cgroup/reeve-$LAB-$HOST"; fi
}

thaw() {
  local group
  group=$(cgroup_dir)
  [ -e "$group/freezer.state" ] && echo THAWED > "$group/freezer.state"
  [ -e "$group/cgroup.freeze" ] && echo 0 > "$group/cgroup.freeze"
  return 0
}

on() {
  alive && return 0
  ip netns del "$LAB-$HOST" 2>/dev/null
  ip netns add "$LAB-$HOST"
  for link in 0 1; do
    ip -n "$LAB-fab" link add "h${INDEX}l$link" type veth peer name "eth$link" address "52:54:66:00:0$link:$(printf %02x "$INDEX")" netns "$LAB-$HOST"
    ip -n "$LAB-fab" link set "h${INDEX}l$link" master "br$link" up
  done
  mkdir -p "$DIR/root"
  rm -f "$DIR/init.pid"
  group=$(cgroup_dir)
  mkdir -p "$group"
  # The freezer's group is entered before the host begins, so that everything in it can be frozen at once.
  setsid bash -c 'echo $$ > "$0/cgroup.procs"; exec nsenter --net="$1" unshare -m -u -i -p -f --kill-child=KILL "$2" "$3" "$4"' \
    "$group" "/run/netns/$LAB-$HOST" "$SCRIPTS/boot.sh" "$STATE" "$HOST" >> "$DIR/console.log" 2>&1 < /dev/null 9>&- &
  for _ in $(seq 300); do [ -s "$DIR/init.pid" ] && return 0; sleep 0.01; done
  echo "$HOST did not begin to boot" >&2
  return 1
}

off() {
  # The wire goes first: no FIN or RST of dying sockets leaves the host, as when power is lost.
  # Down, not deleted: a deletion waits for packets that a frozen host still holds.
  for link in 0 1; do ip -n "$LAB-fab" link set "h${INDEX}l$link" down 2>/dev/null; done
  pid=$(cat "$DIR/init.pid" 2>/dev/null)
  if [ -n "$pid" ]; then
    kill -KILL "$pid" 2>/dev/null
    thaw # a frozen task dies only once it is thawed
    for _ in $(seq 1500); do alive || break; sleep 0.01; done
    # Still dying: it may hold its disks, so it is not off.
    alive && { echo "$HOST does not die" >&2; return 1; }
  fi
  for link in 0 1; do ip -n "$LAB-fab" link del "h${INDEX}l$link" 2>/dev/null; done
  ip netns del "$LAB-$HOST" 2>/dev/null
  rm -f "$DIR/init.pid"
  for _ in $(seq 100); do rmdir "$(cgroup_dir)" 2>/dev/null && break; [ -d "$(cgroup_dir)" ] || break; sleep 0.01; done
  return 0
}

freeze() {
  group=$(cgroup_dir)
  [ -e "$group/freezer.state" ] && echo FROZEN > "$group/freezer.state"
  [ -e "$group/cgroup.freeze" ] && echo 1 > "$group/cgroup.freeze"
  return 0
}

case $VERB in
  status) if alive; then echo on; else echo off; fi ;;
  on | off | reset | freeze | thaw)
    # -o: the lock must not be inherited by the host that is started here.
    exec 9>> "$DIR/power.lock"
    flock -w 20 9 || { echo "another power command hangs" >&2; exit 1; }
    case $VERB in reset) off; on ;; *) $VERB ;; esac ;;
  *) echo "usage: power.sh STATE HOST on|off|reset|status|freeze|thaw" >&2; exit 2 ;;
esac
