package decode_test

import (
	"testing"

	"systape/format/abi"
	"systape/replay/render/decode"
)

// The table of which registers refer to files is made from the one that says
// how registers are read: whoever changes one must make the other again.
func TestReferencesAreTheKindsOfArguments(t *testing.T) {
	n := 0
	for _, a := range abi.All() {
		for nr := range int32(1000) {
			if a == abi.X32 {
				nr |= 0x40000000
			}
			if want := decode.Refs(a, nr); want != abi.RefsOf(a, nr) {
				name, _ := abi.Name(a, nr)
				t.Errorf("%v %s: the table has %+v, the kinds of arguments say %+v: go generate ./format/abi", a, name, abi.RefsOf(a, nr), want)
			} else if want != (abi.Refs{}) {
				n++
			}
		}
	}
	if n < 600 {
		t.Errorf("only %d calls refer to files", n)
	}
}
