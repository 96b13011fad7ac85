package graph_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"systape/format"
	"systape/replay"
	"systape/replay/render/graph"
	"systape/replay/sequences"
)

var update = flag.Bool("update", false, "write what the graphs are into the cases of testdata")

// of makes the graph of events, as the command does.
func of(t testing.TB, events []format.Event) *graph.Graph {
	t.Helper()
	names := format.NewSymbolTable()
	alphabet := sequences.NewAlphabet()
	counter := sequences.NewCounter(2, sequences.NewCodec(2), alphabet)
	streams, err := sequences.NewStreams(sequences.Options{MaxN: 2}, alphabet, counter)
	if err != nil {
		t.Fatal(err)
	}
	pairer := replay.NewPairer(replay.PairOptions{})
	b := format.NewBatch(names, len(events))
	for _, e := range events {
		b.Append(e)
	}
	calls, err := pairer.Push(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	streams.Push(b, calls)
	streams.Finish(pairer.Finish(nil))
	return graph.New(counter, alphabet)
}

// TestStories runs the cases of testdata: each tells its story, then has the
// events, and files named after a format and a share: "dot", "json cover=0.5".
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var g *graph.Graph
			changed := false
			for i := range ar.Files {
				f := &ar.Files[i]
				if f.Name == "capture" {
					events, err := format.ParseText(bytes.NewReader(f.Data))
					if err != nil {
						t.Fatal(err)
					}
					g = of(t, events)
					continue
				}
				words := strings.Fields(f.Name)
				shown := g
				for _, w := range words[1:] {
					key, value, _ := strings.Cut(w, "=")
					x, err := strconv.ParseFloat(value, 64)
					switch {
					case err != nil:
						t.Fatalf("%s: %v", f.Name, err)
					case key == "cover":
						shown = shown.Cover(x)
					case key == "limit":
						shown = shown.Limit(int(x))
					default:
						t.Fatalf("unknown word %q", w)
					}
				}
				var out bytes.Buffer
				if err := shown.Write(&out, graph.Format(words[0]), graph.Caption{Title: "story", Subtitle: "a test"}); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(out.Bytes(), f.Data) {
					if *update {
						f.Data, changed = out.Bytes(), true
						continue
					}
					t.Errorf("%s: got\n%s\nwant\n%s", f.Name, &out, f.Data)
				}
			}
			if changed {
				if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
