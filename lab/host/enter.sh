#!/bin/bash
# Enters a lab host's control groups and its network, and begins it there: enter.sh STATE HOST NETNS SCRIPTS GROUP...
STATE=$1 HOST=$2 NETNS=$3 SCRIPTS=$4
shift 4
# Entered before the host begins: everything in it can be frozen at once, and with LXD they are the roots of its own control groups.
for group in "$@"; do echo $$ > "$group/cgroup.procs" || exit 1; done
own=()
[ -e "$STATE/hosts/$HOST/lxd" ] && own=(-C)
exec nsenter --net="$NETNS" unshare "${own[@]}" -m -u -i -p -f --kill-child=KILL "$SCRIPTS/boot.sh" "$STATE" "$HOST"
