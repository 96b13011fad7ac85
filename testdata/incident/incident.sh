#!/bin/sh
# Records incident.parquet anew (root, Linux, loop devices, ext4): a store that
# answers each request after an fsync, two clients, and a backup that freezes
# the file system below the store's for 700 ms.
#
#   sh notebooks/incident.sh ./systape
set -eu
systape=$(realpath "$1")
cd "$(dirname "$0")"
dir=$(mktemp -d)
end() {
	umount "$dir/disk" 2>/dev/null || :
	umount "$dir/pool" 2>/dev/null || :
	rm -rf "$dir"
}
trap end EXIT

# The store's disk is an image in a pool, as that of a virtual machine is.
mkdir "$dir/pool" "$dir/disk"
truncate -s 64M "$dir/pool.img"
mkfs.ext4 -q "$dir/pool.img"
mount -o loop "$dir/pool.img" "$dir/pool"
truncate -s 16M "$dir/pool/disk.img"
mkfs.ext4 -q "$dir/pool/disk.img"
mount -o loop "$dir/pool/disk.img" "$dir/disk"
# A thread is named after its program: each part has a name of its own.
for name in store web backup; do ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$dir/$name"; done
PYTHONHOME=$(python3 -c 'import sys; print(sys.base_prefix)')
export PYTHONHOME
"$systape" record --force -o incident.parquet -- sh -c '
	"$1/store" -I -S incident.py store "$1" &
	"$1/web" -I -S incident.py web "$1" &
	"$1/web" -I -S incident.py web "$1" &
	"$1/backup" -I -S incident.py backup "$1"
	wait' sh "$dir"
