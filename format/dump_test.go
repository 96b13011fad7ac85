package format_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"systape/format"
)

// dump returns the text of a capture.
func dump(t *testing.T, path string) (string, *format.Meta, error) {
	t.Helper()
	r, err := format.Open([]string{path}, format.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out strings.Builder
	err = format.WriteDump(&out, r)
	return out.String(), r.Meta(), err
}

// Text and back: the same events, the same metadata, of every frozen capture.
func TestDumpLosesNothing(t *testing.T) {
	paths, err := filepath.Glob("../testdata/v*/*.json")
	if err != nil || len(paths) < 6 {
		t.Fatal(paths, err)
	}
	for _, p := range paths {
		path := strings.TrimSuffix(p, ".json")
		text, meta, err := dump(t, path)
		if err != nil && !errors.Is(err, format.ErrIncomplete) {
			t.Fatal(err)
		}
		want, _, _ := read(t, []string{path}, format.ReadOptions{})
		d := format.NewDumpReader(strings.NewReader(text))
		var got []format.Event
		b := format.NewBatch(format.NewSymbolTable(), 1000)
		for {
			b.Reset()
			err := d.Read(b, 1000)
			for i := range b.N {
				got = append(got, b.At(i))
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		same(t, got, want)
		back, err := d.Meta()
		if err != nil || !reflect.DeepEqual(back, meta) {
			t.Errorf("%s: metadata\n got %+v, %v\nwant %+v", path, back, err, meta)
		}
		plain, err := format.ParseText(strings.NewReader(text)) // metadata is comments to it
		if err != nil {
			t.Fatal(err)
		}
		same(t, plain, want)
	}
}

func TestDumpErrorsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"#: systape.format 1\n1 mark what=1":          `line 2: version 1 has no kind "mark"`,
		"#: systape.format 99\n":                      "line 1: ",
		"# a comment\n#: nonsense\n":                  "line 2: want a key",
		"1 rename 5\n1 rename 5 comm=\"":              "line 2: comm",
		"#: systape.format 2\n#: systape.host {\n1 x": "line 3: unknown kind",
	} {
		d := format.NewDumpReader(bytes.NewReader([]byte(text)))
		err := d.Read(format.NewBatch(format.NewSymbolTable(), 1), 100)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
