#!/bin/bash
# Builds the lab's Linux guest into CACHE: Debian's cloud kernel (unpacked, never installed) and a static init.
# usage: build.sh CACHE; leaves CACHE/vmlinux and CACHE/initrd.cpio
set -euo pipefail
CACHE=$1
SOURCE=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$CACHE/work"
# Labs that start side by side share the cache: one builds, the others wait and find it done.
exec 9>> "$CACHE/lock"
flock 9
# Without paths: checkouts with the same sources share what is built.
sum=$(cd "$SOURCE" && sha256sum init.c modules.txt build.sh | sha256sum | cut -c1-64)
[ -s "$CACHE/vmlinux" ] && [ -s "$CACHE/initrd.cpio" ] && [ "$(cat "$CACHE/guest.sum" 2>/dev/null)" = "$sum" ] && exit 0
cd "$CACHE/work"
package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image/ {print $2; exit}')
[ -n "$package" ] || package=$(apt-cache depends linux-image-virtual 2>/dev/null | awk '/Depends: linux-image/ {print $2; exit}')
[ -n "$package" ] || { echo "no package of a kernel for guests is known to apt; run: apt-get update" >&2; exit 1; }
if [ ! -s "$CACHE/vmlinux" ]; then
  echo "downloading the guests' kernel ($package)"
  ls ./*.deb > /dev/null 2>&1 || apt-get download -qq -o APT::Sandbox::User=root "$package"
  rm -rf kernel && mkdir kernel && dpkg-deb -x ./linux-image*.deb kernel
  # The uncompressed image boots about a second sooner; what packs it differs between distributions.
  /usr/bin/python3 - kernel/boot/vmlinuz-* packed <<'PY'
import sys
data = open(sys.argv[1], 'rb').read()
for magic, name in ((b'\x02\x21\x4c\x18', 'lz4'), (b'\x28\xb5\x2f\xfd', 'zst'), (b'\x1f\x8b\x08\x00', 'gz'), (b'\xfd7zXZ\x00', 'xz')):
    at = data.find(magic, 4096)
    if at > 0:
        open(sys.argv[2] + '.' + name, 'wb').write(data[at:])
        break
PY
  for packed in packed.*; do
    case $packed in
      *.lz4) lz4 -dc "$packed" > vmlinux 2>/dev/null || true ;;
      *.zst) zstd -dcq "$packed" > vmlinux 2>/dev/null || true ;;
      *.gz) gzip -dc "$packed" > vmlinux 2>/dev/null || true ;;
      *.xz) xz -dc "$packed" > vmlinux 2>/dev/null || true ;;
    esac
  done
  [ "$(head -c 4 vmlinux | tail -c 3)" = ELF ] || { echo "the kernel image could not be unpacked" >&2; exit 1; }
  mv vmlinux "$CACHE/vmlinux"
fi
echo "building the guests' init"
rm -rf tree && mkdir -p tree/mods tree/dev
gcc -O2 -Wall -static -pthread -o tree/init "$SOURCE/init.c"
modules=$(dirname "$(find kernel -name virtio_blk.ko'*' | head -1)")/../..
while read -r name; do
  file=$(find "$modules" -name "$(basename "$name").ko*" | head -1)
  [ -n "$file" ] || continue # built into this kernel
  base=$(basename "$name").ko
  case $file in *.zst) zstd -dcq "$file" > "tree/mods/$base" ;; *.xz) xz -dc "$file" > "tree/mods/$base" ;; *) cp "$file" "tree/mods/$base" ;; esac
  strip --strip-debug "tree/mods/$base"
  echo "$base" >> tree/mods/order
done < "$SOURCE/modules.txt"
mknod tree/dev/console c 5 1 2>/dev/null || true
(cd tree && find . | cpio -o -H newc --quiet) > initrd.cpio
mv initrd.cpio "$CACHE/initrd.cpio"
echo "$sum" > "$CACHE/guest.sum"
