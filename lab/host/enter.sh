#!/bin/bash
# Enters a lab host's control groups and its network, and begins it there: enter.sh STATE HOST NETNS SCRIPTS GROUP...
# Entered before the host begins: everything in it can be frozen at once, and with containers they are the roots of its own control groups.
STATE=$1 HOST=$2 NETNS=$3 SCRIPTS=$4
if [ -z "${ENTERED:-}" ]; then
  for group in "${@:5}"; do echo $$ > "$group/cgroup.procs" || exit 1; done
  { [ -e "$STATE/hosts/$HOST/lxd" ] || [ -e "$STATE/hosts/$HOST/incus" ]; } && ENTERED=1 exec unshare -C "$0" "$@"
elif [ ! -d /sys/fs/cgroup/freezer ]; then
  # With one hierarchy, a group that has processes cannot share out memory and processors: ours go into one below it, as systemd's do.
  mkdir -p "$5/init.scope"
  echo $$ > "$5/init.scope/cgroup.procs" || exit 1
  for controller in cpu cpuset io memory pids; do echo "+$controller" > "$5/cgroup.subtree_control"; done 2>/dev/null
fi
exec nsenter --net="$NETNS" unshare -m -u -i -p -f --kill-child=KILL "$SCRIPTS/boot.sh" "$STATE" "$HOST"
