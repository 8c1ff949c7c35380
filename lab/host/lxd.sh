#!/bin/bash
# Starts the host's LXD, and initialises it at the first boot. Stands for lxd.service.
mkdir -p /var/log/lxd /run/lxc
# Numbers of processes begin anew with each boot, and LXD would signal whatever a file of the boot before names.
rm -f /var/lib/lxd/networks/*/*.pid
echo $((2000 + $(date +%s) * 37 % 29000)) > /proc/sys/kernel/ns_last_pid
setsid lxd --group lxd --logfile /var/log/lxd/lxd.log < /dev/null >> /var/log/lxd/console.log 2>&1 &
echo $! > /run/lab-lxd.pid
lxd waitready --timeout=60 || exit 1
# An empty one: the lab makes it a member of a cluster.
if [ -s /etc/lab-lxd.yaml ] && [ ! -e /var/lib/lab-lxd-initialised ]; then
  lxd init --preseed < /etc/lab-lxd.yaml && touch /var/lib/lab-lxd-initialised || exit 1
fi
touch /run/lab-lxd-ready
