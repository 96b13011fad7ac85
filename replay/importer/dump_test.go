package importer_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"systape/format"
	"systape/replay/importer"
)

func TestDump(t *testing.T) {
	p := os.Getenv("DUMP")
	if p == "" {
		t.Skip()
	}
	f, err := os.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	res, err := importer.Import([]importer.Source{{Name: p, R: f}}, importer.Options{From: os.Getenv("FROM"), Bad: func(s string, l int64, text string, err error) {
		fmt.Printf("BAD %d %q %v\n", l, text, err)
	}}, func(b *format.Batch) error {
		for i := range b.N {
			out = format.AppendText(out, b.At(i))
			out = append(out, '\n')
		}
		return nil
	})
	fmt.Println(string(out))
	fmt.Printf("%+v %v\n", res, err)
	_ = strings.Fields
}
