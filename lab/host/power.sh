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

has_containers() { [ -e "$DIR/lxd" ] || [ -e "$DIR/incus" ]; }

# The group in which the host is frozen; with LXD or Incus, which sets limits in all of them, one in each hierarchy.
cgroup_dirs() {
  local hierarchy
  has_containers && [ -d /sys/fs/cgroup/freezer ] || { cgroup_dir; return; }
  for hierarchy in /sys/fs/cgroup/*; do [ -e "$hierarchy/cgroup.procs" ] && [ ! -L "$hierarchy" ] && echo "$hierarchy/reeve-$LAB-$HOST"; done
}

make_groups() {
  local group parent
  has_containers && [ ! -d /sys/fs/cgroup/freezer ] && for controller in cpu cpuset io memory pids; do echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control; done 2>/dev/null
  for group in $(cgroup_dirs); do
    mkdir -p "$group"
    # A group without processors and memory lets nothing in.
    parent=$(dirname "$group")
    [ -e "$group/cpuset.cpus" ] && [ -e "$parent/cpuset.mems" ] && { cat "$parent/cpuset.cpus" > "$group/cpuset.cpus"; cat "$parent/cpuset.mems" > "$group/cpuset.mems"; }
  done
  return 0
}

# From the leaves up: containers have groups of their own in the host's.
remove_groups() {
  local group
  for group in $(cgroup_dirs); do
    for _ in $(seq 100); do
      [ -d "$group" ] || break
      find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
      [ -d "$group" ] && sleep 0.01
    done
  done
}

# A paused container is frozen by itself, and stays so when its host is thawed.
thaw() {
  local group
  group=$(cgroup_dir)
  [ -e "$group/freezer.state" ] && echo THAWED > "$group/freezer.state"
  [ -e "$group/cgroup.freeze" ] && echo 0 > "$group/cgroup.freeze"
  return 0
}

# Also what the host itself had frozen.
thaw_all() {
  local file
  for file in $(find "$(cgroup_dir)" -name freezer.state 2>/dev/null); do echo THAWED > "$file"; done
  for file in $(find "$(cgroup_dir)" -name cgroup.freeze 2>/dev/null); do echo 0 > "$file"; done
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
  remove_groups
  make_groups
  # shellcheck disable=SC2046
  setsid "$SCRIPTS/enter.sh" "$STATE" "$HOST" "/run/netns/$LAB-$HOST" "$SCRIPTS" $(cgroup_dirs) >> "$DIR/console.log" 2>&1 < /dev/null 9>&- &
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
    thaw_all # a frozen task dies only once it is thawed
    for _ in $(seq 1500); do alive || break; sleep 0.01; done
    # Still dying: it may hold its disks, so it is not off.
    alive && { echo "$HOST does not die" >&2; return 1; }
  fi
  for link in 0 1; do ip -n "$LAB-fab" link del "h${INDEX}l$link" 2>/dev/null; done
  ip netns del "$LAB-$HOST" 2>/dev/null
  rm -f "$DIR/init.pid"
  remove_groups
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
