#!/usr/bin/env bash
# Tries what make dist made, as a user gets it: the checksums hold, the same
# sources make the same bytes again, deb and rpm install into folders of their
# own, and what they install works where it lies: the binary, the manual, the
# completions in a real bash, zsh and fish, the unit.
#
#   packaging/test.sh DIST VERSION     (make test-dist; Debian, root)
set -eu # no pipefail: what a command says is judged
dist=$(realpath "$1") version=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
says() { # WHAT PATTERN: standard input has it
	local text
	text=$(cat)
	if grep -qE -- "$2" <<<"$text"; then echo "ok    $1"; else
		printf 'FAIL  %s: wanted %s, got\n%s\n' "$1" "$2" "$text"
		failed=1
	fi
}
need() { command -v "$1" >/dev/null || { echo "FAIL  needs $1: apt-get install ${2-$1}"; exit 1; }; }
for tool in dpkg-deb rpm zsh fish man:man-db systemd-analyze:systemd; do need ${tool%:*} ${tool#*:}; done
[ -e /usr/share/bash-completion/bash_completion ] || { echo "FAIL  apt-get install bash-completion"; exit 1; }

(cd "$dist" && sha256sum -c --quiet SHA256SUMS)
echo "ok    checksums"
(umask 077 && make -s dist DIST="$work/again" VERSION="$version" >/dev/null 2>&1)
diff "$dist/SHA256SUMS" "$work/again/SHA256SUMS" | says 'made again, with another umask and in another folder, the same bytes' '^$'

case $(uname -m) in x86_64) arch=amd64 ;; *) arch=arm64 ;; esac
name=$dist/systape-$version-linux-$arch

works() { # ROOT ZSH-FOLDER: what is installed there works
	local root=$1 page
	"$root/usr/bin/systape" --version | says "the binary runs" "^systape $version$"
	for page in systape systape-record systape-baseline-train; do
		man -M "$root/usr/share/man" $page 2>/dev/null | says "man $page" 'EXAMPLE'
	done
	PATH="$root/usr/bin:$PATH" XDG_DATA_DIRS="$root/usr/share" bash --norc -c '
		. /usr/share/bash-completion/bash_completion
		complete_line() { # completes these words as a TAB behind them does
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMPREPLY=(); COMP_POINT=${#COMP_LINE}
			local run; run=$(complete -p systape); run=${run##*-F }; ${run%% *} systape "${@: -1}" "${@: -2:1}"
			echo "${COMPREPLY[@]%% *}"
		}
		_completion_loader systape || [ $? = 124 ]
		complete_line systape rec
		complete_line systape latency --min-d
		complete_line systape baseline t
	' 2>/dev/null | tr '\n' ' ' | says 'bash finds and completes' '^record.* recover .*--min-duration.* train'
	PATH="$root/usr/bin:$PATH" XDG_DATA_DIRS="$root/usr/share" HOME=$work fish -c 'complete -C "systape rec"; complete -C "systape latency --min-d"' |
		tr '\n\t' '  ' | says 'fish finds and completes' 'record .*recover .*--min-duration'
	# zsh completes for a terminal only: one of its own makes it, and a key shows the line.
	PATH="$root/usr/bin:$PATH" timeout 60 zsh -f -c "
		zmodload zsh/zpty
		zpty shell 'zsh -f -i'
		zpty -w shell 'fpath=($root/usr/share/zsh/$2 \$fpath); autoload -Uz compinit; compinit -u -d $work/zcompdump'
		zpty -w shell 'show() { zle -I; print \"GOT[\$BUFFER]\" }; zle -N show; bindkey ^X show; print LOADED \$_comps[systape]'
		zpty -r shell text '*LOADED _systape*'
		zpty -w -n shell \$'systape recor\t\x18'
		zpty -r shell text '*GOT*]*'
		print -r -- \"\$text\"
		zpty -d shell" | says 'zsh finds and completes' 'GOT.systape record '
	systemd-analyze verify --man=no "$root/usr/lib/systemd/system/systape.service" 2>&1 | { grep -v 'Command /usr/bin/systape is not executable' || :; } | says 'systemd accepts the unit' '^$'
	grep -q 'ExecStart=/usr/bin/systape ' "$root/usr/lib/systemd/system/systape.service"
	local link
	for link in SECURITY.md format/FORMAT.md docs/paths.md sql; do
		[ -e "$root/usr/share/doc/systape/$link" ] || { echo "FAIL  README's link $link leads nowhere"; failed=1; }
	done
}

echo "== deb"
root=$work/deb
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
: >"$root/var/lib/dpkg/status"
dpkg --root="$root" --force-script-chrootless -i "$name.deb" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
dpkg --root="$root" -s systape | says 'installed' '^Status: install ok installed'
works "$root" vendor-completions
dpkg --root="$root" --force-script-chrootless -P systape >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
find "$root"/usr -type f 2>/dev/null | says 'removed, with all it brought' '^$'

echo "== rpm"
root=$work/rpm
mkdir -p "$root"
rpm -qlp "$name.rpm" 2>/dev/null | says 'rpm -qlp' '^/usr/bin/systape$'
rpm -qip "$name.rpm" 2>/dev/null | says 'rpm -qip' '^License *: Apache-2.0'
rpm --root "$root" --nodeps --noscripts --ignorearch -i "$name.rpm" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
works "$root" site-functions
rpm --root "$root" -V --nodeps systape | { grep -v '^$' || :; } | says 'rpm -V: as it was packed' '^$'

echo "== archives"
for archive in "$dist"/*.tar.gz; do
	tar -tzf "$archive" | sed 's,^[^/]*/,,' | sort | tr '\n' ' ' | says "$(basename "$archive")" 'LICENSE .*README.md .*man/man1/systape-record.1 .*systape(.exe)? '
done
mkdir "$work/tar"
tar -C "$work/tar" -xzf "$name.tar.gz"
"$work"/tar/*/systape --version | says 'the binary of the archive runs' "^systape $version$"
exit $failed
