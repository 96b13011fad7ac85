package sequences

// SetMaxHeld makes idle streams move to the store from so many bytes on, and
// returns how to undo it.
func SetMaxHeld(n int64) (undo func()) {
	old := maxHeld
	maxHeld = n
	return func() { maxHeld = old }
}

// WordOf and NameOf are how baselines write names.
var WordOf, NameOf = wordOf, nameOf
