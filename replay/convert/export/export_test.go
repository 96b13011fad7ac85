package export_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"systape/format"
	"systape/replay"
	"systape/replay/convert/export"
	"systape/replay/convert/jsonl"
)

// story has a call of every status that matters to an exporter, an evil name,
// a thread id that is used twice, and a loss.
const story = `1700000000000000000 exit 7/7 poll = 1 comm="sh"
1700000000000001000 enter 7/7 openat(-100, 0x7ffe1000, 0x80000) comm="sh"
1700000000000002500 exit 7/7 openat = -2 comm="sh"
1700000000000003000 enter 7/7 clone(0x1200011, 0, 0, 0x7f10) comm="sh"
1700000000000003500 fork 7/7 -> 9/9 comm="sh"
1700000000000004000 exit 9/9 clone = 0 comm="sh"
1700000000000004100 exit 7/7 clone = 9 comm="sh"
1700000000000005000 enter 9/9 nanosleep(0x10, 0) comm="a;b\"\n\x1b"
1700000000000006000 exit 9/9 nanosleep = -516 comm="a;b\"\n\x1b"
1700000000000006100 enter 9/9 restart_syscall() comm="a;b\"\n\x1b"
1700000000000007000 exit 9/9 restart_syscall = 0 comm="a;b\"\n\x1b"
1700000000000007100 enter 9/9 mmap(0, 8192, 3, 34, -1, 0) comm="a;b\"\n\x1b"
1700000000000007200 exit 9/9 mmap = 0x7fffdeadbeef comm="a;b\"\n\x1b"
1700000000000007300 enter 9/9 read(0, 0x1000, 1) comm="a;b\"\n\x1b"
1700000000000007400 thread_end 9/9 code=9 group=1
1700000000000007500 fork 7/7 -> 7/9 comm="sh"
1700000000000007600 enter 7/9 getpid() comm="again"
1700000000000007700 exit 7/9 getpid = 7 comm="again"
1700000000000008000 lost count=2 first=1700000000000008000 last=1700000000000009000 enters=1 exits=1 cpu=1
1700000000000009500 exit 7/9 close = 0 comm="again"
1700000000000009600 enter 7/7 wait4(-1, 0x10, 0, 0) comm="sh"
1700000000000009700 enter 7/9 exit_group(0) comm="again"
1700000000000009800 thread_end 7/9 code=0
`

// run exports events, cut into batches of size rows.
func run(t testing.TB, kind string, events []format.Event, size int, o export.Options) (out []byte, notes []string) {
	t.Helper()
	o.Symbols = format.NewSymbolTable()
	var w bytes.Buffer
	x, err := export.New(kind, &w, o)
	if err != nil {
		t.Fatal(err)
	}
	p := replay.NewPairer(replay.PairOptions{})
	b := format.NewBatch(o.Symbols, size)
	push := func() {
		calls, err := p.Push(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Push(b, calls); err != nil {
			t.Fatal(err)
		}
		b.Reset()
	}
	for _, e := range events {
		if b.Append(e); b.N == size {
			push()
		}
	}
	push()
	if notes, err = x.Finish(p.Finish(nil)); err != nil {
		t.Fatal(err)
	}
	return w.Bytes(), notes
}

func TestSameBytesHoweverTheCaptureIsCut(t *testing.T) {
	events := format.MustParseText(story)
	for _, kind := range export.Formats() {
		want, notes := run(t, kind, events, 1000, export.Options{})
		for _, size := range []int{1, 2, 5} {
			got, also := run(t, kind, events, size, export.Options{})
			if !bytes.Equal(got, want) || !slices.Equal(notes, also) {
				t.Errorf("%s: batches of %d rows give another result", kind, size)
			}
		}
		if kind != "jsonl" && !strings.Contains(strings.Join(notes, "\n"), "2 events were lost") {
			t.Errorf("%s: the notes do not tell the loss: %q", kind, notes)
		}
	}
}

func TestEmptyCapture(t *testing.T) {
	for _, kind := range export.Formats() {
		out, _ := run(t, kind, nil, 10, export.Options{})
		if kind == "chrome" || kind == "firefox" {
			if !json.Valid(out) {
				t.Errorf("%s of nothing is no JSON: %s", kind, out)
			}
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := export.New("xml", &bytes.Buffer{}, export.Options{}); err == nil || !strings.Contains(err.Error(), "perfetto") {
		t.Errorf("got %v, want an error that lists the formats", err)
	}
}

func TestFilter(t *testing.T) {
	for _, kind := range []string{"perfetto", "chrome", "firefox", "folded", "strace"} {
		out, _ := run(t, kind, format.MustParseText(story), 100, export.Options{Filter: &replay.Filter{AnyErrno: true}})
		if !bytes.Contains(out, []byte("openat")) || bytes.Contains(out, []byte("mmap")) {
			t.Errorf("%s: the filter --errno any does not hold:\n%s", kind, out)
		}
	}
}

func TestJSONLinesAreIdentity(t *testing.T) {
	events := format.MustParseText(story)
	out, _ := run(t, "jsonl", events, 3, export.Options{})
	r := jsonl.NewReader(bytes.NewReader(out))
	b := format.NewBatch(nil, 100)
	if err := r.Read(b, 100); err != nil {
		t.Fatal(err)
	}
	var got []format.Event
	for i := range b.N {
		got = append(got, b.At(i))
	}
	if a, b := format.FormatText(got), format.FormatText(events); string(a) != string(b) {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
}

// The trace is decoded by Perfetto's own definition; see testdata/README.md.
func TestPerfetto(t *testing.T) {
	out, _ := run(t, "perfetto", format.MustParseText(story), 100, export.Options{
		Meta: &format.Meta{Clock: format.Clock{Anchors: []format.Anchor{{TS: 1700000000000000000, RealNS: 1700000000000000123}}}}})
	trace := decodePerfetto(t, out)

	tracks := map[uint64]string{}
	parents := map[uint64]uint64{}
	names, notesOf, values := map[uint64]string{}, map[uint64]string{}, map[uint64]string{}
	var got []string
	open := map[uint64][]string{}
	flows := map[uint64]int{}
	clocks := 0
	for i, p := range trace {
		if p["trusted_packet_sequence_id"] != uint64(1) {
			t.Errorf("packet %d has no sequence: %v", i, p)
		}
		if i == 0 && p["sequence_flags"] != uint64(1) {
			t.Errorf("the first packet does not clear the state: %v", p)
		}
		if in, ok := p["interned_data"].(map[string]any); ok {
			intern := func(key, field string, into map[uint64]string) {
				for _, x := range list(in[key]) {
					m := x.(map[string]any)
					id := m["iid"].(uint64)
					if _, twice := into[id]; twice {
						t.Errorf("%s %d is interned twice", key, id)
					}
					into[id] = fmt.Sprint(m[field])
				}
			}
			intern("event_names", "name", names)
			intern("debug_annotation_names", "name", notesOf)
			intern("debug_annotation_string_values", "str", values)
		}
		if d, ok := p["track_descriptor"].(map[string]any); ok {
			id := d["uuid"].(uint64)
			switch {
			case d["thread"] != nil:
				th := d["thread"].(map[string]any)
				tracks[id] = fmt.Sprintf("%v/%v %q", th["pid"], th["tid"], th["thread_name"])
				parents[id] = d["parent_uuid"].(uint64)
			case d["process"] != nil:
				tracks[id] = fmt.Sprintf("process %v", d["process"].(map[string]any)["pid"])
			default:
				tracks[id] = d["name"].(string)
			}
		}
		if s, ok := p["clock_snapshot"].(map[string]any); ok {
			clocks += len(list(s["clocks"]))
		}
		e, ok := p["track_event"].(map[string]any)
		if !ok {
			continue
		}
		id := e["track_uuid"].(uint64)
		where, known := tracks[id]
		if !known {
			t.Errorf("event on track %d, which is not described before", id)
		}
		if parent, ok := parents[id]; ok && tracks[parent] == "" {
			t.Errorf("the process of track %d is not described before", id)
		}
		at := p["timestamp"].(uint64) - 1700000000000000000
		if e["type"] == "TYPE_SLICE_END" {
			if n := len(open[id]); n == 0 {
				t.Errorf("a slice ends on %s that never began", where)
			} else {
				got = append(got, fmt.Sprintf("%s to %d", open[id][n-1], at))
				open[id] = open[id][:n-1]
			}
			continue
		}
		name, _ := e["name"].(string)
		if iid, ok := e["name_iid"].(uint64); ok {
			if name = names[iid]; name == "" {
				t.Errorf("name %d is used before it is interned", iid)
			}
		}
		text := fmt.Sprintf("%s %s", where, name)
		for _, x := range list(e["debug_annotations"]) {
			a := x.(map[string]any)
			key := notesOf[a["name_iid"].(uint64)]
			v := a["int_value"]
			if v == nil {
				v = a["string_value"]
			}
			if iid, ok := a["string_value_iid"].(uint64); ok {
				v = values[iid]
			}
			if key == "args" || key == "ret" || key == "errno" || key == "status" {
				text += fmt.Sprintf(" %s=%v", key, v)
			}
		}
		for _, f := range list(e["flow_ids"]) {
			flows[f.(uint64)]++
		}
		for _, f := range list(e["terminating_flow_ids"]) {
			if flows[f.(uint64)] != 1 {
				t.Errorf("flow %d ends without a beginning", f)
			}
			flows[f.(uint64)]--
		}
		text += fmt.Sprintf(" at %d", at)
		if e["type"] == "TYPE_INSTANT" {
			got = append(got, text)
		} else {
			open[id] = append(open[id], text)
		}
	}
	for id, stack := range open {
		if len(stack) > 0 {
			got = append(got, fmt.Sprintf("%s open on %s", strings.Join(stack, "; "), tracks[id]))
		}
	}
	want := `7/7 "sh" poll ret=1 status=open_at_start at 0 to 0
7/7 "sh" openat args=AT_FDCWD, 0x7ffe1000, O_RDONLY|O_CLOEXEC ret=-2 errno=ENOENT at 1000 to 2500
9/9 "sh" clone ret=0 status=child_return at 4000
7/7 "sh" clone args=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, NULL, 0x7f10 ret=9 at 3000 to 4100
9/9 "a;b\"\n\x1b" nanosleep args=0x10, NULL ret=-516 status=restarted at 5000 to 6000
9/9 "a;b\"\n\x1b" restart_syscall args= ret=0 at 6100 to 7000
9/9 "a;b\"\n\x1b" mmap args=NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 ret=140736929316591 at 7100 to 7200
9/9 "a;b\"\n\x1b" read args=0, 0x1000, 1 status=killed at 7300 to 7400
7/9 "again" getpid args= ret=7 at 7600 to 7700
events lost on cpu 1 2 lost at 8000 to 9000
7/9 "again" close ret=0 status=enter_lost at 9500
7/9 "again" exit_group args=0 status=no_return at 9700
7/7 "sh" wait4 args=-1, 0x10, 0, NULL status=open_at_end at 9600 open on 7/7 "sh"`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
	if clocks != 2 {
		t.Errorf("%d clocks in snapshots, want 2", clocks)
	}
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// decodePerfetto returns the packets of a trace as maps by field name.
func decodePerfetto(t *testing.T, trace []byte) []map[string]any {
	t.Helper()
	raw, err := os.ReadFile("testdata/perfetto.binpb")
	if err != nil {
		t.Fatal(err)
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		t.Fatal(err)
	}
	d, err := files.FindDescriptorByName("perfetto.protos.Trace")
	if err != nil {
		t.Fatal(err)
	}
	m := dynamicpb.NewMessage(d.(protoreflect.MessageDescriptor))
	if err := proto.Unmarshal(trace, m); err != nil {
		t.Fatal(err)
	}
	var packets []map[string]any
	for _, p := range list(plain(t, m)["packet"]) {
		packets = append(packets, p.(map[string]any))
	}
	return packets
}

func plain(t *testing.T, m protoreflect.Message) map[string]any {
	if u := m.GetUnknown(); len(u) > 0 {
		t.Errorf("%s has fields that Perfetto does not know: %x", m.Descriptor().Name(), u)
	}
	out := map[string]any{}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		one := func(v protoreflect.Value) any {
			switch f.Kind() {
			case protoreflect.MessageKind:
				return plain(t, v.Message())
			case protoreflect.EnumKind:
				return string(f.Enum().Values().ByNumber(v.Enum()).Name())
			case protoreflect.Uint32Kind:
				return v.Uint()
			case protoreflect.BytesKind:
				return string(v.Bytes())
			}
			return v.Interface()
		}
		if f.IsList() {
			var l []any
			for i := range v.List().Len() {
				l = append(l, one(v.List().Get(i)))
			}
			out[string(f.Name())] = l
		} else {
			out[string(f.Name())] = one(v)
		}
		return true
	})
	return out
}

func TestChrome(t *testing.T) {
	out, _ := run(t, "chrome", format.MustParseText(story), 100, export.Options{})
	var doc struct {
		TraceEvents []struct {
			Ph, Name string
			PID, TID int
			TS, Dur  float64
			Args     map[string]any
		}
		OtherData map[string]string
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got []string
	for _, e := range doc.TraceEvents {
		if e.Ph == "M" {
			got = append(got, fmt.Sprintf("M %d/%d %s=%q", e.PID, e.TID, e.Name, e.Args["name"]))
			continue
		}
		got = append(got, fmt.Sprintf("%s %d/%d %s at %g+%g ret=%v %v %v", e.Ph, e.PID, e.TID, e.Name, e.TS, e.Dur, e.Args["ret"], e.Args["errno"], e.Args["status"]))
	}
	want := `M 0/0 systape=%!q(<nil>)
M 7/7 thread_name="sh"
M 7/7 process_name="sh"
X 7/7 poll at 0+0 ret=1 <nil> open_at_start
X 7/7 openat at 1+1.5 ret=-2 ENOENT ok
M 9/9 thread_name="sh"
M 9/9 process_name="sh"
i 9/9 clone at 4+0 ret=0 <nil> child_return
X 7/7 clone at 3+1.1 ret=9 <nil> ok
M 9/9 thread_name="a;b\"\n\x1b"
M 9/9 process_name="a;b\"\n\x1b"
X 9/9 nanosleep at 5+1 ret=-516 <nil> restarted
X 9/9 restart_syscall at 6.1+0.9 ret=0 <nil> ok
X 9/9 mmap at 7.1+0.1 ret=140736929316591 <nil> ok
X 9/9 read at 7.3+0.1 ret=<nil> <nil> killed
M 7/9 thread_name="again"
X 7/9 getpid at 7.6+0.1 ret=7 <nil> ok
X 0/1 events lost at 8+1 ret=<nil> <nil> <nil>
i 7/9 close at 9.5+0 ret=0 <nil> enter_lost
i 7/9 exit_group at 9.7+0 ret=<nil> <nil> no_return
B 7/7 wait4 at 9.6+0 ret=<nil> <nil> open_at_end`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
	if doc.OtherData["origin_ns"] != "1700000000000000000" {
		t.Errorf("origin %q", doc.OtherData["origin_ns"])
	}
}

func TestFirefox(t *testing.T) {
	out, _ := run(t, "firefox", format.MustParseText(story), 100, export.Options{})
	var doc struct {
		Meta struct {
			StartTime    float64
			Categories   []struct{ Name string }
			MarkerSchema []struct{ Name string }
		}
		Threads []map[string]json.RawMessage
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if doc.Meta.StartTime != 1700000000000 {
		t.Errorf("startTime %v, want milliseconds since the epoch", doc.Meta.StartTime)
	}
	var got []string
	for _, th := range doc.Threads {
		// Every table has as many values in each column as it says.
		for key, raw := range th {
			var table map[string]json.RawMessage
			if json.Unmarshal(raw, &table) != nil {
				continue
			}
			var length int
			json.Unmarshal(table["length"], &length)
			for col, raw := range table {
				var values []any
				if json.Unmarshal(raw, &values) == nil && values != nil && len(values) != length {
					t.Errorf("%s.%s has %d values, length is %d", key, col, len(values), length)
				}
			}
		}
		var pid, tid, name string
		var texts []string
		var m struct {
			Name, Phase, Category []int
			StartTime, EndTime    []*float64
			Data                  []struct{ Type, Args, Ret, Errno, Status string }
		}
		for key, into := range map[string]any{"pid": &pid, "tid": &tid, "name": &name, "stringArray": &texts, "markers": &m} {
			if err := json.Unmarshal(th[key], into); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
		}
		for i := range m.Name {
			end := "open"
			if m.EndTime[i] != nil {
				end = fmt.Sprint(*m.EndTime[i])
			}
			if m.Category[i] >= len(doc.Meta.Categories) || m.Data[i].Type != doc.Meta.MarkerSchema[0].Name {
				t.Errorf("marker %d: category %d, type %q", i, m.Category[i], m.Data[i].Type)
			}
			got = append(got, fmt.Sprintf("%s/%s %q %s phase %d %v-%s %s %s", pid, tid, name, texts[m.Name[i]], m.Phase[i], *m.StartTime[i], end, m.Data[i].Errno, m.Data[i].Status))
		}
	}
	want := `7/7 "sh" poll phase 1 0-0  open_at_start
7/7 "sh" openat phase 1 0.001-0.0025 ENOENT ok
7/7 "sh" clone phase 1 0.003-0.0041  ok
7/7 "sh" wait4 phase 2 0.0096-open  open_at_end
7/9 "again" getpid phase 1 0.0076-0.0077  ok
7/9 "again" close phase 0 0.0095-open  enter_lost
7/9 "again" exit_group phase 0 0.0097-open  no_return
9/9 "a;b\"\n\x1b" clone phase 0 0.004-open  child_return
9/9 "a;b\"\n\x1b" nanosleep phase 1 0.005-0.006  restarted
9/9 "a;b\"\n\x1b" restart_syscall phase 1 0.0061-0.007  ok
9/9 "a;b\"\n\x1b" mmap phase 1 0.0071-0.0072  ok
9/9 "a;b\"\n\x1b" read phase 1 0.0073-0.0074  killed`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
	_, notes := run(t, "firefox", format.MustParseText(story), 100, export.Options{Limit: 5})
	if !strings.Contains(strings.Join(notes, "\n"), "7 calls are left out") {
		t.Errorf("the notes do not say what was left out: %q", notes)
	}
}

func TestFolded(t *testing.T) {
	out, notes := run(t, "folded", format.MustParseText(story), 100, export.Options{})
	want := `a_b"__ (9);mmap 100
a_b"__ (9);nanosleep 1000
a_b"__ (9);restart_syscall 900
again (7);getpid 100
sh (7);clone 1100
sh (7);openat;ENOENT 1500
`
	if string(out) != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
	for line := range strings.Lines(string(out)) {
		if !regexp.MustCompile(`^[^;]+(;[^;]+)+ \d+\n$`).MatchString(line) {
			t.Errorf("%q is no folded stack", line)
		}
	}
	if !strings.Contains(strings.Join(notes, "\n"), "6 calls without a measured duration are left out: 1 child_return, 1 enter_lost, 1 killed, 1 no_return, 1 open_at_end, 1 open_at_start") {
		t.Errorf("notes: %q", notes)
	}
	out, _ = run(t, "folded", format.MustParseText(story), 100, export.Options{Weight: export.Count})
	if !strings.Contains(string(out), "sh (7);openat;ENOENT 1\n") {
		t.Errorf("counts: got\n%s", out)
	}
}

// go tool pprof reads the profile.
func TestPProf(t *testing.T) {
	out, _ := run(t, "pprof", format.MustParseText(story), 100, export.Options{})
	file := filepath.Join(t.TempDir(), "calls.pb.gz")
	if err := os.WriteFile(file, out, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("SKIPPED: no go command")
	}
	raw, err := exec.Command("go", "tool", "pprof", "-raw", file).CombinedOutput()
	if err != nil {
		t.Fatalf("go tool pprof: %v\n%s", err, raw)
	}
	for _, want := range []string{`calls/count time/nanoseconds\[dflt\]`, `\n +1 +1500: \d+ \d+ \d+ *\n +abi:\[x86_64\]\n? *comm:\[sh\]`, `errno:\[ENOENT\]`, `openat :0`, `Duration: `} {
		if !regexp.MustCompile(want).Match(raw) {
			t.Errorf("no %s in\n%s", want, raw)
		}
	}
	top, err := exec.Command("go", "tool", "pprof", "-top", "-sample_index=calls", file).CombinedOutput()
	if err != nil || !regexp.MustCompile(`\b6 total`).Match(top) {
		t.Errorf("go tool pprof -top does not add up to 6 calls (%v):\n%s", err, top)
	}
}

func TestStrace(t *testing.T) {
	out, _ := run(t, "strace", format.MustParseText(story), 100, export.Options{})
	want := `7 1700000000.000000000 <... poll resumed>) = 1
7 1700000000.000001000 openat(AT_FDCWD, 0x7ffe1000, O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory) <0.000001500>
7 1700000000.000003000 clone(CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, NULL, 0x7f10) = 9 <0.000001100>
9 1700000000.000004000 <... clone resumed>) = 0
9 1700000000.000005000 nanosleep(0x10, NULL) = ? ERESTART_RESTARTBLOCK (Interrupted by signal) <0.000001000>
9 1700000000.000006100 restart_syscall(<... resuming interrupted nanosleep ...>) = 0 <0.000000900>
9 1700000000.000007100 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fffdeadbeef <0.000000100>
9 1700000000.000007300 read(0, 0x1000, 1) = ?
9 1700000000.000007400 +++ killed by SIGKILL +++
9 1700000000.000007600 getpid() = 7 <0.000000100>
9 1700000000.000009500 <... close resumed>) = 0
7 1700000000.000009600 wait4(-1, 0x10, 0, NULL <unfinished ...>
9 1700000000.000009700 exit_group(0) = ?
9 1700000000.000009800 +++ exited with 0 +++
`
	if string(out) != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}

func BenchmarkExport(b *testing.B) {
	names := format.NewSymbolTable()
	batch := format.NewBatch(names, 200_000)
	ts := int64(1700000000000000000)
	for i := range 100_000 {
		batch.Append(format.Event{TS: ts, Seq: int64(2 * i), Kind: format.Enter, PID: 7, TID: int32(7 + i%4), Nr: 0, Syscall: "read", Comm: "web", Args: [6]int64{3, 0x7f00 + int64(i%100), 512}})
		batch.Append(format.Event{TS: ts + 500, Seq: int64(2*i + 1), Kind: format.Exit, PID: 7, TID: int32(7 + i%4), Nr: 0, Syscall: "read", Comm: "web", Ret: 512})
		ts += 1000
	}
	calls, err := replay.NewPairer(replay.PairOptions{}).Push(batch, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range export.Formats() {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				var w counter
				x, err := export.New(kind, &w, export.Options{Symbols: names})
				if err != nil {
					b.Fatal(err)
				}
				if err := x.Push(batch, calls); err != nil {
					b.Fatal(err)
				}
				if _, err := x.Finish(nil); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(w)/100_000, "bytes/call")
			}
			b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds()/1e6, "Mcalls/s")
		})
	}
}

type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
