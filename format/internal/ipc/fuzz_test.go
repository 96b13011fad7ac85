package ipc

import "testing"

func FuzzFlat(f *testing.F) {
	f.Add("empty", []byte(nil))
	f.Add("offset-to-itself", make([]byte, 64))
	f.Fuzz(func(t *testing.T, _ string, b []byte) {
		m := ParseMessage(b)
		m.Schema(19)
		m.buffers(m.header, 19, len(b), nil)
	})
}
