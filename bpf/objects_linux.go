package bpf

import (
	"crypto/sha256"
	"encoding/hex"
)

// Objects returns the beginning of the SHA-256 of the objects that this
// program loads, with BTF and without: which of the committed objects it has.
func Objects() (withBTF, withoutBTF string) {
	sum := func(object []byte) string {
		s := sha256.Sum256(object)
		return hex.EncodeToString(s[:6])
	}
	return sum(_WithBTFBytes), sum(_WithoutBTFBytes)
}
