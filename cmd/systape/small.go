package main

import "systape/format"

// readSmall reads a file that people write: a key, rules, a profile. Docker's profile
// has 12 KB; what is read of a text takes more than a hundred times its size.
func readSmall(name string) ([]byte, error) {
	return format.ReadText(name, 1<<20, "more than 1 MiB: too much for a key, rules or a profile")
}
