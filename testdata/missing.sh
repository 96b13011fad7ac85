#!/bin/sh
# Says which tests this machine cannot run, and what they need: a test that is
# skipped must not look like one that passed. With SYSTAPE_KERNEL_TESTS=1 what
# the kernel tests need must be there.
missing=
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }

need cc gcc
[ -z "$missing" ] || echo 'not tested: data races (make race): no C compiler: apt-get install gcc libc6-dev'
command -v "${SYSTAPE_CHROMIUM:-chromium}" >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 ||
	echo 'not tested: the page of systape report in a browser: no Chromium: apt-get install chromium'
if ! command -v java >/dev/null 2>&1; then
	echo 'not tested: datasets on Spark: no Java: apt-get install openjdk-17-jre-headless'
	[ "${SYSTAPE_READERS:-}" != 1 ] || { echo 'error: SYSTAPE_READERS=1 demands it' >&2; exit 1; }
fi
need strace strace
need perf linux-perf
need setcap libcap2-bin
need runc runc
need crun crun
need busybox busybox-static
need setarch util-linux
need python3 python3
kernel='not tested: recording on the real kernel'
if [ "$(uname -s)" != Linux ]; then
	echo "$kernel: needs Linux"
elif [ "${SYSTAPE_KERNEL_TESTS:-}" != 1 ]; then
	echo "$kernel: as root, SYSTAPE_KERNEL_TESTS=1 make test${missing:+, after apt-get install$missing}"
elif [ "$(id -u)" != 0 ]; then
	echo "$kernel: needs root"
elif [ -n "$missing" ]; then
	echo "$kernel: apt-get install$missing"
else
	exit 0
fi
[ "${SYSTAPE_KERNEL_TESTS:-}" != 1 ] || { echo 'error: SYSTAPE_KERNEL_TESTS=1 demands it' >&2; exit 1; }
