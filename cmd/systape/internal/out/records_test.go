package out

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"systape/format"
)

type row struct {
	n    int64
	name format.Symbol
	text string
	x    float64
	ok   bool
}

func rows(t testing.TB) ([]row, []Field[row], Document) {
	names := format.NewSymbolTable()
	list := []row{{1, names.InternString("web"), "plain, with \"quotes\"", 0.5, true},
		{-1, names.InternString("=cmd()"), "two\nlines\x1b[31m", 1e21, false}, {math.MinInt64, 0, "", 0, false}}
	fields := []Field[row]{Int("n", func(r *row) int64 { return r.n }), Int32("low", func(r *row) int64 { return r.n & 7 }),
		Time("time", func(r *row) int64 { return r.n }), Symbol("name", func(r *row) format.Symbol { return r.name }),
		List("words", func(r *row) string { return r.text }, func(r *row) any { return strings.Fields(r.text) }),
		Float("x", func(r *row) float64 { return r.x }), Bool("ok", func(r *row) bool { return r.ok })}
	return list, fields, Document{Name: "rows", Head: []Value{{"about", "<a\u009b>"}}, Meta: map[string]string{"k": "v"}, Symbols: names}
}

func record(t testing.TB, form string) string {
	t.Helper()
	var b bytes.Buffer
	list, fields, doc := rows(t)
	r, err := NewRecords(&b, form, fields, doc)
	if err != nil {
		t.Fatal(err)
	}
	for i := range list { // in pieces, which must not show
		if err := r.Write(list[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(Value{"total", 3}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRecords(t *testing.T) {
	for form, want := range map[string]string{
		"csv": `n,low,time,name,words,x,ok
1,1,1970-01-01T00:00:00.000000Z,web,"plain, with ""quotes""",0.5,true
-1,7,1969-12-31T23:59:59.999999Z,'=cmd(),two\x0alines\x1b[31m,1e+21,false
-9223372036854775808,0,1677-09-21T00:12:43.145224Z,,,0,false
`,
		"jsonl": `{"n":1,"low":1,"time":"1970-01-01T00:00:00.000000Z","name":"web","words":["plain,","with","\"quotes\""],"x":0.5,"ok":true}
{"n":-1,"low":7,"time":"1969-12-31T23:59:59.999999Z","name":"=cmd()","words":["two","lines\u001b[31m"],"x":1e+21,"ok":false}
{"n":-9223372036854775808,"low":0,"time":"1677-09-21T00:12:43.145224Z","name":"","words":[],"x":0,"ok":false}
`,
		"json": `{"about":"<a\u009b>"
,"rows":[
{"n":1,"low":1,"time":"1970-01-01T00:00:00.000000Z","name":"web","words":["plain,","with","\"quotes\""],"x":0.5,"ok":true},
{"n":-1,"low":7,"time":"1969-12-31T23:59:59.999999Z","name":"=cmd()","words":["two","lines\u001b[31m"],"x":1e+21,"ok":false},
{"n":-9223372036854775808,"low":0,"time":"1677-09-21T00:12:43.145224Z","name":"","words":[],"x":0,"ok":false}]
,"total":3}
`,
	} {
		got := record(t, form)
		if got != want {
			t.Errorf("%s:\n%s\nwant\n%s", form, got, want)
		}
		switch form {
		case "json":
			if !json.Valid([]byte(got)) {
				t.Error("no JSON")
			}
		case "csv":
			if _, err := csv.NewReader(strings.NewReader(got)).ReadAll(); err != nil {
				t.Error(err)
			}
		}
	}
	if got := record(t, "parquet"); !strings.HasPrefix(got, "PAR1") || !strings.Contains(got, "systape.total") {
		t.Error("no parquet file with its metadata")
	}
	if got := record(t, "arrows"); !strings.HasPrefix(got, "\xff\xff\xff\xff") {
		t.Error("no arrow stream")
	}
	_, fields, doc := rows(t)
	if _, err := NewRecords(&bytes.Buffer{}, "xml", fields, doc); err == nil {
		t.Error("xml is a form")
	}
	r, err := NewRecords(&bytes.Buffer{}, "jsonl", fields, doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write([]row{{x: math.NaN()}}); err == nil {
		t.Error("NaN is written as JSON")
	}
}

// Rows cost nothing but what is written.
func TestRecordsAllocateNothing(t *testing.T) {
	list, fields, doc := rows(t)
	fields = append(fields[:4:4], fields[6]) // a list and a float are for few
	many := make([]row, 1000)
	for i := range many {
		many[i] = list[i%len(list)]
	}
	for _, form := range []string{"csv", "jsonl"} {
		r, err := NewRecords(new(discard), form, fields, doc)
		if err != nil {
			t.Fatal(err)
		}
		write := func() {
			if err := r.Write(many); err != nil {
				t.Fatal(err)
			}
		}
		write()
		if n := testing.AllocsPerRun(10, write); n > 0 {
			t.Errorf("%s: %v allocations for %d rows", form, n, len(many))
		}
	}
}

type discard struct{}

func (*discard) Write(p []byte) (int, error) { return len(p), nil }

func TestTable(t *testing.T) {
	tab := Table{Columns: Columns("name", ">count", ""), Indent: "  "}
	tab.Add("a\x1b[31m\n", "1,000", "x")
	tab.Add("世界", "2", "")
	var b strings.Builder
	if err := tab.Write(&b, Style{}); err != nil {
		t.Fatal(err)
	}
	want := "  name           count\n  a\\x1b[31m\\x0a  1,000  x\n  世界               2\n"
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
	if over := tab.Fit(15, 0); over != 5 || tab.Columns[0].Max != 10 {
		t.Errorf("over %d, %+v", over, tab.Columns)
	}
	tab.Drop("count")
	b.Reset()
	tab.Write(&b, Style{})
	if want := "  name\n  a\\x1b[31m…  x\n  世界\n"; b.String() != want {
		t.Errorf("%q want %q", b.String(), want)
	}
}
