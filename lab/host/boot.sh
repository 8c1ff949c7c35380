#!/bin/bash
# Process 1 of a lab host, still on the machine's root: builds the host's own root and pivots into it.
# usage: boot.sh STATE HOST
STATE=$1 HOST=$2
DIR=$STATE/hosts/$HOST ROOT=$STATE/hosts/$HOST/root
# /proc is still the machine's: this is our pid as the machine sees it. Written from inside, so that it is never a bystander's.
read -r OUTER_PID _ < /proc/self/stat
echo "$OUTER_PID" > "$DIR/init.pid.new" && mv "$DIR/init.pid.new" "$DIR/init.pid"
mount --make-rprivate /
mount -t overlay "lab-$HOST" -o "lowerdir=$(cat "$DIR/lower"),upperdir=$STATE/fs/$HOST/upper,workdir=$STATE/fs/$HOST/work" "$ROOT" || exit 1
mount -t proc proc "$ROOT/proc"
mount -t sysfs sysfs "$ROOT/sys"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
mkdir -p "$ROOT/dev/pts" "$ROOT/dev/shm" "$ROOT/dev/net" "$ROOT/srv/shared" "$ROOT/srv/local"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$ROOT/dev/pts"
mount -t tmpfs tmpfs "$ROOT/dev/shm"
ln -s pts/ptmx "$ROOT/dev/ptmx"
ln -s /proc/self/fd "$ROOT/dev/fd"
for device in null zero full random urandom tty net/tun userfaultfd; do
  [ -e "/dev/$device" ] && cp -a "/dev/$device" "$ROOT/dev/$device"
done
[ -e "$DIR/kvm" ] && cp -a /dev/kvm "$ROOT/dev/kvm"
# LUNs: every host sees them by the same name.
for lun in "$STATE"/luns/*.device; do
  [ -e "$lun" ] || continue
  cp -a "$(cat "$lun")" "$ROOT/dev/lun-$(basename "$lun" .device)"
done
mount --bind "$STATE/shared" "$ROOT/srv/shared"
for daemon in lxd incus; do
  [ -e "$DIR/$daemon" ] || continue
  # As a disk of its own: their directories cannot lie on an overlay.
  mkdir -p "$STATE/fs/$HOST/$daemon" "$ROOT/var/lib/$daemon"
  mount --bind "$STATE/fs/$HOST/$daemon" "$ROOT/var/lib/$daemon"
done
if [ -e "$DIR/lxd" ] || [ -e "$DIR/incus" ]; then
  # Its own control groups, as the roots of all hierarchies.
  if [ -d /sys/fs/cgroup/freezer ]; then
    mount -t tmpfs -o mode=755 tmpfs "$ROOT/sys/fs/cgroup"
    for hierarchy in /sys/fs/cgroup/*; do
      [ -e "$hierarchy/cgroup.procs" ] && [ ! -L "$hierarchy" ] || continue
      name=$(basename "$hierarchy")
      mkdir "$ROOT/sys/fs/cgroup/$name"
      case $name in
        unified) mount -t cgroup2 cgroup2 "$ROOT/sys/fs/cgroup/$name" ;;
        systemd) mount -t cgroup -o none,name=systemd cgroup "$ROOT/sys/fs/cgroup/$name" ;;
        *) mount -t cgroup -o "$name" cgroup "$ROOT/sys/fs/cgroup/$name" ;;
      esac
    done
  else
    mount -t cgroup2 cgroup2 "$ROOT/sys/fs/cgroup"
  fi
  # Where something in /proc is hidden, as below, the kernel lets no user namespace mount another: containers would not start.
  # One whole /proc that can be seen is enough for it.
  mkdir -p -m 700 "$ROOT/dev/.lxc/proc"
  mount -t proc proc "$ROOT/dev/.lxc/proc"
fi
# A boot id of its own, new at each boot; and no way from a lab host to the machine's sysrq.
cat /proc/sys/kernel/random/uuid > "$DIR/boot_id"
mount --bind "$DIR/boot_id" "$ROOT/proc/sys/kernel/random/boot_id"
[ -e "$ROOT/proc/sysrq-trigger" ] && mount --bind "$ROOT/dev/null" "$ROOT/proc/sysrq-trigger"
[ -p "$DIR/watchdog" ] && { : > "$ROOT/dev/watchdog"; mount --bind "$DIR/watchdog" "$ROOT/dev/watchdog"; }
hostname "$HOST"
cd "$ROOT" && mkdir -p run/machine && pivot_root . run/machine && umount -l /run/machine
exec /usr/sbin/lab-init
