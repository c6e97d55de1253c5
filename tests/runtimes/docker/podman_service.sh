#!/bin/sh
# podman_service.sh DIRECTORY: Podman's service on DIRECTORY/socket, with the image "localhost/box" of Debian's busybox-static. Its own
# storage and settings, no registry. Writes "ready" to its output, and runs until it is ended.
set -eu
directory=$1
cat >"$directory/containers.conf" <<END
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
cgroups = "enabled"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
END
export CONTAINERS_CONF="$directory/containers.conf"
podman() {
  command podman --root "$directory/storage" --runroot "$directory/run" --storage-driver vfs "$@"
}
mkdir -p "$directory/box/bin" "$directory/box/tmp" "$directory/box/etc"
cp /bin/busybox "$directory/box/bin/busybox"
chroot "$directory/box" /bin/busybox --install -s /bin
echo "root:x:0:0::/:/bin/sh" >"$directory/box/etc/passwd"
tar -C "$directory/box" -c . | podman import --quiet - localhost/box:latest >"$directory/import.log" 2>&1
echo ready
exec podman --root "$directory/storage" --runroot "$directory/run" --storage-driver vfs system service --time=0 "unix://$directory/socket"
