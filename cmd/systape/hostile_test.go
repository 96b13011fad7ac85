package main

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"systape/format"
)

// Names that would colour the terminal, break lines, turn the direction of
// writing, end a document, be run by a spreadsheet or look like nothing.
var hostileNames = []string{"\x1b[31mred\n", "=cmd|' /C'!A1", "\u009b31m\u202eevil", "</svg>\x00<&\"'", "-rf\r\t", "\x1b]0;owned\x07", "\u3164\u2800", "＝1+1"}

// hostileCapture is a capture all of whose texts are hostile, those of its
// calls apart, in a folder of its own.
func hostileCapture(t testing.TB, syscalls ...string) string {
	t.Helper()
	evil := func(i int) string { return hostileNames[i%len(hostileNames)] }
	meta := &format.Meta{Version: format.Version, CaptureID: strings.Repeat("0", 32), Tool: evil(0),
		Host:    format.Host{Name: evil(1), Kernel: evil(2), Arch: "x86_64", Distribution: evil(3)},
		Request: format.Request{Command: hostileNames, Syscalls: evil(0), Comms: hostileNames, Cgroups: hostileNames, Containers: hostileNames, Hook: evil(5)},
		Probes:  []format.Probe{{Name: evil(0), AttachNS: 1}},
		Part:    format.Part{Number: 1, Rows: -1, Last: true}}
	path := filepath.Join(t.TempDir(), "capture.spool")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := format.NewSpoolWriter(f, meta)
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), 100)
	ts := int64(1e18)
	add := func(e format.Event) {
		ts += 700
		e.TS, e.Seq = ts, int64(b.N)
		b.Append(e)
	}
	for i := range 60 {
		who := format.Event{PID: int32(i%5 + 7), TID: int32(i%5 + 7), Comm: evil(i), Container: evil(i + 1), Detail: evil(i + 2)}
		enter, exit := who, who
		enter.Kind, enter.Nr, enter.Syscall = format.Enter, int32(1000+i%3), syscalls[i%len(syscalls)]
		exit.Kind, exit.Nr, exit.Syscall = format.Exit, enter.Nr, enter.Syscall
		if i%4 == 0 {
			exit.Ret = -2
		}
		add(enter)
		add(exit)
	}
	add(format.Event{Kind: format.Exec, PID: 7, TID: 7, Nr: -1, Comm: evil(0), Detail: evil(5), Args: [6]int64{7}})
	for _, e := range []format.Event{{Kind: format.Enter}, {Kind: format.Exit, Ret: -2}} { // a call of the audit's trail
		e.PID, e.TID, e.Nr, e.Syscall, e.Comm, e.Container = 7, 7, 59, "execve", evil(1), evil(3)
		add(e)
	}
	add(format.Event{Kind: format.Rename, PID: 8, TID: 8, Nr: -1, Comm: evil(2)})
	add(format.Event{Kind: format.Lost, Nr: -1, CPU: 0, Args: [6]int64{9, ts, ts}})
	add(format.Event{Kind: format.Exit, PID: 9, TID: 9, Nr: 0, Syscall: syscalls[0], Comm: evil(0), Container: evil(1), Ret: -1})
	add(format.Event{Kind: format.Enter, PID: 10, TID: 10, Nr: 0, Syscall: syscalls[0], Comm: evil(2), Container: evil(1)})
	meta.Complete = true
	if err := errors.Join(w.Write(b), w.Close(meta), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestHostileNames runs every command in every form that is text over a
// capture whose names are hostile: none gets through as it is.
func TestHostileNames(t *testing.T) {
	t.Setenv("CLICOLOR_FORCE", "")
	capture := hostileCapture(t, hostileNames[:3]...)
	plain := hostileCapture(t, "read", "write", "close") // a baseline refuses names that no kernel has
	dir := t.TempDir()
	baseline := filepath.Join(dir, "baseline.json")
	commands := []string{"replay FILE", "replay --events FILE", "replay --format jsonl FILE", "replay --events --format jsonl FILE",
		"pair -o - --format csv FILE", "pair -o - --format jsonl FILE", "verify FILE", "verify --format json FILE", "info FILE", "info --format json FILE",
		"baseline train -o BASELINE --force PLAIN", "baseline train -o BASELINE2 FILE", "baseline info BASELINE", "baseline info --json BASELINE",
		"score --baseline BASELINE PLAIN", "score --baseline BASELINE --format json PLAIN",
		"score --baseline BASELINE FILE", "score --baseline BASELINE2 FILE", "info /nowhere/\x1b[31m", "compare FILE FILE", "compare --format json FILE FILE",
		"recover FILE -o RECOVERED", "info RECOVERED",
		"audit FILE", "audit --tree FILE", "audit --format jsonl FILE", "audit --format ecs FILE", "audit --format csv FILE", "seccomp --format table FILE", "seccomp --format json FILE", "info --privacy FILE", "info --privacy --format json FILE", "redact --dry-run FILE", "bundle FILE -o BUNDLE --no-redact", "info BUNDLE"}
	for _, view := range []string{"", "--by comm", "--by comm,container,errno --top 0", "--errors --by comm,syscall", "--every 10us --by comm", "--histogram --by comm", "--heatmap",
		"--slowest 5", "--overhead", "--wide --by comm"} {
		for _, form := range []string{"table", "json", "jsonl", "csv"} {
			commands = append(commands, "latency --format "+form+" "+view+" FILE")
		}
	}
	for _, view := range []string{"--by comm,syscall", "--histogram --by comm", "--heatmap"} {
		commands = append(commands, "latency -o - --force "+view+" FILE", "latency -o NAME.svg --force "+view+" FILE")
	}
	for _, view := range []string{"", "--threads", "--transitions", "--rare -n 2", "--by container"} {
		for _, form := range []string{"table", "json", "jsonl", "csv"} {
			commands = append(commands, "sequences --format "+form+" "+view+" FILE")
		}
	}
	for _, ext := range []string{"svg", "html", "dot", "json"} {
		commands = append(commands, "sequences --force --graph NAME."+ext+" FILE")
	}
	for _, form := range exportForms() {
		if form != "perfetto" && form != "pprof" {
			commands = append(commands, "export --format "+form+" FILE")
		}
	}
	name := filepath.Join(dir, "out")
	paths := strings.NewReplacer("FILE", capture, "PLAIN", plain, "BASELINE", baseline, "RECOVERED", filepath.Join(dir, "recovered.parquet"), "BUNDLE", filepath.Join(dir, "bundle.zip"), "NAME", name)
	for _, command := range commands {
		words := strings.Fields(command)
		for i := range words {
			words[i] = paths.Replace(words[i])
		}
		got := answer(t, words)
		kind := ""
		if i := strings.Index(command, "NAME."); i >= 0 {
			kind = strings.Fields(command[i+5:])[0]
			b, err := os.ReadFile(name + "." + kind)
			if err != nil {
				t.Errorf("%s: %v\n%s", command, err, got)
			}
			checkHarmless(t, command, string(b))
			if kind == "svg" {
				checkXML(t, command, string(b))
			}
		}
		checkHarmless(t, command, got)
		stdout, _, _ := strings.Cut(got, "stderr:\n")
		switch {
		case strings.Contains(got, "internal error") || strings.Contains(got, "exit code 2"):
			t.Errorf("%s:\n%s", command, got)
		case strings.Contains(command, "format csv"):
			rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
			if err != nil || len(rows) < 2 && !strings.Contains(command, "rare") {
				t.Errorf("%s: %d rows, %v", command, len(rows), err)
			}
			for _, row := range rows {
				if slices.ContainsFunc(row, func(cell string) bool {
					first, _ := utf8.DecodeRuneInString(cell)
					return strings.ContainsRune("=+@＝＋＠", first)
				}) {
					t.Errorf("%s: a spreadsheet would run %q", command, row)
				}
			}
		case strings.Contains(command, "format json "):
			if !json.Valid([]byte(stdout)) {
				t.Errorf("%s: no JSON:\n%s", command, got)
			}
		}
	}
}

func checkHarmless(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		for _, r := range strings.TrimSuffix(line, "\n") {
			if r == utf8.RuneError || !unicode.IsPrint(r) && r != '\t' || r == '\u3164' || r == '\u2800' {
				t.Errorf("%s lets %q through: %q", what, r, line)
				return
			}
		}
	}
}

func checkXML(t *testing.T, what, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
	}
}
