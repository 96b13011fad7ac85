package replay

import (
	"slices"

	"systape/format"
)

// Timed reports whether the calls of a capture have durations. What was
// imported from a text without them says so ([format.Imported].Missing): the
// exits of such a capture stand where the importer put them, to keep the
// order, and the time from an enter to its exit is no measurement.
func Timed(m *format.Meta) bool {
	return m.Imported == nil || !slices.Contains(m.Imported.Missing, "exit ts_ns")
}
