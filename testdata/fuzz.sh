#!/bin/sh
# Runs every fuzz target for its share of $1 seconds.
set -eu
cd "$(dirname "$0")/.."
targets=$(grep -rhoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | wc -l)
each=$(($1 / targets))
[ "$each" -gt 0 ] || each=1
grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sort | while IFS=: read -r file target; do
	go test -run '^$' -fuzz "^${target#func }\$" -fuzztime "${each}s" -fuzzminimizetime 2s "$(dirname "$file")"
done
