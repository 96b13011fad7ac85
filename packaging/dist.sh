#!/bin/sh
# What is given away, of the binaries, manual pages and completions that lie in
# DIST: for each platform an archive, for Linux a deb and an rpm, and their
# checksums. The same sources make the same bytes, whenever and wherever.
#
#   packaging/dist.sh DIST VERSION PLATFORM…     (make dist)
set -eu
umask 022
NFPM=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
dist=$1 version=$2
shift 2
changed=$(git -c safe.directory="$PWD" log -1 --format=%ct 2>/dev/null) || changed=0
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$changed}"
MTIME=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
# Packages are newer than others by their version: what came after v1.2 is 1.2+3.gHASH,
# what came before any is 0~DATE.HASH.
case $version in
v[0-9]* | [0-9]*.*) PACKAGE_VERSION=$(echo "${version#v}" | sed 's/-\([0-9]*\)-g/+\1.g/; s/-/./g') ;;
*) PACKAGE_VERSION="0~$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d).$(echo "$version" | sed 's/-/./g')" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -f "$dist"/*.tar.gz "$dist"/*.deb "$dist"/*.rpm "$dist/SHA256SUMS"
GOBIN=$work GOOS='' GOARCH='' go install "$NFPM"

for platform; do
	os=${platform%/*} ARCH=${platform#*/}
	name=systape-$version-$os-$ARCH
	TREE=$work/$name
	mkdir -p "$TREE/doc/format"
	suffix=
	[ "$os" != windows ] || suffix=.exe
	install -m 755 "$dist/systape-$os-$ARCH" "$TREE/systape$suffix"
	# The links in README.md hold in here too.
	cp LICENSE README.md SECURITY.md "$TREE/doc/"
	cp format/FORMAT.md "$TREE/doc/format/"
	cp -R docs sql "$TREE/doc/"
	cp -R "$dist/man" "$dist/completions" "$TREE/"
	[ "$os" != linux ] || cp packaging/systape.service "$TREE/"
	find "$TREE" -type d -exec chmod 755 {} +
	find "$TREE" -type f ! -path "$TREE/systape*" -exec chmod 644 {} +
	find "$TREE" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" | gzip -9n >"$dist/$name.tar.gz"
	if [ "$os" = linux ]; then
		gzip -9n "$TREE"/man/man1/*.1
		find "$TREE" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
		sed "s|\${TREE}|$TREE|; s|\${ARCH}|$ARCH|; s|\${PACKAGE_VERSION}|$PACKAGE_VERSION|; s|\${MTIME}|$MTIME|" packaging/nfpm.yaml >"$work/nfpm.yaml"
		for kind in deb rpm; do
			"$work/nfpm" package -f "$work/nfpm.yaml" -p $kind -t "$dist/$name.$kind" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
		done
	fi
done
cd "$dist"
sha256sum -- *.tar.gz *.deb *.rpm >SHA256SUMS
cat SHA256SUMS
