#!/bin/bash
# Process 1 of a lab host on its own root: network, sshd, libvirtd if it has one, its daemons for containers, and the agent once it is installed.
HOST=$(cat /etc/hostname)
cd /
for name in $(env | cut -d= -f1 | grep -vE '^(_|HOST)$'); do unset "$name"; done
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
rmdir /run/machine 2>/dev/null
. /etc/lab-network
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
ip link set lo up
# Guests' taps join br0 too: a guest keeps its address when it migrates.
ip link add br0 type bridge forward_delay 0 stp_state 0
ip link set br0 address "$(cat /sys/class/net/eth0/address)"
ip link set eth0 master br0 up
ip link set br0 up
ip addr add "$LINK0/24" dev br0
ip link set eth1 up
ip addr add "$LINK1/24" dev eth1
mkdir -p /run/sshd /run/lock /run/libvirt /var/lib/libvirt/qemu /var/log/libvirt
/usr/sbin/sshd -D -e < /dev/null >> /var/log/sshd.log 2>&1 &
udevadm trigger
if [ -x /usr/sbin/libvirtd ]; then
  # Before libvirtd, which asks for its lockspace as it starts, and ends when nobody answers. systemd opens the socket first.
  /usr/sbin/virtlockd < /dev/null >> /var/log/virtlockd.out 2>&1 &
  for _ in $(seq 1000); do [ -S /run/libvirt/virtlockd-sock ] && break; sleep 0.01; done
  /usr/sbin/libvirtd < /dev/null >> /var/log/libvirtd.out 2>&1 &
fi
for daemon in lxd incus; do [ -e /etc/lab-$daemon.yaml ] && /usr/sbin/lab-$daemon < /dev/null >> /var/log/lab-$daemon.log 2>&1 & done
# Stands for the agent's systemd unit.
[ -x /usr/lib/reeve/agent-start ] && /usr/lib/reeve/agent-start < /dev/null >> /var/log/reeve-agent.log 2>&1 &
echo "[$(date +%T.%N)] $HOST booted $(cat /proc/sys/kernel/random/boot_id)"
trap 'exit 0' TERM
while :; do sleep 86400 & wait $!; done
