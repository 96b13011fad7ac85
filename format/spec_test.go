package format_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"

	"systape/format"
)

// tableOf returns the rows of FORMAT.md's table whose first header cell is
// head.
func tableOf(t *testing.T, head string) [][]string {
	t.Helper()
	text, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	in, table := false, false // in the wanted table, in any
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			in, table = false, false
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		switch {
		case !table:
			in, table = cells[0] == head, true
		case in && !strings.HasPrefix(cells[0], "---"):
			rows = append(rows, cells)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("FORMAT.md has no table headed %q", head)
	}
	return rows
}

func TestSpecTableOfColumns(t *testing.T) {
	var got []format.Column
	for _, c := range format.Table() {
		got = append(got, format.Column{Name: c.Name, Type: c.Type})
	}
	rows := tableOf(t, "column")
	for i, r := range rows {
		if i >= len(got) || got[i].Name != r[0] || got[i].Type.String() != r[1] {
			t.Fatalf("row %d of FORMAT.md is %s %s; the table in the code differs: %v", i, r[0], r[1], got)
		}
	}
	if len(rows) != len(got) {
		t.Errorf("FORMAT.md has %d columns, the code %d", len(rows), len(got))
	}
}

func TestSpecTableOfKinds(t *testing.T) {
	rows := tableOf(t, "kind")
	if len(rows) != int(format.NumKinds) {
		t.Errorf("FORMAT.md has %d kinds, the code %d", len(rows), format.NumKinds)
	}
	for i, r := range rows {
		if format.Kind(i).String() != r[0] {
			t.Errorf("kind %d is %q in FORMAT.md, %v in the code", i, r[0], format.Kind(i))
		}
	}
}

func TestSpecTableOfMetadata(t *testing.T) {
	var got []string
	for _, r := range tableOf(t, "key") {
		got = append(got, strings.TrimPrefix(r[0], "systape."))
	}
	var want []string
	for f := range reflect.TypeFor[format.Meta]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		want = append(want, name)
	}
	want = append(want, "check")
	for _, list := range []*[]string{&got, &want} {
		seen := map[string]bool{}
		for _, k := range *list {
			seen[k] = true
		}
		*list = nil
		b, _ := json.Marshal(seen)
		*list = append(*list, string(b))
	}
	if got[0] != want[0] {
		t.Errorf("keys in FORMAT.md %s, in the code %s", got[0], want[0])
	}
}

func TestSpecTableOfRules(t *testing.T) {
	rows := tableOf(t, "rule")
	rep := verify(t, encode(t, "parquet", events(1, 10), 10))
	if len(rows) != len(rep.Rules) {
		t.Fatalf("FORMAT.md has %d rules, verify %d", len(rows), len(rep.Rules))
	}
	for i, r := range rows {
		if r[0] != rep.Rules[i].Rule {
			t.Errorf("rule %d is %s in FORMAT.md, %s in verify", i, r[0], rep.Rules[i].Rule)
		}
	}
}

// jsonFields lists every field of the JSON documents that t makes, with its
// type in the words of FORMAT.md.
func jsonFields(t reflect.Type, path string, optional bool, add func(string)) {
	mark := ""
	if optional {
		mark = " ?"
	}
	switch t.Kind() {
	case reflect.Pointer:
		jsonFields(t.Elem(), path, optional, add)
	case reflect.Struct:
		for f := range t.Fields() {
			name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
			jsonFields(f.Type, strings.TrimPrefix(path+"."+name, "."), opts == "omitempty" && path != "" || opts == "omitempty" && f.Type.Kind() != reflect.Pointer, add)
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			add(path + mark + " | list of objects")
			jsonFields(t.Elem(), path+"[]", false, add)
			return
		}
		add(path + mark + " | list of " + jsonType(t.Elem()) + "s")
	default:
		add(path + mark + " | " + jsonType(t))
	}
}

func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32:
		return "integer"
	}
	return "a type that FORMAT.md has no word for: " + t.String()
}

func TestSpecTableOfFields(t *testing.T) {
	var want, got []string
	jsonFields(reflect.TypeFor[format.Meta](), "", false, func(s string) { want = append(want, s) })
	for _, r := range tableOf(t, "field") {
		name := strings.ReplaceAll(r[0], "`", "")
		got = append(got, name+" | "+r[1])
		if len(r) != 3 || len(r[2]) < 5 {
			t.Errorf("%s: no meaning", name)
		}
		if strings.HasSuffix(strings.TrimSuffix(name, " ?"), "_ns") && !strings.HasPrefix(r[2], "ns") {
			t.Errorf("%s: its unit is not said: %q", name, r[2])
		}
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("field %d:\nFORMAT.md %q\nthe code  %q", i, got[i:min(i+1, len(got))], want[i:min(i+1, len(want))])
		}
	}
}

// The checksum of a footer as a stranger computes it: by FORMAT.md, from what
// another reader of Parquet says about the file.
func TestSpecOfTheFootersChecksum(t *testing.T) {
	data := encode(t, "parquet", events(5, groupRows+2000), 9000)
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b []byte
	i := func(v ...int64) {
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, uint64(x))
		}
	}
	m := r.MetaData()
	columns := m.Schema.NumColumns()
	i(m.NumRows, int64(columns)+1, int64(r.NumRowGroups()))
	root := m.Schema.Root()
	i(-1, int64(root.RepetitionType()), int64(columns), int64(len(root.Name())))
	b = append(b, root.Name()...)
	for c := range columns {
		leaf := m.Schema.Column(c)
		i(int64(leaf.PhysicalType()), int64(leaf.SchemaNode().RepetitionType()), 0, int64(len(leaf.Name())))
		b = append(b, leaf.Name()...)
	}
	for g := range r.NumRowGroups() {
		group := m.RowGroup(g)
		i(group.NumRows())
		for c := range columns {
			chunk, err := group.ColumnChunk(c)
			if err != nil {
				t.Fatal(err)
			}
			dict := int64(0)
			if chunk.HasDictionaryPage() {
				dict = chunk.DictionaryPageOffset()
			}
			i(chunk.NumValues(), dict, chunk.DataPageOffset(), chunk.TotalCompressedSize(), int64(chunk.Type()), int64(chunk.Compression()))
			if set, _ := chunk.StatsSet(); !set {
				i(0, 0, 0)
				continue
			}
			stats, err := chunk.Statistics()
			if err != nil {
				t.Fatal(err)
			}
			number := func(v []byte) int64 {
				if chunk.Type() == parquet.Types.Int32 {
					return int64(int32(binary.LittleEndian.Uint32(v)))
				}
				return int64(binary.LittleEndian.Uint64(v))
			}
			i(3, number(stats.EncodeMin()), number(stats.EncodeMax()))
		}
	}
	keys, values := m.KeyValueMetadata().Keys(), m.KeyValueMetadata().Values()
	got := ""
	for k, key := range keys {
		if key == "systape.check" {
			got = values[k]
			continue
		}
		i(int64(len(key)), int64(len(values[k])))
		b = append(append(b, key...), values[k]...)
	}
	if want := fmt.Sprintf("%q", fmt.Sprintf("%08x", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))); got != want {
		t.Errorf("systape.check is %s, FORMAT.md gives %s", got, want)
	}
}
