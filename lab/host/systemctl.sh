#!/bin/sh
# Stands for systemd, which a lab host does not have: the two units that libvirt's lock manager takes.
start() {
  setsid "/usr/sbin/$1" < /dev/null >> "/var/log/$1.out" 2>&1 &
  tries=0
  until [ -S "/run/libvirt/$2" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || { echo "$1 does not come up" >&2; exit 1; }
    sleep 0.05
  done
}
case "$*" in
  'enable --now virtlockd.socket')
    pidof virtlockd > /dev/null || { rm -f /run/libvirt/virtlockd-sock; start virtlockd virtlockd-sock; }
    ;;
  'restart libvirtd.service')
    pkill -x libvirtd
    while pidof libvirtd > /dev/null; do sleep 0.05; done
    rm -f /run/libvirt/libvirt-sock
    start libvirtd libvirt-sock
    ;;
  *)
    echo "systemctl: the lab knows no \"$*\"" >&2
    exit 1
    ;;
esac
