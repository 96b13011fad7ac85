package main

import "systape/format"

// readSmall reads a file that people write: a key, rules, a profile.
func readSmall(name string) ([]byte, error) {
	return format.ReadText(name, 16<<20, "more than 16 MiB: too much for a key, rules or a profile")
}
