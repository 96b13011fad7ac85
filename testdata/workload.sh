#!/bin/sh
# A bit of everything that a capture can show, in about a second: processes,
# a pipe, files found and not found, a multi-threaded program, a wait, a
# signal. It needs nothing but a POSIX shell and git or go where they are.
set -u
cd "$(dirname "$0")"
echo "files:"
find . -type f | sort | head -n 3
cat requirements.txt | grep -c ==
cat no-such-file 2>/dev/null
ls /root/no-such-folder 2>/dev/null
command -v git >/dev/null && git -C . rev-parse --is-inside-work-tree 2>/dev/null
command -v go >/dev/null && go version | cut -d' ' -f1-2
sleep 0.2
(sleep 10 & child=$!; sleep 0.05; kill -TERM $child; wait $child 2>/dev/null)
echo done
