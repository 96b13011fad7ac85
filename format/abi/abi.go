// Package abi holds the numbers of Linux: which name a system-call number, an
// errno or a signal has under each ABI. The tables are generated from
// golang.org/x/sys, so they are the same on every OS: a capture taken on arm64
// Linux reads right on a macOS laptop.
package abi

// An ABI says by which table a system-call number is to be read. The recorder
// decides it for every event, because one process may mix them: a 64-bit
// program reaches the i386 table through int 0x80.
type ABI uint8

// The ABIs of the two architectures that systape records on.
const (
	X86_64 ABI = iota
	I386
	X32
	ARM64
	ARM
	numABIs
)

var abiNames = [numABIs]string{"x86_64", "i386", "x32", "arm64", "arm"}

// String returns the word that captures store, such as "x86_64".
func (a ABI) String() string {
	if int(a) < len(abiNames) {
		return abiNames[a]
	}
	return "unknown"
}

// All lists every ABI in the order of its value.
func All() []ABI { return []ABI{X86_64, I386, X32, ARM64, ARM} }

// Parse is the inverse of String; ok is false for any other word.
func Parse(s string) (a ABI, ok bool) {
	for i, n := range abiNames {
		if n == s {
			return ABI(i), true
		}
	}
	return 0, false
}
