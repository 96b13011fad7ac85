package main

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"systape/format"
)

// A capture becomes text, and the text the same capture: events, metadata,
// version.
func TestDumpAndImportAreInverse(t *testing.T) {
	for _, path := range []string{"v1/workload.parquet", "v1/torn.spool", "v2/story.parquet", "v2/story.spool", "v2/torn.spool"} {
		t.Run(path, func(t *testing.T) {
			path := filepath.Join("..", "..", "testdata", filepath.FromSlash(path))
			text := filepath.Join(t.TempDir(), "trace.txt")
			again := filepath.Join(t.TempDir(), "again.parquet")
			for _, args := range [][]string{{"dump", path, "-o", text}, {"import", "--from", "dump", text, "-o", again}} {
				if code, _, stderr := infoRun(t, args...); code != 0 {
					t.Fatalf("%v: exit code %d: %s", args, code, stderr)
				}
			}
			_, first, _ := infoRun(t, "dump", path)
			_, second, _ := infoRun(t, "dump", again)
			rows, meta := undump(t, first)
			gotRows, gotMeta := undump(t, second)
			if !slices.Equal(gotRows, rows) {
				t.Errorf("%d events, want the same %d", len(gotRows), len(rows))
			}
			meta.Part.Rows = int64(len(rows)) // which the start of a spool cannot know
			if !reflect.DeepEqual(gotMeta, meta) {
				t.Errorf("metadata\n got %+v\nwant %+v", gotMeta, meta)
			}
		})
	}
}

// undump returns what a dump says.
func undump(t *testing.T, text string) ([]format.Event, *format.Meta) {
	t.Helper()
	events, err := format.ParseText(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	d := format.NewDumpReader(strings.NewReader(text))
	d.Read(format.NewBatch(format.NewSymbolTable(), 0), len(events)+1)
	meta, err := d.Meta()
	if err != nil {
		t.Fatal(err)
	}
	return events, meta
}

func TestDumpOfParts(t *testing.T) {
	code, got, stderr := infoRun(t, "dump", filepath.Join("..", "..", "testdata", "v2", "story.parquet"))
	if code != 0 || stderr != "" || !strings.HasPrefix(got, "#: systape.format 2\n#: systape.capture \"") {
		t.Errorf("exit code %d, %s%.200s", code, stderr, got)
	}
	if events := format.MustParseText(got); len(events) != 416 {
		t.Errorf("%d events as a test case, want 416", len(events))
	}
	if code, _, _ := infoRun(t, "dump"); code != exitUsage {
		t.Errorf("no file: exit code %d", code)
	}
}
