package layers_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Each layer of the way of the data, and who may import what from outside the
// standard library. A package belongs to the longest prefix that matches.
var layers = map[string][]string{
	"systape/bpf":              {"github.com/cilium/ebpf", "golang.org/x/sys"},
	"systape/capture":          {"systape/bpf", "systape/format", "golang.org/x/sys"},
	"systape/format":           {"systape/format", "golang.org/x/sys/windows"},
	"systape/format/abi":       {"systape/format/abi"},
	"systape/format/signature": {"systape/format", "aead.dev/minisign"},

	// Below the capture: what knows numbers and bytes, and nothing of calls.
	"systape/format/internal/columnar": {},
	"systape/format/internal/parquet":  {"systape/format/internal/columnar", "github.com/andybalholm/brotli", "github.com/apache/arrow", "github.com/klauspost/compress", "github.com/pierrec/lz4"},
	"systape/format/internal/zframe":   {},
	"systape/format/internal/ipc":      {"systape/format/internal/columnar", "systape/format/internal/zframe", "github.com/apache/arrow", "github.com/klauspost/compress", "github.com/pierrec/lz4"},

	"systape/replay":           {"systape/replay", "systape/format", "google.golang.org/protobuf", "github.com/google/pprof", "gonum.org/v1/gonum"},
	"systape/replay/escape":    {},
	"systape/replay/units":     {},
	"systape/internal":         {},
	"systape/internal/browser": {"github.com/chromedp"}, // of tests alone

	// Below the commands: what anything is written with, then pictures, then
	// what each result looks like.
	"systape/cmd/systape/internal/out":     {"systape/format", "systape/replay/escape", "github.com/jedib0t/go-pretty", "golang.org/x/term"},
	"systape/cmd/systape/internal/signals": {"golang.org/x/sys"},
	"systape/cmd/systape/internal/picture": {"systape/replay/escape", "golang.org/x/image"},
	"systape/cmd/systape/internal/views":   {"systape/cmd/systape/internal/out", "systape/cmd/systape/internal/picture", "systape/format", "systape/replay"},
	"systape/cmd/systape/internal/page":    {"systape/cmd/systape/internal/picture", "systape/cmd/systape/internal/views", "systape/format", "systape/replay"},
	"systape/cmd/systape/internal/top":     {"systape/cmd/systape/internal/out", "systape/cmd/systape/internal/views", "systape/format", "systape/replay", "charm.land/bubbletea"},
	"systape/cmd": {"aead.dev/minisign", "systape/cmd/systape/internal", "systape/capture", "systape/format", "systape/replay", "github.com/spf13", "github.com/jedib0t/go-pretty",
		"github.com/schollz/progressbar", "github.com/dustin/go-humanize", "golang.org/x/term", "golang.org/x/sys", "golang.org/x/image"},
}

// What no package but the commands may use: only they print, log and exit.
var speaking = []string{"log", "log/slog", "flag"}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	c := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports"}, args...)...)
	c.Dir = "../.."
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var packages []goPackage
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestLayers(t *testing.T) {
	for _, p := range list(t, "./...") {
		layer := ""
		for prefix := range layers {
			if (p.ImportPath == prefix || strings.HasPrefix(p.ImportPath, prefix+"/")) && len(prefix) > len(layer) {
				layer = prefix
			}
		}
		if layer == "" {
			if !strings.HasSuffix(p.ImportPath, "/gen") {
				t.Errorf("%s is on no layer: put it on one in layers_test.go", p.ImportPath)
			}
			continue
		}
		for _, dep := range p.Imports {
			external := strings.Contains(strings.SplitN(dep, "/", 2)[0], ".") || strings.HasPrefix(dep, "systape/")
			allowed := slices.ContainsFunc(layers[layer], func(prefix string) bool {
				return dep == prefix || strings.HasPrefix(dep, prefix+"/")
			})
			if external && !allowed {
				t.Errorf("%s imports %s, which its layer %s may not", p.ImportPath, dep, layer)
			}
			if layer != "systape/cmd" && slices.Contains(speaking, dep) {
				t.Errorf("%s imports %s: only the commands print, log and parse flags", p.ImportPath, dep)
			}
		}
	}
}

// The analysing side must not drag in what only recording needs, nor the
// gRPC that arrow's convenience packages bring.
func TestOfflineStaysOffline(t *testing.T) {
	for _, p := range list(t, "-deps", "./replay/...") {
		for _, bad := range []string{"systape/bpf", "systape/capture", "github.com/cilium/ebpf", "google.golang.org/grpc"} {
			if p.ImportPath == bad || strings.HasPrefix(p.ImportPath, bad+"/") {
				t.Errorf("replay depends on %s", p.ImportPath)
			}
		}
	}
}
