package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"systape/cmd/systape/internal/picture"
	"systape/format"
)

// latencyCapture writes a text capture as a spool into a folder of the test.
func latencyCapture(t testing.TB, text []byte) string {
	t.Helper()
	events, err := format.ParseText(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "capture.spool")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	meta := &format.Meta{Version: format.Version, CaptureID: strings.Repeat("0", 32), Tool: "test", Part: format.Part{Number: 1, Rows: -1, Last: true}}
	for line := range strings.Lines(string(text)) { // as dump writes it
		if request, ok := strings.CutPrefix(line, "# systape.request "); ok {
			if err := json.Unmarshal([]byte(request), &meta.Request); err != nil {
				t.Fatal(err)
			}
		}
	}
	w, err := format.NewSpoolWriter(f, meta)
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), len(events))
	for _, e := range events {
		b.Append(e)
	}
	meta.Complete = true
	if err := errors.Join(w.Write(b), w.Close(meta), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// runLatencyCommand runs systape latency without a terminal.
func runLatencyCommand(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Setenv("CLICOLOR_FORCE", "")
	var out, err bytes.Buffer
	code = run(context.Background(), append([]string{"latency"}, args...), strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// latencyGroup is a group of latency --format json.
type latencyGroup struct {
	Syscall       string  `json:"syscall"`
	Count         int64   `json:"count"`
	Errors        int64   `json:"errors"`
	TotalNS       int64   `json:"total_ns"`
	MinNS         int64   `json:"min_ns"`
	MeanNS        int64   `json:"mean_ns"`
	StddevNS      int64   `json:"stddev_ns"`
	P50           int64   `json:"p50_ns"`
	P90           int64   `json:"p90_ns"`
	P99           int64   `json:"p99_ns"`
	P999          int64   `json:"p999_ns"`
	MaxNS         int64   `json:"max_ns"`
	Censored      int64   `json:"censored"`
	CensoredNS    int64   `json:"censored_ns"`
	CensoredMaxNS int64   `json:"censored_max_ns"`
	Unreached     string  `json:"unreached"`
	ErrorRate     float64 `json:"error_rate"`
}

func latencyGroups(t *testing.T, args ...string) map[string]latencyGroup {
	t.Helper()
	code, out, stderr := runLatencyCommand(t, append(args, "--format", "json")...)
	if code != 0 {
		t.Fatal(stderr)
	}
	var doc struct{ Groups []latencyGroup }
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	groups := map[string]latencyGroup{}
	for _, g := range doc.Groups {
		groups[g.Syscall] = g
	}
	return groups
}

func latencyIncident(t testing.TB) string {
	t.Helper()
	a, err := txtar.ParseFile("../../testdata/stories/incident.txtar")
	if err != nil {
		t.Fatal(err)
	}
	return latencyCapture(t, a.Files[0].Data)
}

// TestLatencyJSONKeys holds the promise of the design: these keys, in this
// order, before any others.
func TestLatencyJSONKeys(t *testing.T) {
	code, out, stderr := runLatencyCommand(t, "--format", "json", "--by", "comm,syscall", latencyIncident(t))
	if code != 0 {
		t.Fatal(stderr)
	}
	if got, want := objectKeys(t, []byte(out)), []string{"capture", "coverage", "groups"}; !slices.Equal(got, want) {
		t.Errorf("keys of the document are %v, want %v", got, want)
	}
	var doc struct {
		Coverage json.RawMessage
		Groups   []json.RawMessage
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	if got, want := objectKeys(t, doc.Coverage), []string{"calls", "used", "by_status", "lost_events", "lost_calls"}; !slices.Equal(got, want) {
		t.Errorf("keys of coverage are %v, want %v", got, want)
	}
	want := []string{"comm", "syscall", "count", "errors", "total_ns", "min_ns", "mean_ns", "stddev_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns", "censored"}
	for _, g := range doc.Groups {
		if got := objectKeys(t, g); !slices.Equal(got[:min(len(got), len(want))], want) {
			t.Errorf("keys of a group are %v, want %v first", got, want)
		}
	}
	if len(doc.Groups) == 0 {
		t.Error("no groups")
	}
}

func objectKeys(t testing.TB, b []byte) (keys []string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k.(string))
	}
	return keys
}

// TestLatencyIsDeterministic runs every view twice.
func TestLatencyIsDeterministic(t *testing.T) {
	capture := latencyIncident(t)
	dir := t.TempDir()
	for i, flags := range []string{"", "--format json", "--by comm,tid,errno --format jsonl", "--errors --format json", "--every 1ms --format csv",
		"--slowest 5", "--overhead", "--histogram", "--heatmap", "--format parquet -o FILE", "-o FILE.svg", "--heatmap -o FILE.svg", "--histogram -o FILE.svg",
		"-o FILE.png"} {
		var first string
		for round := range 2 {
			file := filepath.Join(dir, fmt.Sprintf("%d-%d", i, round))
			code, out, stderr := runLatencyCommand(t, append(strings.Fields(strings.ReplaceAll(flags, "FILE", file)), capture)...)
			if code != 0 {
				t.Fatalf("%s: %s", flags, stderr)
			}
			for _, name := range []string{file, file + ".svg", file + ".png"} {
				if b, err := os.ReadFile(name); err == nil {
					out += string(b)
				}
			}
			if out == "" {
				t.Errorf("%s: no output", flags)
			}
			if round == 0 {
				first = out
			} else if out != first {
				t.Errorf("%s: the second run gives other bytes", flags)
			}
		}
	}
}

// TestLatencyPicturesAreWellFormed reads every picture as XML and looks for
// references to anything outside of it.
func TestLatencyPicturesAreWellFormed(t *testing.T) {
	capture := latencyCapture(t, []byte(`
1000 enter 7 write(1, 2, 3) comm="<&\">"
1900 exit 7 write = 3 comm="<&\">"
2000 enter 7 fsync(1) comm="<&\">"
`))
	for _, view := range []string{"--top=3", "--histogram", "--heatmap"} {
		file := filepath.Join(t.TempDir(), "picture.svg")
		if code, _, stderr := runLatencyCommand(t, view, "--by=comm,syscall", "-o", file, capture); code != 0 {
			t.Fatal(stderr)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(bytes.NewReader(b))
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", view, err)
			}
			if e, ok := token.(xml.StartElement); ok {
				for _, a := range e.Attr {
					if strings.Contains(a.Value, "://") && a.Name.Local != "xmlns" || a.Name.Local == "href" {
						t.Errorf("%s: <%s> refers to %s", view, e.Name.Local, a.Value)
					}
				}
			}
		}
	}
}

// TestLatencyPNG looks at the images where something must be: the ground is
// white, and the ink of each picture is there.
func TestLatencyPNG(t *testing.T) {
	capture := latencyIncident(t)
	rgba := func(colour string) color.RGBA {
		c := color.RGBA{A: 0xff}
		if _, err := fmt.Sscanf(colour, "#%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
			t.Fatal(err)
		}
		return c
	}
	light := picture.Light
	for view, ink := range map[string]string{"--top=3": light.Accent, "--histogram": light.Accent, "--heatmap": light.Shades()[picture.Shades-1]} {
		file := filepath.Join(t.TempDir(), "picture.png")
		if code, _, stderr := runLatencyCommand(t, view, "-o", file, capture); code != 0 {
			t.Fatal(stderr)
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := img.Bounds().Dx(), 2*960; got != want {
			t.Errorf("%s: %d pixels wide, want %d", view, got, want)
		}
		counts := map[color.RGBA]int{}
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				counts[color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)]++
			}
		}
		if counts[rgba(light.Paper)]+counts[rgba(light.Plot)] < img.Bounds().Dx()*img.Bounds().Dy()/2 {
			t.Errorf("%s: most of it is not paper", view)
		}
		if n := counts[rgba(ink)]; n < 100 {
			t.Errorf("%s: %d pixels of colour %s, want some data", view, n, ink)
		}
	}
}

func TestLatencyFileIsWholeOrNotThere(t *testing.T) {
	capture := latencyIncident(t)
	file := filepath.Join(t.TempDir(), "out.csv")
	if code, out, stderr := runLatencyCommand(t, "-o", file, capture); code != 0 || out != "" {
		t.Fatalf("code %d, stdout %q, stderr %s", code, out, stderr)
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(want, []byte("syscall,count,")) {
		t.Fatalf("file of .csv begins %.20q, %v", want, err)
	}
	if code, _, stderr := runLatencyCommand(t, "-o", file, capture); code != exitFailed || !strings.Contains(stderr, "--force") {
		t.Errorf("an existing file: code %d, stderr %q", code, stderr)
	}
	if code, _, stderr := runLatencyCommand(t, "-o", file, "--force", "--by", "comm", capture); code != 0 {
		t.Error(stderr)
	}
	got, _ := os.ReadFile(file)
	if bytes.Equal(got, want) {
		t.Error("--force did not replace the file")
	}
	// A capture that turns out to be damaged leaves the old file as it was.
	broken := filepath.Join(t.TempDir(), "broken.spool")
	b, _ := os.ReadFile(capture)
	for i := len(b) / 2; i < len(b); i++ {
		b[i] ^= 0x55
	}
	os.WriteFile(broken, b, 0o644)
	code, _, _ := runLatencyCommand(t, "-o", file, "--force", broken)
	if after, _ := os.ReadFile(file); code != 0 && !bytes.Equal(after, got) {
		t.Error("a failed run changed the file")
	}
	if _, err := os.Stat(file + ".partial"); err == nil {
		t.Error("a .partial file is left over")
	}
}

func TestLatencyColor(t *testing.T) {
	capture := latencyIncident(t)
	for _, c := range []struct {
		force, no string
		want      bool
	}{{"", "", false}, {"1", "", true}, {"0", "", false}, {"1", "1", false}} {
		for _, view := range []string{"--wide", "--heatmap", "--histogram", "--errors", "--slowest=2", "--overhead"} {
			_, plain, _ := runLatencyCommand(t, view, capture)
			t.Setenv("CLICOLOR_FORCE", c.force)
			t.Setenv("NO_COLOR", c.no)
			var out bytes.Buffer
			run(context.Background(), []string{"latency", view, capture}, nil, &out, io.Discard)
			if got := strings.Contains(out.String(), "\x1b["); got != c.want {
				t.Errorf("%s with CLICOLOR_FORCE=%q NO_COLOR=%q: colours %v, want %v", view, c.force, c.no, got, c.want)
			}
			if !c.want && out.String() != plain {
				t.Errorf("%s: output without colours differs", view)
			}
			t.Setenv("NO_COLOR", "")
		}
	}
}
