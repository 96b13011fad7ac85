#!/bin/sh
# The main job end to end: record a real workload, look at it, ask it
# questions. Where recording is not possible the sample capture serves.
set -eu
systape=$1
here=$(dirname "$0")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
capture=$tmp/workload.parquet

show() {
	printf '\n$ systape'; printf ' %s' "$@"; printf '\n'
	"$systape" "$@"
}

sudo=
[ "$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && sudo="sudo -n"; }
printf '$ systape record -o %s -- sh %s/workload.sh\n' "$capture" "$here"
if $sudo "$systape" record -o "$capture" -- sh "$here/workload.sh"; then :; else
	printf '\nNothing could be recorded here, for the reason above.\nThis goes on with the sample capture, %s/v1/workload.parquet.\n' "$here"
	capture=$here/v1/workload.parquet
fi
show info "$capture" | sed -n '1,/^$/p'
show verify "$capture"
show replay "$capture" | head -n 25
show latency --top 12 "$capture"
show sequences -n 3 --top 8 "$capture"
show pair "$capture" -o "$tmp/calls.parquet"
printf '\nTry also: %s record -a -d 5s -o all.parquet (as root), and %s help\n' "$systape" "$systape"
