// Package out is where results go: to files that appear whole or not at all,
// as records for machines, as tables for people, in one style. It knows
// nothing of what it writes.
package out
