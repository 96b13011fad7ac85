package main

import (
	"encoding/csv"
	"slices"
	"strconv"
	"strings"
	"testing"

	"systape/format"
	"systape/replay/escape"
)

// strangeNames are names of threads as whoever is recorded may choose them.
var strangeNames = []string{"", "a\nb", "a,b", `=q"z`, `"quoted"`, "-x", "\x1b[31mred", `a\nb`, "naïve 世界", "\u202eevil", "it's", "*", "a b", `back\`, "\xff\xfe"}

func strangeCapture(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for i, name := range strangeNames {
		e := format.Event{TS: int64(i+1) * 1000, Seq: int64(2 * i), PID: int32(i + 1), TID: int32(i + 1), Syscall: "getpid", Nr: 39, Comm: format.EscapeText(name)}
		text.Write(format.AppendText(nil, e))
		text.WriteByte(10)
		e.TS, e.Seq, e.Kind = e.TS+100, e.Seq+1, format.Exit
		text.Write(format.AppendText(nil, e))
		text.WriteByte(10)
	}
	return latencyCapture(t, []byte(text.String()))
}

// What is printed of a thread's name is accepted by the filter, from every
// command, and so is the name itself.
func TestNamesThatArePrintedAreAccepted(t *testing.T) {
	capture := strangeCapture(t)
	shown := func(args ...string) []string {
		code, stdout, stderr := commandLine(t, append(args, capture)...)
		if code != 0 {
			t.Fatalf("%q: exit code %d, %s", args, code, stderr)
		}
		return strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	}
	rows, err := csv.NewReader(strings.NewReader(strings.Join(shown("pair", "-o", "-", "--format", "csv"), "\n"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := slices.Index(rows[0], "comm")
	replayed := shown("replay", "--columns", "comm")
	for i, name := range strangeNames {
		for how, given := range map[string]string{
			"the name itself": `"` + name + `"`, "as replay shows it": strings.TrimRight(replayed[i], " "), "as csv has it": rows[1+i][column],
			"as a table shows it": escape.Name(format.EscapeText(name)),
		} {
			if how == "the name itself" && strings.Contains(name, `"`) {
				given = name
			}
			got := shown("replay", "--columns", "pid", "--comm", given)
			if !slices.ContainsFunc(got, func(s string) bool { return strings.TrimSpace(s) == strconv.Itoa(i+1) }) {
				t.Errorf("%q %s, --comm %s: got processes %q, want %d", name, how, given, got, i+1)
			}
		}
	}
}
