package main

import (
	"errors"
	"io"
	"slices"

	"systape/format"
	"systape/format/signature"
)

// signaturesOf returns the signatures that stand beside the files of a capture.
// What hinders finding them is told by whatever reads the capture.
func signaturesOf(paths []string) (found []*signature.Signature, any bool) {
	if slices.Contains(paths, "-") {
		return nil, false
	}
	parts, err := format.Parts(paths, format.ReadOptions{})
	if err != nil {
		return nil, false
	}
	return signature.Found(parts)
}

// tellUnsigned says of what was made of a signed capture that it is not signed:
// only the recorder can say that this is what it saw.
func tellUnsigned(stderr io.Writer, inputs []string) {
	if _, any := signaturesOf(inputs); any {
		warner(stderr)(errors.New("what is written is not signed: the signatures are of the files as they were recorded"))
	}
}
