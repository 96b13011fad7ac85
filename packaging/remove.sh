#!/bin/sh
# Before the program goes, but not before another version of it comes (deb: upgrade, rpm: 1).
case "$1" in
remove | 0) if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then systemctl disable --now systape.service || :; fi ;;
esac
