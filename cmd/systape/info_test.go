package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systape/format"
)

// infoCapture writes a small capture, as a spool or sealed, and returns its path.
func infoCapture(t *testing.T, spool bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.parquet")
	f, err := os.Create(path + format.SpoolSuffix)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := &format.Meta{Version: 1, CaptureID: strings.Repeat("0f", 16), Tool: "systape test", Part: format.Part{Number: 1, Rows: -1},
		Host:    format.Host{Name: "web1", Kernel: "6.18.0", Arch: "x86_64", CPUs: 2, Distribution: "Debian 12"},
		Request: format.Request{Command: []string{"ls", "-l"}, Follow: true, Sample: 1, BufferSize: 8 << 20, Hook: "tp_btf"},
		Probes:  []format.Probe{{Name: "sys_exit", AttachNS: 1_790_000_000_000_000_000, DetachNS: 1_790_000_003_000_000_000}}}
	w, err := format.NewSpoolWriter(f, m)
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), 8)
	const t0 = 1_790_000_001_000_000_000
	for i, e := range []format.Event{
		{PID: 7, TID: 7, Nr: -1, Kind: format.Exec, Args: [6]int64{7}, Comm: "ls", Detail: "/bin/ls"},
		{PID: 7, TID: 7, Nr: 3, Kind: format.Enter, Syscall: "close", Args: [6]int64{3}, Comm: "ls"},
		{PID: 7, TID: 7, Nr: 3, Kind: format.Exit, Syscall: "close", Comm: "ls"},
		{Nr: -1, Kind: format.Lost, Args: [6]int64{3, t0 + 3, t0 + 9, 2, 1}},
	} {
		e.Seq, e.TS = int64(i), t0+int64(i)*500_000_000
		b.Append(e)
	}
	b.Args[format.LostFirst][3], b.Args[format.LostLast][3] = b.TS[3], b.TS[3]+5
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	m.Complete, m.Part.Last = true, true
	m.Counts = &format.Counts{PerCPU: []format.CPUCounts{{Enters: 3, Exits: 2, Lifecycle: 1, LostEnters: 2, LostExits: 1}}}
	m.Cost = &format.Cost{CPUSeconds: 0.25, PeakRSSBytes: 41 << 20}
	if err := w.Close(m); err != nil {
		t.Fatal(err)
	}
	if spool {
		return path + format.SpoolSuffix
	}
	if _, err := format.Seal(path+format.SpoolSuffix, path, format.SealOptions{}); err != nil {
		t.Fatal(err)
	}
	return path
}

// infoRun runs a command line and returns what it printed, without dir.
func infoRun(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestInfoForPeople(t *testing.T) {
	path := infoCapture(t, false)
	code, got, stderr := infoRun(t, "info", path)
	if code != 0 || stderr != "" {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	for _, want := range []string{
		"capture    0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f, complete\n",
		"events     3 in 1.50 s, ",
		"time       2026-09-21T14:13:21.000000000Z to 2026-09-21T14:13:22.500000000Z\n",
		"host       web1, Linux 6.18.0, x86_64, 2 CPUs, Debian 12\n",
		"request    ls -l; with children; by tp_btf, 8 MiB a CPU\n",
		"kinds      1 enter, 1 exit, 1 lost, 1 exec\n",
		"lost       3 events (2 enters, 1 exit)\n",
		"cost       0.25 s of CPU, 41 MiB of memory at most\n",
		"probe      sys_exit, 2026-09-21T14:13:20.000000000Z to 2026-09-21T14:13:23.000000000Z\n",
		"\ncolumn     type   bytes  bytes/event  share\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, line := range strings.Split(got, "\n") {
		if strings.TrimRight(line, " ") != line {
			t.Errorf("blanks at the end of %q", line)
		}
	}
}

// TestInfoOfADamagedPage: whatever column is damaged, info says so, and does
// not call the capture complete.
func TestInfoOfADamagedPage(t *testing.T) {
	path := infoCapture(t, false)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for at := len(whole) / 8; at < len(whole)/2; at += len(whole) / 40 {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0x5a
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		code, got, stderr := infoRun(t, "info", path)
		if code == 0 && (!strings.Contains(got, ", complete") || !strings.Contains(got, "\ncalls ")) {
			t.Errorf("byte %d damaged: exit code 0, and\n%s", at, got)
		}
		if code == 3 && (got != "" && !strings.Contains(got, ", damaged\n") || stderr == "") {
			t.Errorf("byte %d damaged: exit code 3, and\n%s%s", at, got, stderr)
		}
		if code == 3 {
			told++
		}
	}
	if told < 5 {
		t.Errorf("only %d damages were told", told)
	}
}

// TestInfoEscapes: nothing that a capture says begins a line of its own or
// reaches the terminal as a command.
func TestInfoEscapes(t *testing.T) {
	const evil = "x\x1b]0;owned\x07\nlost       nothing\u009b31m\u202e"
	m := &format.Meta{Version: format.Version, CaptureID: strings.Repeat("0f", 16), Tool: evil, Part: format.Part{Number: 1, Rows: -1, Last: true}, Complete: true,
		Host:    format.Host{Name: evil, Kernel: evil, Arch: evil, Distribution: evil},
		Request: format.Request{Command: []string{"ls", evil, "a b"}, Syscalls: evil, Comms: []string{evil}, Cgroups: []string{evil}, Containers: []string{evil}, Hook: evil},
		Probes:  []format.Probe{{Name: evil}}, Imported: &format.Imported{From: evil, Missing: []string{evil}}}
	path := filepath.Join(t.TempDir(), "trace.spool")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := format.NewSpoolWriter(f, m)
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), 1)
	b.Append(format.Event{TS: 1, Kind: format.Exit, Nr: 3, Syscall: "close", PID: 7, TID: 7, Comm: evil, Ret: -1})
	if err := errors.Join(w.Write(b), w.Close(m)); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"info", path}, {"info", "--format", "json", path}, {"verify", path}} {
		_, got, stderr := infoRun(t, args...)
		for _, r := range got + stderr {
			if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e {
				t.Errorf("%v: %q in\n%s%s", args[0], r, got, stderr)
				break
			}
		}
		if strings.Contains(got+stderr, "\nlost       nothing\n") {
			t.Errorf("%v: a forged line in\n%s", args, got)
		}
	}
	if _, got, _ := infoRun(t, "info", path); !strings.Contains(got, ` 'a b'`) {
		t.Errorf("the command cannot be pasted:\n%s", got)
	}
}

func TestInfoAsJSON(t *testing.T) {
	_, text, _ := infoRun(t, "info", "--format", "json", infoCapture(t, false))
	var got struct {
		Capture  string           `json:"capture"`
		Rows     int64            `json:"rows"`
		Bytes    int64            `json:"bytes"`
		PerEvent float64          `json:"bytes_per_event"`
		Duration int64            `json:"duration_ns"`
		Kinds    map[string]int64 `json:"kinds"`
		Lost     int64            `json:"lost"`
		Complete bool             `json:"complete"`
		Host     format.Host      `json:"host"`
		Counts   *format.Counts   `json:"counts"`
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if got.Rows != 4 || got.Duration != 1_500_000_000 || got.Kinds["enter"] != 1 || len(got.Kinds) != int(format.NumKinds) || got.Lost != 3 ||
		!got.Complete || got.Host.Name != "web1" || got.Counts == nil || got.PerEvent != float64(got.Bytes)/3 {
		t.Errorf("got %+v from\n%s", got, text)
	}
}

func TestInfoOfATornSpool(t *testing.T) {
	path := infoCapture(t, true)
	if err := os.Truncate(path, 4000); err != nil {
		t.Fatal(err)
	}
	code, got, stderr := infoRun(t, "info", path)
	if code != 0 || !strings.Contains(got, ", incomplete\n") || !strings.Contains(stderr, "warning: ") || !strings.Contains(stderr, "incomplete") {
		t.Errorf("exit code %d\n%s\n%s", code, got, stderr)
	}
}

func TestVerifyCommand(t *testing.T) {
	path := infoCapture(t, false)
	code, got, stderr := infoRun(t, "verify", path)
	if code != 0 || stderr != "" || !strings.HasSuffix(got, "17 rules hold, 0 do not\n") {
		t.Errorf("exit code %d\n%s\n%s", code, got, stderr)
	}
	code, got, _ = infoRun(t, "verify", "--format", "json", path)
	var res struct {
		OK           bool
		Rules        []format.Finding
		Conservation struct {
			Enters, Exits int64
			ByStatus      map[string]int64 `json:"by_status"`
		}
	}
	if err := json.Unmarshal([]byte(got), &res); err != nil {
		t.Fatal(err)
	}
	if code != 0 || !res.OK || len(res.Rules) != 17 || res.Conservation.Enters != 1 || res.Conservation.ByStatus["ok"] != 1 {
		t.Errorf("exit code %d, %+v", code, res)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[1200] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	code, got, stderr = infoRun(t, "verify", path)
	if code != exitDamaged || !strings.Contains(got, "FAIL") || !strings.Contains(stderr, "hint: 'systape recover'") {
		t.Errorf("damaged: exit code %d\n%s\n%s", code, got, stderr)
	}
}

func TestRecoverCommand(t *testing.T) {
	path := infoCapture(t, true)
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, st.Size()-1); err != nil {
		t.Fatal(err)
	}
	code, got, stderr := infoRun(t, "recover", path)
	name := strings.TrimSuffix(path, format.SpoolSuffix)
	if code != 0 || !strings.HasPrefix(got, name+": 4 rows saved, 2026-09-21T14:13:21.000000000Z to ") || !strings.Contains(stderr, "warning: ") {
		t.Errorf("exit code %d\n%s\n%s", code, got, stderr)
	}
	if _, err := os.Stat(name); err != nil {
		t.Error(err)
	}
	if code, _, stderr = infoRun(t, "recover", path, "-o", "-"); code != exitUsage || !strings.Contains(stderr, "standard output") {
		t.Errorf("recover -o -: exit code %d, %s", code, stderr)
	}
	if code, _, stderr = infoRun(t, "recover", path); code != exitFailed || !strings.Contains(stderr, "--force") {
		t.Errorf("again: exit code %d, %s", code, stderr)
	}
	if code, _, stderr = infoRun(t, "recover", filepath.Join("..", "..", "go.mod")); code != exitFailed || !strings.Contains(stderr, "not a capture") {
		t.Errorf("no capture: exit code %d, %s", code, stderr)
	}
	// What was not saved once is missing at every later time, and each command says so.
	code, got, _ = infoRun(t, "recover", name)
	if code != 0 || !strings.Contains(got, "; nothing more is missing than before: recovered from "+filepath.Base(path)+": 4 events; ") || strings.Contains(got, "complete") {
		t.Errorf("recovered twice: exit code %d\n%s", code, got)
	}
	again := recoverName(name)
	code, got, stderr = infoRun(t, "info", again)
	if code != 0 || !strings.Contains(got, ", incomplete, recovered from ") || !strings.Contains(stderr, "warning: ") || strings.Contains(got, "lost       nothing\n") {
		t.Errorf("info: exit code %d\n%s%s", code, got, stderr)
	}
	code, got, stderr = infoRun(t, "verify", again)
	if code != 0 || !strings.Contains(got, "\nok    R12  the capture says that it is not complete: recovered from ") || !strings.Contains(got, "\n-     C4   not checked: ") ||
		!strings.HasSuffix(got, "16 rules hold, 0 do not, 1 could not be checked\n") {
		t.Errorf("verify: exit code %d\n%s%s", code, got, stderr)
	}
	// Events were there, and none can be saved.
	none := filepath.Join(t.TempDir(), "none.parquet")
	if err := os.Truncate(path, 4000); err != nil {
		t.Fatal(err)
	}
	code, got, stderr = infoRun(t, "recover", path, "-o", none)
	if _, err := os.Stat(none); code != exitDamaged || got != "" || !strings.Contains(stderr, "no event can be saved: it ends within a batch") || err == nil {
		t.Errorf("nothing saved: exit code %d\n%s%s", code, got, stderr)
	}
	for in, want := range map[string]string{"a.parquet.spool": "a.parquet", "x.parquet.partial": "x.parquet", "b.parquet": "b-recovered.parquet", "c": "c-recovered.parquet"} {
		if got := recoverName(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}
