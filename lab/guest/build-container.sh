#!/bin/bash
# Builds the image of the lab's containers into CACHE: the guests' static init, and Debian's static busybox (unpacked, never installed) to look around with.
# usage: build-container.sh CACHE; leaves CACHE/container.tar.gz
set -euo pipefail
CACHE=$1
SOURCE=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$CACHE/work"
# Labs that start side by side share the cache: one builds, the others wait and find it done.
exec 9>> "$CACHE/container.lock"
flock 9
sum=$(cd "$SOURCE" && sha256sum init.c build-container.sh | sha256sum | cut -c1-64)
[ -s "$CACHE/container.tar.gz" ] && [ "$(cat "$CACHE/container.sum" 2>/dev/null)" = "$sum" ] && exit 0
cd "$CACHE/work"
if ! [ -x busybox/bin/busybox ]; then
  echo "downloading busybox for containers"
  ls ./busybox-static*.deb > /dev/null 2>&1 || apt-get download -qq -o APT::Sandbox::User=root busybox-static
  rm -rf busybox && dpkg-deb -x ./busybox-static*.deb busybox
fi
echo "building the containers' image"
rm -rf image && mkdir -p image/rootfs/{bin,sbin,etc,dev,proc,sys,tmp,run,root,var/lab}
gcc -O2 -Wall -static -pthread -o image/rootfs/sbin/init "$SOURCE/init.c"
strip image/rootfs/sbin/init
cp -L busybox/bin/busybox image/rootfs/bin/busybox
for name in $(image/rootfs/bin/busybox --list); do [ "$name" = busybox ] || ln -s busybox "image/rootfs/bin/$name"; done
echo 'root:x:0:0:root:/root:/bin/sh' > image/rootfs/etc/passwd
echo 'root:x:0:' > image/rootfs/etc/group
cat > image/metadata.yaml <<'YAML'
architecture: x86_64
creation_date: 1700000000
properties: {description: guest of the lab, os: reeve-lab, release: "1", architecture: x86_64}
templates: {}
YAML
# The same bytes from the same sources: the image's fingerprint is the same on all hosts and machines.
tar -C image --numeric-owner --owner=0 --group=0 --mtime=@1700000000 --sort=name -cf - metadata.yaml rootfs | gzip -n1 > container.tar.gz
mv container.tar.gz "$CACHE/container.tar.gz"
echo "$sum" > "$CACHE/container.sum"
