package format_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systape/format"
)

func verify(t *testing.T, data []byte) *format.Report {
	t.Helper()
	rep, err := format.Verify(t.Context(), []string{put(t, data)}, format.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// failed returns the rules that do not hold.
func failed(rep *format.Report) string {
	var out []string
	for _, f := range rep.Rules {
		if f.State == format.Fails {
			out = append(out, f.Rule)
		}
	}
	return strings.Join(out, " ")
}

func TestVerifyHoldsForWhatWeWrite(t *testing.T) {
	ev := events(21, groupRows+100)
	for form := range writers {
		rep := verify(t, encode(t, form, ev, 5000))
		if !rep.OK() || rep.Rows != int64(len(ev)) {
			t.Errorf("%s: %d rows, %+v", form, rep.Rows, rep.Rules)
		}
	}
}

// One capture for each rule on rows, with one thing wrong.
func TestVerifyFindsWhatIsWrong(t *testing.T) {
	call := format.Event{TS: 5, PID: 1, TID: 1, Syscall: "read", Nr: 0}
	other := func(k format.Kind) format.Event { return format.Event{TS: 5, Kind: k, PID: 1, TID: 1, Nr: -1} }
	for _, c := range []struct {
		name, rules, says string
		event             format.Event
	}{
		{"a good enter", "", "", call},
		{"call without name", "R9", "syscall", func(e format.Event) format.Event { e.Syscall = ""; return e }(call)},
		{"enter with a result", "R9", "ret 3", func(e format.Event) format.Event { e.Ret = 3; return e }(call)},
		{"exit with arguments", "R9", "arg2 is 7", func(e format.Event) format.Event { e.Kind, e.Args[2] = format.Exit, 7; return e }(call)},
		{"rename with a number", "R9", "nr 0", func(e format.Event) format.Event { e.Nr = 0; return e }(other(format.Rename))},
		{"fork without child", "R9", "child 0/0", other(format.Fork)},
		{"negative pid", "R9", "pid -4", func(e format.Event) format.Event { e.PID = -4; return e }(call)},
		{"a good loss", "", "", func(e format.Event) format.Event { e.Args = [6]int64{3, 5, 6, 2, 1, 0}; return e }(other(format.Lost))},
		{"loss of more than its count", "R9", "among 3", func(e format.Event) format.Event { e.Args = [6]int64{3, 5, 6, 2, 2, 0}; return e }(other(format.Lost))},
		{"loss that ends before it begins", "R9", "from 5 to 4", func(e format.Event) format.Event { e.Args = [6]int64{3, 5, 4, 2, 1, 0}; return e }(other(format.Lost))},
		{"half an end", "R9", "group end 2", func(e format.Event) format.Event { e.Args[1] = 2; return e }(other(format.ThreadEnd))},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep := verify(t, encode(t, "parquet", []format.Event{c.event}, 1))
			if got := failed(rep); got != c.rules {
				t.Errorf("rules %q do not hold, want %q: %+v", got, c.rules, rep.Rules)
			}
			if c.says != "" && !strings.Contains(rep.Rules[8].Detail, c.says) {
				t.Errorf("R9 says %q, want something with %q", rep.Rules[8].Detail, c.says)
			}
		})
	}
}

func TestVerifyGoesOnAfterTheFirstFinding(t *testing.T) {
	m := testMeta()
	m.CaptureID = "XYZ"
	var out bytes.Buffer
	w, err := format.NewParquetWriter(&out, m)
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), 1)
	b.Append(format.Event{Nr: 1, Kind: format.Fork})
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	m.Part.Number = 3
	if err := w.Close(m); err != nil {
		t.Fatal(err)
	}
	if got, want := failed(verify(t, out.Bytes())), "R2 R9 R11 R12"; got != want {
		t.Errorf("rules %q do not hold, want %q", got, want)
	}
}

func TestVerifyOfDamagedFiles(t *testing.T) {
	ev := events(22, 3000)
	pq, spool := encode(t, "parquet", ev, 500), encode(t, "spool", ev, 500)
	harm := func(b []byte, f func(b []byte) []byte) []byte { return f(append([]byte(nil), b...)) }
	for _, c := range []struct {
		name  string
		data  []byte
		rules string
	}{
		{"parquet cut off", harm(pq, func(b []byte) []byte { return b[:len(b)-5] }), "R1"},
		{"parquet, damaged head", harm(pq, func(b []byte) []byte { b[100] ^= 1; return b }), "R1"},
		{"parquet, damaged page", harm(pq, func(b []byte) []byte { b[3000] ^= 1; return b }), "R4"},
		{"parquet, damaged footer", harm(pq, func(b []byte) []byte { b[len(b)-300] ^= 1; return b }), "R1"},
		{"spool cut off", harm(spool, func(b []byte) []byte { return b[:len(b)-5] }), "R12"},
		{"spool, damaged batch", harm(spool, func(b []byte) []byte { b[9000] ^= 1; return b }), "R4"},
	} {
		if got := failed(verify(t, c.data)); got != c.rules {
			t.Errorf("%s: rules %q do not hold, want %q", c.name, got, c.rules)
		}
	}
}

// unchecked returns the rules that could not be checked.
func unchecked(rep *format.Report) string {
	var out []string
	for _, f := range rep.Rules {
		if f.State == format.NotChecked {
			out = append(out, f.Rule)
		}
	}
	return strings.Join(out, " ")
}

// Six rows with two holes and a step back in time: a reader ends at the first
// of them, a verifier tells all three.
func TestVerifyTellsEveryHole(t *testing.T) {
	ev := format.MustParseText(`
		100 rename 7 seq=0
		110 rename 7 seq=1
		120 rename 7 seq=5
		130 rename 7 seq=6
		125 rename 7 seq=7
		140 rename 7 seq=9`)
	data, err := format.EncodeUnchecked(ev, completed())
	if err != nil {
		t.Fatal(err)
	}
	rep := verify(t, data)
	if got := failed(rep); got != "R6 R7" || unchecked(rep) != "" {
		t.Errorf("%q fail and %q are not checked, want R6 R7 and none: %+v", got, unchecked(rep), rep.Rules)
	}
	for rule, want := range map[int][]string{5: {"6 rows"}, 6: {"row 2: seq 5 after 1", "row 5: seq 9 after 7"}, 7: {"row 4: ts_ns 125 after 130"}} {
		for _, w := range want {
			if got := rep.Rules[rule-1].Detail; !strings.Contains(got, w) {
				t.Errorf("R%d says %q, want %q", rule, got, w)
			}
		}
	}
}

// Damage here and there: all of it is told, and what cannot be known is not
// checked instead of wrong.
func TestVerifyListsAllDamage(t *testing.T) {
	ev := events(22, groupRows+60_000)
	for _, c := range []struct {
		form           string
		at             []float64 // where bytes are damaged, as shares of the file
		fails, skipped string
		says           []string
	}{
		{"parquet", []float64{0.3}, "R4", "R9", []string{"row group 0"}},
		{"parquet", []float64{0.02, 0.97}, "R4", "R7 R8 R9", []string{"row group 0, row 0, column ts_ns", "row group 1"}},
		{"spool", []float64{0.3}, "R4", "R5 R6 R7 R8 R9 R10", []string{"checksum does not match"}},
		{"spool", []float64{0.2, 0.6}, "R4", "R5 R6 R7 R8 R9 R10", []string{"checksum", "; "}},
	} {
		data := encode(t, c.form, ev, 40_000)
		for _, share := range c.at {
			data[int(share*float64(len(data)))] ^= 0x40
		}
		rep := verify(t, data)
		if failed(rep) != c.fails || unchecked(rep) != c.skipped || !rep.Damaged() {
			t.Errorf("%s %v: %q fail, %q are not checked; want %q and %q: %+v", c.form, c.at, failed(rep), unchecked(rep), c.fails, c.skipped, rep.Rules)
		}
		for _, w := range c.says {
			if got := rep.Rules[3].Detail; !strings.Contains(got, w) {
				t.Errorf("%s %v: R4 says %q, want %q", c.form, c.at, got, w)
			}
		}
	}
}

// An error carries the rule that it breaks.
func TestErrorsCarryTheirRule(t *testing.T) {
	ev := format.MustParseText("100 rename 7 seq=0\n110 rename 7 seq=2\n90 rename 7 seq=3")
	holes, err := format.EncodeUnchecked(ev, completed())
	if err != nil {
		t.Fatal(err)
	}
	good := encode(t, "parquet", events(3, 2000), 500)
	for want, data := range map[format.Rule][]byte{
		format.RuleSeq:  holes,
		format.RuleFile: good[:len(good)-9],
		format.RuleData: append(append([]byte(nil), good[:4000]...), append([]byte{^good[4000]}, good[4001:]...)...),
	} {
		_, _, err := read(t, []string{put(t, data)}, format.ReadOptions{})
		var c *format.CorruptError
		if !errors.As(err, &c) || c.Rule != want {
			t.Errorf("got %v (%+v), want rule %v", err, c, want)
		}
	}
}

func TestFindingsAsJSON(t *testing.T) {
	for _, f := range []format.Finding{{"R1", format.Holds, "a"}, {"R2", format.Fails, "b"}, {"R3", format.NotChecked, "c"}} {
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var back format.Finding
		if err := json.Unmarshal(b, &back); err != nil || back != f {
			t.Errorf("%s comes back as %+v, %v", b, back, err)
		}
		if want := map[format.State]string{format.Holds: `"ok":true,"checked":true`, format.Fails: `"ok":false,"checked":true`, format.NotChecked: `"ok":false,"checked":false`}[f.State]; !strings.Contains(string(b), want) {
			t.Errorf("%v is %s, want %s", f.State, b, want)
		}
	}
}

func TestInfo(t *testing.T) {
	ev := events(24, groupRows+20_000)
	want := [format.NumKinds]int64{}
	for _, e := range ev {
		want[e.Kind]++
	}
	for form := range writers {
		data := encode(t, form, ev, 5000)
		in, err := format.ReadInfo([]string{put(t, data)}, format.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if in.Kinds != want || in.Rows != int64(len(ev)) || in.Bytes != int64(len(data)) || !in.Complete || in.FirstNS != ev[0].TS || in.LastNS != ev[len(ev)-1].TS || !in.Meta.Complete {
			t.Errorf("%s: got %+v", form, in)
		}
		var sum int64
		for _, c := range in.Columns {
			sum += c.Bytes
		}
		if form == "parquet" && (sum >= in.Bytes || sum < in.Bytes-16<<10) {
			t.Errorf("columns take %d bytes of %d", sum, in.Bytes)
		}
	}
	in, err := format.ReadInfo([]string{put(t, encode(t, "spool", ev[:1000], 100)[:20_000])}, format.ReadOptions{})
	if err != nil || in.Complete || !errors.Is(in.Problem, format.ErrIncomplete) || in.Rows == 0 || in.Rows%100 != 0 {
		t.Errorf("torn spool: %+v, %v", in, err)
	}
}

// A recovered capture holds: it says itself that it is not complete.
func TestVerifyOfARecoveredCapture(t *testing.T) {
	spool := encode(t, "spool", events(23, 3000), 500)
	dir := t.TempDir()
	cut, saved := filepath.Join(dir, "t.parquet.spool"), filepath.Join(dir, "t.parquet")
	if err := os.WriteFile(cut, spool[:len(spool)*2/3], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := format.Recover(cut, saved, format.FileOptions{}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	rep := verify(t, data)
	if got, want := rep.Rules[11].Detail, "the capture says that it is not complete: recovered from t.parquet.spool: "; failed(rep) != "" || !strings.Contains(got, want) {
		t.Errorf("rules %q do not hold, R12 says %q; want all, and %q", failed(rep), got, want)
	}
}

// A part that has ended and was not sealed any more tells in its end that others
// follow. Where that end is missing, others that follow are none of its recording.
func TestVerifyOfPartsThatAreNotSealed(t *testing.T) {
	ev := events(15, 3000)
	dir := t.TempDir()
	var parts []string
	for i := range 3 {
		name := filepath.Join(dir, fmt.Sprintf("part-%d.parquet.spool", i+1))
		parts = append(parts, writePart(t, name, "spool", ev, format.Part{Number: i + 1, FirstSeq: int64(i * 1000), Rows: 1000, Last: i == 2}))
	}
	for _, c := range []struct {
		cut   string // whose end is gone
		rules string
	}{{"", ""}, {parts[2], "R12"}, {parts[1], "R6 R11 R12"}} {
		t.Run(filepath.Base(c.cut), func(t *testing.T) {
			if c.cut != "" {
				whole, err := os.ReadFile(c.cut)
				if err != nil {
					t.Fatal(err)
				}
				defer os.WriteFile(c.cut, whole, 0o600)
				if err := os.Truncate(c.cut, int64(len(whole)*9/10)); err != nil {
					t.Fatal(err)
				}
			}
			rep, err := format.Verify(t.Context(), []string{dir}, format.ReadOptions{})
			if err != nil || failed(rep) != c.rules {
				t.Errorf("rules %q do not hold, want %q: %v, %+v", failed(rep), c.rules, err, rep)
			}
		})
	}
}
