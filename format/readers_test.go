package format_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"systape/format"
	"systape/internal/readers"
)

// row is an event under the names of the table's columns.
type row struct {
	TS        int64  `json:"ts_ns"`
	Seq       int64  `json:"seq"`
	Kind      string `json:"kind"`
	CPU       int32  `json:"cpu"`
	PID       int32  `json:"pid"`
	TID       int32  `json:"tid"`
	ABI       string `json:"abi"`
	Nr        int32  `json:"nr"`
	Syscall   string `json:"syscall"`
	Ret       int64  `json:"ret"`
	Arg0      int64  `json:"arg0"`
	Arg1      int64  `json:"arg1"`
	Arg2      int64  `json:"arg2"`
	Arg3      int64  `json:"arg3"`
	Arg4      int64  `json:"arg4"`
	Arg5      int64  `json:"arg5"`
	Comm      string `json:"comm"`
	Container string `json:"container"`
	Detail    string `json:"detail"`
}

func TestOtherReadersAgree(t *testing.T) {
	py := readers.Python(t)
	ev := events(41, 6000)
	edge := []int64{1<<63 - 1, -1 << 63, 1 << 53, 1<<53 + 1, -1}
	for i := range ev[:100] {
		ev[i].Args[i%6], ev[i].Ret = edge[i%5], edge[(i+1)%5]
		ev[i].Comm = []string{"", "größe", "\\x00"}[i%3]
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for form, name := range map[string]string{"parquet": "capture.parquet", "spool": "capture.spool"} {
		if err := os.WriteFile(file(name), encode(t, form, ev, 1700), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(file("expected.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for _, e := range ev {
		a := e.Args
		if err := enc.Encode(row{e.TS, e.Seq, e.Kind.String(), e.CPU, e.PID, e.TID, e.ABI.String(), e.Nr, e.Syscall, e.Ret,
			a[0], a[1], a[2], a[3], a[4], a[5], e.Comm, e.Container, e.Detail}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	out := file("rewritten")
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	msg, err := exec.Command(py, "testdata/readers_test.py", file("capture.parquet"), file("capture.spool"), file("expected.jsonl"), out).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	files, err := filepath.Glob(filepath.Join(out, "*.parquet"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d rewritten captures, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			got, meta, err := read(t, []string{name}, format.ReadOptions{})
			if err != io.EOF {
				t.Errorf("ended with %v, want io.EOF", err)
			}
			same(t, got, ev)
			if meta == nil || meta.Host != testMeta().Host {
				t.Errorf("metadata %+v", meta)
			}
		})
	}
}
