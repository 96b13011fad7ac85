package replay_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

var update = flag.Bool("update", false, "rewrite the expected answers of testdata/cases")

// pairAll pairs events in one batch, with what a first pass finds out.
func pairAll(t testing.TB, meta *format.Meta, events []format.Event) ([]replay.Call, replay.Coverage, *format.SymbolTable) {
	t.Helper()
	b := format.NewBatch(format.NewSymbolTable(), len(events))
	for _, e := range events {
		b.Append(e)
	}
	p := replay.NewPairer(replay.PairOptions{Meta: meta, Late: replay.LateLosses(b, nil)})
	calls, err := p.Push(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	calls = p.Finish(calls)
	return calls, p.Coverage(), b.Symbols
}

// callText writes a call on one line: START +DUR PID/TID NAME STATUS = RET,
// the seqs of enter and exit, and what else is not zero.
func callText(c *replay.Call, names *format.SymbolTable) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d +%d %d/%d ", c.StartNS, c.DurNS, c.PID, c.TID)
	if name := names.String(c.Syscall); name == abi.NameOr(c.ABI, c.Nr) && c.Nr != -1 {
		b.WriteString(name)
	} else {
		fmt.Fprintf(&b, "nr=%d", c.Nr)
	}
	fmt.Fprintf(&b, " %v", c.Status)
	if c.ExitSeq >= 0 {
		fmt.Fprintf(&b, " = %d", c.Ret)
		if e := c.Errno(); e != 0 {
			b.WriteString(" " + abi.ErrnoName(c.ABI, e))
		}
	}
	if c.EnterSeq >= 0 {
		fmt.Fprintf(&b, " enter=%d", c.EnterSeq)
	}
	if c.ExitSeq >= 0 {
		fmt.Fprintf(&b, " exit=%d", c.ExitSeq)
	}
	if c.Continues >= 0 {
		fmt.Fprintf(&b, " continues=%d", c.Continues)
	}
	if c.CPUEnter > 0 || c.CPUExit > 0 {
		fmt.Fprintf(&b, " cpu=%d>%d", c.CPUEnter, c.CPUExit)
	}
	if c.ABI != abi.X86_64 {
		fmt.Fprintf(&b, " abi=%v", c.ABI)
	}
	if c.Detail != "" {
		fmt.Fprintf(&b, " %q", c.Detail)
	}
	return b.String()
}

func callsText(calls []replay.Call, names *format.SymbolTable) string {
	var b strings.Builder
	for i := range calls {
		b.WriteString(callText(&calls[i], names) + "\n")
	}
	return b.String()
}

// readCase reads the events of a case, and what the capture says of itself.
func readCase(t *testing.T, ar *txtar.Archive) (meta *format.Meta, events []format.Event) {
	t.Helper()
	meta = new(format.Meta)
	for _, f := range ar.Files {
		var err error
		switch f.Name {
		case "events":
			events, err = format.ParseText(bytes.NewReader(f.Data))
		case "meta":
			err = json.Unmarshal(f.Data, meta)
		}
		if err != nil {
			t.Fatalf("section %s: %v", f.Name, err)
		}
	}
	return meta, events
}

// TestCases pairs the stories of testdata/cases. Each tells why it is there.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("../testdata/cases/pair-*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("only %d cases found, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			meta, events := readCase(t, ar)
			calls, coverage, names := pairAll(t, meta, events)
			cov, err := json.Marshal(coverage)
			if err != nil {
				t.Fatal(err)
			}
			answers := map[string]string{"calls": callsText(calls, names), "coverage": coverageText(coverage)}
			if !json.Valid(cov) {
				t.Errorf("coverage is no JSON: %s", cov)
			}
			if *update {
				updateCase(t, file, ar, answers)
				return
			}
			for _, f := range ar.Files {
				if want, ok := answers[f.Name]; ok {
					if got := string(f.Data); got != want {
						t.Errorf("%s: got\n%swant\n%s", f.Name, want, got)
					}
					delete(answers, f.Name)
				}
			}
			for name := range answers {
				t.Errorf("the case has no section %s", name)
			}
		})
	}
}

// coverageText names the statuses that occur.
func coverageText(c replay.Coverage) string {
	var b strings.Builder
	fmt.Fprintf(&b, "calls %d used %d", c.Calls, c.Used)
	for s, n := range c.ByStatus {
		if n > 0 {
			fmt.Fprintf(&b, " %v %d", replay.Status(s), n)
		}
	}
	fmt.Fprintf(&b, "\nenters %d exits %d lost %d unexplained %d late %d\n", c.Enters, c.Exits, c.LostEvents, c.Unexplained, c.LateLosses)
	return b.String()
}

func updateCase(t *testing.T, file string, ar *txtar.Archive, answers map[string]string) {
	for _, name := range []string{"calls", "coverage"} {
		i := 0
		for i < len(ar.Files) && ar.Files[i].Name != name {
			i++
		}
		if i == len(ar.Files) {
			ar.Files = append(ar.Files, txtar.File{Name: name})
		}
		ar.Files[i].Data = []byte(answers[name])
	}
	if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
		t.Fatal(err)
	}
}
