#!/bin/sh
# Records the sample captures of the current format version anew, as root on
# Linux. Files of a version that has been released are frozen: a new version
# gets a folder of its own.
set -eu
systape=$1
here=$(dirname "$0")
out=$here/v1
mkdir -p "$out"
rm -f "$out"/workload.parquet "$out"/workload.spool "$out"/torn.spool
"$systape" record -q -o "$out/workload.parquet" -- sh "$here/workload.sh" >/dev/null
"$systape" record -q --spool -o "$out/workload" -- sh "$here/workload.sh" >/dev/null
# A recorder that was killed leaves a spool that ends in the middle.
size=$(wc -c <"$out/workload.spool")
head -c $((size * 2 / 3)) "$out/workload.spool" >"$out/torn.spool"
for f in workload.parquet workload.spool torn.spool; do
	"$systape" info --format json "$out/$f" >"$out/$f.json" 2>/dev/null || true
done
chmod 644 "$out"/*
ls -l "$out"
