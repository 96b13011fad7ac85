package out_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"systape/cmd/systape/internal/out"
)

type failing struct{ after int }

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

func TestObject(t *testing.T) {
	write := func(o *out.Object) error {
		o.Key("name", "a\x1b[31m<b>")
		o.List("none", func(func(any)) {})
		o.List("some", func(add func(any)) { add(1); add([]string{"x"}) })
		o.Key("end", nil)
		return o.Close()
	}
	var b strings.Builder
	if err := write(out.NewObject(&b)); err != nil {
		t.Fatal(err)
	}
	if want := `{"name":"a\u001b[31m<b>","none":[],"some":[1,["x"]],"end":null}` + "\n"; b.String() != want || !json.Valid([]byte(b.String())) {
		t.Errorf("%s, want %s", b.String(), want)
	}
	for n := range b.Len() {
		if write(out.NewObject(&failing{n})) == nil {
			t.Errorf("a file that is full after %d bytes is no error", n)
		}
	}
}
