package format_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

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
