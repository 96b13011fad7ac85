package format_test

import (
	"bytes"
	"strings"
	"testing"

	"systape/format"
)

func TestTableWriterRefusesUnequalColumns(t *testing.T) {
	cols := []format.Column{{Name: "a", Type: format.Int64}, {Name: "b", Type: format.Int32}}
	w, err := format.NewTableWriter(new(bytes.Buffer), format.Parquet, cols, nil)
	if err != nil {
		t.Fatal(err)
	}
	*w.Int64(0) = append(*w.Int64(0), 1, 2)
	*w.Int32(1) = append(*w.Int32(1), 1)
	if err := w.Flush(); err == nil || !strings.Contains(err.Error(), "column b has 1 rows") {
		t.Errorf("got error %v, want one that names column b", err)
	}
	if err := w.Close(); err == nil {
		t.Error("close after a failed flush: got no error")
	}
}

func TestTableWriterRefusesDeltaOf32Bits(t *testing.T) {
	_, err := format.NewTableWriter(new(bytes.Buffer), format.Parquet, []format.Column{{Name: "a", Type: format.Int32, Delta: true}}, nil)
	if err == nil {
		t.Error("got no error: arrow v17 and we would write what other readers refuse")
	}
}
