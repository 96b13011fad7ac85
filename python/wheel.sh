#!/bin/sh
# Builds wheels of the Python package, each with the program for one platform:
#   python/wheel.sh PYTHON OUT [GOOS/GOARCH...]
# PYTHON must have hatchling. The same commit makes the same bytes.
set -eu
cd "$(dirname "$0")"
python=$1 out=$2
shift 2
[ $# -gt 0 ] || set -- linux/amd64 linux/arm64 darwin/arm64 windows/amd64
git() { command git -c safe.directory="$(dirname "$PWD")" "$@"; }
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 315532800)
SYSTAPE_WHEEL_VERSION=${SYSTAPE_WHEEL_VERSION:-0.1.dev$(git rev-list --count HEAD 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH SYSTAPE_WHEEL_VERSION CGO_ENABLED=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for platform; do
	case $platform in
	linux/amd64) tag=manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64 exe=systape ;;
	linux/arm64) tag=manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64 exe=systape ;;
	darwin/arm64) tag=macosx_11_0_arm64 exe=systape ;;
	windows/amd64) tag=win_amd64 exe=systape.exe ;;
	*) echo "no wheels are made for $platform" >&2; exit 1 ;;
	esac
	GOOS=${platform%/*} GOARCH=${platform#*/} go build -trimpath -ldflags "-s -w -X main.version=$SYSTAPE_WHEEL_VERSION" -o "$tmp/$exe" ../cmd/systape
	SYSTAPE_WHEEL_BINARY=$tmp/$exe SYSTAPE_WHEEL_TAG=$tag "$python" -m hatchling build -t wheel -d "$out"
	rm "$tmp/$exe"
done
