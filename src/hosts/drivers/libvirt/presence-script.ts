// Is there a libvirt on a host at all? A host for containers alone needs none.

/**
 * Shell: `libvirt_absent` is true where nothing of it is there: neither client nor daemon, no VM that was defined, none that runs. Anything of that left, as while its packages are
 * renewed or when they were removed under VMs, counts as a libvirt that does not answer: then nothing is concluded about what it runs.
 */
export const LIBVIRT_ABSENT = `libvirt_absent() {
  ! command -v virsh > /dev/null || return 1
  for one in /usr/sbin/libvirtd /usr/sbin/virtqemud /etc/libvirt/qemu/*.xml /run/libvirt/qemu/*.xml; do [ ! -e "$one" ] || return 1; done
  # One that is in a container has a number there too, and is none of this host's.
  for one in $(grep -laz '^guest=' /proc/[0-9]*/cmdline 2> /dev/null); do
    [ "$(awk '/^NSpid:/ { print NF }' "\${one%/cmdline}/status" 2> /dev/null)" != 2 ] || return 1
  done
}`;
