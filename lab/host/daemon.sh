#!/bin/bash
# Starts the host's daemon for containers, LXD or Incus as this script is called (lab-lxd, lab-incus), and initialises it at the first boot. Stands for its service.
daemon=${0##*/lab-}
# The clients keep their files in it.
export HOME=/root
mkdir -p "/var/log/$daemon" /run/lxc
# Numbers of processes begin anew with each boot, and the daemon would signal whatever a file of the boot before names.
rm -f "/var/lib/$daemon"/networks/*/*.pid
echo $((2000 + $(date +%s) * 37 % 29000)) > /proc/sys/kernel/ns_last_pid
log=/var/log/$daemon
case $daemon in
  lxd)
    setsid lxd --group lxd --logfile "$log/lxd.log" < /dev/null >> "$log/console.log" 2>&1 &
    admin=lxd
    ;;
  incus)
    setsid /usr/libexec/incus/incusd --group incus-admin --logfile "$log/incus.log" < /dev/null >> "$log/console.log" 2>&1 &
    admin='incus admin'
    ;;
esac
echo $! > "/run/lab-$daemon.pid"
$admin waitready --timeout=60 || exit 1
# An empty one: the lab makes it a member of a cluster.
if [ -s "/etc/lab-$daemon.yaml" ] && [ ! -e "/var/lib/lab-$daemon-initialised" ]; then
  $admin init --preseed < "/etc/lab-$daemon.yaml" && touch "/var/lib/lab-$daemon-initialised" || exit 1
fi
touch "/run/lab-$daemon-ready"
