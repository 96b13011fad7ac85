#!/bin/sh
# After the unit came, changed or went. It is not started: recording a machine is its owner's decision.
if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload || :; fi
