package views

import (
	"cmp"
	"slices"
)

func choose(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// sortRows sorts by count, the largest first, and then by name.
func sortRows[T any](rows []T, key func(T) (int64, string)) {
	slices.SortFunc(rows, func(a, b T) int {
		n, x := key(a)
		m, y := key(b)
		return cmp.Or(cmp.Compare(m, n), cmp.Compare(x, y))
	})
}
