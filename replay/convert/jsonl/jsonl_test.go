package jsonl_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"systape/format"
	"systape/format/abi"
	"systape/replay/convert/jsonl"
)

func write(events []format.Event) []byte {
	b := format.NewBatch(format.NewSymbolTable(), len(events))
	for _, e := range events {
		b.Append(e)
	}
	var dst []byte
	for i := range b.N {
		dst = jsonl.AppendEvent(dst, b, i)
	}
	return dst
}

func read(r io.Reader, n int) ([]format.Event, error) {
	in := jsonl.NewReader(r)
	b := format.NewBatch(format.NewSymbolTable(), n)
	var events []format.Event
	for {
		err := in.Read(b, n)
		for i := range b.N {
			events = append(events, b.At(i))
		}
		if err == io.EOF {
			return events, nil
		}
		if err != nil {
			return events, err
		}
	}
}

func randomEvents(n int) []format.Event {
	r := rand.New(rand.NewPCG(7, 7))
	numbers := []int64{0, 1, -1, 4096, math.MinInt64, math.MaxInt64, math.MinInt32, math.MaxInt32, 1<<53 + 1, 0x7ffc12345678}
	texts := []string{"", "web", "a \"quoted\" \\ name", "\n\t\x00\x1b[31m\x7f", "é世🎉", "\xff\xc3", "\u0085\u2028", "/", strings.Repeat("y", 300)}
	var events []format.Event
	for i := range n {
		pick := func() int64 { return numbers[r.IntN(len(numbers))] }
		text := func() string { return texts[r.IntN(len(texts))] }
		e := format.Event{TS: pick(), Seq: int64(i), Kind: format.Kind(r.IntN(int(format.NumKinds))), ABI: abi.All()[r.IntN(5)],
			CPU: int32(pick()), PID: int32(pick()), TID: int32(pick()), Nr: int32(pick()), Syscall: text(), Ret: pick(),
			Comm: text(), Container: text(), Detail: text()}
		for k := range e.Args {
			e.Args[k] = pick()
		}
		// A batch keeps names as UTF-8, and escapes what is not.
		b := format.NewBatch(nil, 1)
		b.Append(e)
		events = append(events, b.At(0))
	}
	return events
}

func TestRoundTripIsIdentity(t *testing.T) {
	want := randomEvents(3000)
	text := write(want)
	for _, n := range []int{1, 7, 2999, 3000, 5000} {
		got, err := read(iotest.HalfReader(bytes.NewReader(text)), n)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("batches of %d: the events differ", n)
		}
	}
	if got, err := read(bytes.NewReader(text), 100); err != nil || !bytes.Equal(write(got), text) {
		t.Errorf("writing again gives other bytes (%v)", err)
	}
}

// Another JSON parser reads the same values.
func TestAgainstEncodingJSON(t *testing.T) {
	events := randomEvents(500)
	dec := json.NewDecoder(bytes.NewReader(write(events)))
	dec.UseNumber()
	for i, e := range events {
		var m map[string]any
		if err := dec.Decode(&m); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"ts_ns": e.TS, "seq": e.Seq, "kind": e.Kind, "cpu": e.CPU, "pid": e.PID, "tid": e.TID, "abi": e.ABI,
			"nr": e.Nr, "syscall": e.Syscall, "ret": e.Ret, "comm": e.Comm, "container": e.Container, "detail": e.Detail}
		for k, v := range e.Args {
			want[fmt.Sprint("arg", k)] = v
		}
		if len(m) != len(want) {
			t.Fatalf("event %d has %d keys, want %d", i, len(m), len(want))
		}
		for k, v := range want {
			// encoding/json puts U+FFFD in the place of each lone surrogate.
			if got, want := fmt.Sprint(m[k]), strings.ToValidUTF8(strings.ReplaceAll(fmt.Sprint(v), "\xff\xc3", "\ufffd\ufffd"), "?"); got != want {
				t.Errorf("event %d, %s: got %q, want %q", i, k, got, want)
			}
		}
	}
}

// What a capture says about itself comes back; the last line about it counts,
// for a spool knows its end only then.
func TestMetaComesBack(t *testing.T) {
	begun := &format.Meta{Version: 1, CaptureID: "ab", Host: format.Host{Name: "web1", CPUs: 2}, Part: format.Part{Number: 1, Rows: -1}}
	ended := *begun
	ended.Complete, ended.Counts = true, &format.Counts{PerCPU: []format.CPUCounts{{CPU: 0, Enters: 2, LostExits: 1}}}
	text := jsonl.AppendMeta(nil, begun)
	text = append(text, write(randomEvents(3))...)
	text = jsonl.AppendMeta(text, &ended)
	for _, n := range []int{1, 2, 3, 10} {
		r := jsonl.NewReader(bytes.NewReader(text))
		b := format.NewBatch(format.NewSymbolTable(), n)
		rows := 0
		for {
			err := r.Read(b, n)
			rows += b.N
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Meta() == nil || r.Meta().Host.Name != "web1" {
				t.Fatalf("the host is not known with the first rows: %+v", r.Meta())
			}
		}
		if rows != 3 || !reflect.DeepEqual(r.Meta(), &ended) {
			t.Errorf("batches of %d: %d rows, %+v", n, rows, r.Meta())
		}
	}
	if r := jsonl.NewReader(strings.NewReader(`{"kind":"meta"}`)); true {
		if err := r.Read(format.NewBatch(nil, 1), 1); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("a line without its content: %v", err)
		}
	}
}

// What is not known is null, also to a reader who writes lines by hand.
func TestUnknownIsNull(t *testing.T) {
	events := format.MustParseText(`1 enter 7 openat(-100, 0, 0x80000) "1=/etc/hosts"
2 exit 7 openat = 0 "ret=?"
3 enter 7 read(3, 0, 512) "1=?"
4 enter 7 openat(-100, 0x7ffc, 0) "1=/etc/hosts"`)
	text := string(write(events))
	for i, want := range []string{`"arg0":-100,"arg1":null,"arg2":524288`, `"ret":null`, `"arg0":3,"arg1":null,"arg2":512`, `"arg1":32764`} {
		if line := strings.Split(text, "\n")[i]; !strings.Contains(line, want) {
			t.Errorf("line %d: %s\nwant %s", i, line, want)
		}
	}
	got, err := read(strings.NewReader(text), 10)
	if err != nil || !slices.Equal(got, events) {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = read(strings.NewReader(`{"kind":"enter","nr":0,"arg0":3,"arg1":null}
{"kind":"exit","nr":0,"ret":null}`), 10)
	if err != nil || got[0].Detail != "1=?" || got[1].Detail != "ret=?" {
		t.Errorf("by hand: %+v, %v", got, err)
	}
}

func TestReadByHand(t *testing.T) {
	text := `
 { "kind" : "enter", "ts_ns":5, "pid":1 ,"tid":2,"nr":0,"arg1":-3}
{"kind":"exit","nr":999,"seq":7,"comm":"a\u0041\ud83c\udf89\/"}

{"kind":"rename","comm":"x"}`
	want := []format.Event{
		{TS: 5, Seq: 0, Kind: format.Enter, PID: 1, TID: 2, Syscall: "read", Args: [6]int64{0, -3}},
		{Seq: 7, Kind: format.Exit, Nr: 999, Syscall: "syscall_999", Comm: "aA🎉/"},
		{Seq: 2, Kind: format.Rename, Comm: "x"},
	}
	got, err := read(strings.NewReader(text), 10)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		`{"ts_ns":1}`:                                    "line 1: the key kind is missing",
		"\n[]":                                           `line 2: want '{' at "[]"`,
		`{"kind":"entre"}`:                               `line 1: unknown kind "entre"`,
		`{"kind":"enter","abi":"vax"}`:                   `line 1: unknown abi "vax"`,
		`{"kind":"enter","nr":1.5}`:                      `line 1: want a 64-bit integer at "1.5}"`,
		`{"kind":"enter","nr":1e3}`:                      `line 1: want a 64-bit integer at "1e3}"`,
		`{"kind":"enter","nr":"1"}`:                      `line 1: want a 64-bit integer at "\"1\"}"`,
		`{"kind":"enter","nr":3000000000}`:               `line 1: 3000000000 does not fit 32 bits`,
		`{"kind":"enter","ret":9223372036854775808}`:     `line 1: want a 64-bit integer at "9223372036854775808}"`,
		`{"kind":"enter","ret":99999999999999999999999}`: `line 1: want a 64-bit integer at "99999999999999999999"`,
		`{"kind":"enter","ret":01}`:                      `line 1: want a 64-bit integer at "01}"`,
		`{"kind":"enter","colour":1}`:                    `line 1: unknown key "colour"`,
		`{"kind":"enter","nr":1,"nr":2}`:                 `line 1: the key nr is there twice`,
		`{"kind":"enter"} {}`:                            "line 1: text after the object",
		`{"kind":"enter","comm":"x`:                      "line 1: a string has no end",
		`{"kind":"enter","comm":"\x"}`:                   "line 1: bad escape in a string",
		`{"kind":"enter","comm":"\ud83c"}`:               "line 1: bad escape in a string",
		`{"kind":"enter","comm":"\udc00"}`:               "line 1: bad escape in a string",
		"{\"kind\":\"enter\",\"comm\":\"\x01\"}":         "line 1: a control character in a string",
		`{"kind":"enter"`:                                `line 1: want ',' at ""`,
		`{"kind":null}`:                                  `line 1: want '"' at "null}"`,
	} {
		if _, err := read(strings.NewReader(text), 10); err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
	if _, err := read(strings.NewReader("\n{\"kind\":\"enter\",\"comm\":\""+strings.Repeat("x", 2<<20)), 1); err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
		t.Errorf("a line of 2 MiB: %v", err)
	}
	events, err := read(strings.NewReader("{\"kind\":\"enter\"}\n{"), 10)
	if err == nil || len(events) != 1 {
		t.Errorf("got %d events and %v, want the one before the bad line, and an error", len(events), err)
	}
}

func FuzzRead(f *testing.F) {
	for line := range bytes.Lines(write(randomEvents(5))) {
		f.Add(line)
	}
	f.Add([]byte(`{"kind":"enter","comm":"\ud83c\udf89\udcff"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		events, err := read(bytes.NewReader(text), 10)
		if err != nil {
			return
		}
		again, err := read(bytes.NewReader(write(events)), 3)
		if err != nil || !slices.Equal(events, again) {
			t.Fatalf("%q: got %+v, %v, want %+v", text, again, err, events)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	events := format.MustParseText(`1754000000000000000 enter 7001/7002 openat(-100, 0x7ffe00001234, 0x80000) comm="worker" container="0a1b2c3d4e5f"`)
	batch := format.NewBatch(format.NewSymbolTable(), 1)
	batch.Append(events[0])
	var dst []byte
	for b.Loop() {
		dst = jsonl.AppendEvent(dst[:0], batch, 0)
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkRead(b *testing.B) {
	line := write(format.MustParseText(`1754000000000000000 enter 7001/7002 openat(-100, 0x7ffe00001234, 0x80000) comm="worker" container="0a1b2c3d4e5f"`))
	text := bytes.Repeat(line, 10000)
	batch := format.NewBatch(format.NewSymbolTable(), 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r := jsonl.NewReader(bytes.NewReader(text))
		for {
			if err := r.Read(batch, 1000); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*10000/b.Elapsed().Seconds()/1e6, "Mevents/s")
}
