// Package redact makes of a capture one that may be given away: what names a
// person, a machine or a file becomes a pseudonym under a key, addresses are
// blurred, times are shifted. Who has the same key gets the same pseudonyms in
// every capture; who has none cannot undo them. Everything that statistics are
// made of stays: calls, durations, order, errors, threads.
package redact

import "strings"

// Options say what else is left out.
type Options struct {
	Drop []string // classes of [Droppable]
	Tool string   // program and version, for the metadata
}

// Droppable are the classes of arguments and results that can be left out.
// Their values become "not known".
var Droppable = []string{"descriptors", "identities", "sizes", "constants", "numbers", "results"}

// IsDroppable reports whether s is one of [Droppable].
func IsDroppable(s string) bool {
	return strings.Contains(" "+strings.Join(Droppable, " ")+" ", " "+s+" ")
}
