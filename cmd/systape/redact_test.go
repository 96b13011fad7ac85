package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"systape/format"
)

// sameFigures are the answers that must not change when a capture is redacted,
// and the keys of JSON that they may differ in: what the capture is called and
// when it was.
var sameFigures = [][]string{
	{"latency", "--format", "json", "--top", "0"},
	{"latency", "--format", "json", "--top", "0", "--by", "syscall,pid"},
	{"latency", "--errors", "--format", "json", "--top", "0"},
	{"sequences", "--format", "json", "--top", "0"},
	{"seccomp", "--format", "json", "--runtime", "none"},
}

// figures is an answer without what names and dates it.
func figures(t *testing.T, args ...string) any {
	t.Helper()
	code, stdout, stderr := commandLine(t, args...)
	if code != 0 && code != exitDamaged {
		t.Fatalf("%q: exit code %d, %s", args, code, stderr)
	}
	var v any
	if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return withoutNames(v)
}

func withoutNames(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			switch {
			case k == "capture" || k == "comm" || k == "comms" || k == "first_comm" || k == "first_file" || k == "detail" || k == "constant_args" ||
				strings.HasPrefix(k, "first") || strings.HasPrefix(k, "last") || k == "threads" || k == "streams" || k == "path":
				delete(v, k)
			default:
				v[k] = withoutNames(x)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNames(v[i])
		}
	}
	return v
}

// TestRedactKeepsFigures redacts the frozen captures: every figure is the same,
// and none of the names that told something is left.
func TestRedactKeepsFigures(t *testing.T) {
	for _, name := range []string{"v1/workload.parquet", "v1/workload.spool", "v2/story.parquet", "v2/story.spool"} {
		t.Run(name, func(t *testing.T) {
			capture := "../../testdata/" + name
			safe := filepath.Join(t.TempDir(), "safe.parquet")
			if code, _, stderr := commandLine(t, "redact", capture, "-o", safe, "--drop", "sizes,numbers,results"); code != 0 {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			for _, args := range sameFigures {
				if want, got := figures(t, append(args[:len(args):len(args)], capture)...), figures(t, append(args[:len(args):len(args)], safe)...); !reflect.DeepEqual(got, want) {
					t.Errorf("%q differs\ngot:  %v\nwant: %v", args, got, want)
				}
			}
			want, _, _ := commandLine(t, "verify", capture)
			if code, stdout, stderr := commandLine(t, "verify", safe); code != want {
				t.Errorf("verify: exit code %d, of the capture itself %d\n%s%s", code, want, stdout, stderr)
			}
			var before, after format.Meta
			for file, m := range map[string]*format.Meta{capture: &before, safe: &after} {
				_, stdout, _ := commandLine(t, "info", "--format", "json", file)
				if err := json.Unmarshal([]byte(stdout), m); err != nil {
					t.Fatal(err)
				}
			}
			if before.CaptureID == after.CaptureID || before.Host.Name == after.Host.Name || before.Host.BootID != "" && before.Host.BootID == after.Host.BootID || before.Clock.OffsetNS == after.Clock.OffsetNS {
				t.Errorf("got %+v, want other names than %+v", after, before)
			}
			if after.Redacted == nil || len(after.Redacted.Dropped) != 3 {
				t.Error("it does not say that it was redacted")
			}
		})
	}
}

// TestRedactKeepsFiles: which file and which socket a call is about is known of
// a redacted capture, too, as far as it was before; only the names are others.
func TestRedactKeepsFiles(t *testing.T) {
	dir := t.TempDir()
	text, capture, safe := filepath.Join(dir, "text"), filepath.Join(dir, "t.parquet"), filepath.Join(dir, "safe.parquet")
	if err := os.WriteFile(text, []byte(`10 fd 7 fd=3 flags=2 "TCP:[192.0.2.7:22]"
11 fd 7 fd=4 flags=2 "/srv/acme/orders.db"
20 enter 7 accept4(3, 0x7ffc00001000, 0x7ffc00001010, 0)
30 exit 7 accept4 = 5 "1=203.0.113.9:4000"
40 enter 7 read(5, 0x7ffc00001000, 100)
51 exit 7 read = 10
60 enter 7 pipe2(0x7ffc00001000, 0)
80 exit 7 pipe2 = 0 "0=[6, 8]"
90 enter 7 write(8, 0x7ffc00001000, 1)
95 exit 7 write = 1
96 enter 7 openat(-100, 0x7ffc00001000, 0, 0)
98 exit 7 openat = 9 "1=/srv/acme/late"
100 enter 7 fstat(9, 0x7ffc00001000)
103 exit 7 fstat = 0
104 enter 7 fsync(4)
150 exit 7 fsync = 0
`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"import", "--from", "dump", text, "-o", capture}, {"redact", capture, "-o", safe}} {
		if code, _, stderr := commandLine(t, args...); code != 0 {
			t.Fatalf("%q: exit code %d: %s", args, code, stderr)
		}
	}
	for _, by := range []string{"path", "fd-type", "path,syscall"} {
		args := []string{"latency", "--by", by, "--format", "json", "--top", "0"}
		want, got := figures(t, append(args, capture)...), figures(t, append(args, safe)...)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("--by %s differs\ngot:  %v\nwant: %v", by, got, want)
		}
	}
	_, stdout, _ := commandLine(t, "latency", "--by", "path", "--format", "csv", safe)
	for _, known := range []string{"TCP:[ip4-", ":22->ip4-", ":4000]", "\npipe,", "/srv/"} {
		if !strings.Contains(stdout, known) {
			t.Errorf("%q is not told:\n%s", known, stdout)
		}
	}
	if strings.Contains(stdout, "acme") {
		t.Errorf("a name is left:\n%s", stdout)
	}
}

// TestEndlessFiles: what is no capture is read to a bound.
func TestEndlessFiles(t *testing.T) {
	endless := filepath.Join(t.TempDir(), "endless")
	f, err := os.Create(endless)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(1 << 40); err != nil { // a hole
		t.Skip(err)
	}
	for _, args := range [][]string{{"redact", "--key", endless, "--dry-run"}, {"audit", "--rules", endless}, {"seccomp", "--check", endless}} {
		code, _, stderr := commandLine(t, append(args, "../../testdata/v2/story.parquet")...)
		if code != exitFailed || !strings.Contains(stderr, "more than 1 MiB") {
			t.Errorf("%q: exit code %d, %s", args, code, stderr)
		}
	}
}

// TestRedactKeyFile makes a key, which two captures then agree by, and refuses
// what cannot be one.
func TestRedactKeyFile(t *testing.T) {
	capture, dir := "../../testdata/v2/story.parquet", t.TempDir()
	key := filepath.Join(dir, "team.key")
	names := func(args ...string) string {
		t.Helper()
		out := filepath.Join(t.TempDir(), "safe.parquet")
		if code, _, stderr := commandLine(t, append([]string{"redact", capture, "-o", out}, args...)...); code != 0 {
			t.Fatalf("%q: exit code %d: %s", args, code, stderr)
		}
		_, dump, _ := commandLine(t, "dump", out)
		return dump
	}
	first := names("--key", key)
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the key: %v, %v", info, err)
	}
	if names("--key", key) != first {
		t.Error("the same key gives another capture the second time")
	}
	if names() == first {
		t.Error("no key gives the same capture")
	}
	if err := os.WriteFile(key, []byte("guess me\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := commandLine(t, "redact", capture, "--key", key, "--dry-run"); code != exitFailed || !strings.Contains(stderr, "can be guessed") {
		t.Errorf("a short key: exit code %d, %s", code, stderr)
	}
}

// TestPrivacy tells where names are: info --privacy, what redact would do, and
// that info shows no secrets.
func TestPrivacy(t *testing.T) {
	capture := privacyCapture(t)
	_, text, _ := commandLine(t, "info", "--privacy", capture)
	for _, want := range []string{"command line", "hunter2", "executed files", "/opt/acme/shop", "names of threads", "acme-shop", "build-7", "never in a capture:"} {
		if !strings.Contains(text, want) {
			t.Errorf("--privacy lacks %q:\n%s", want, text)
		}
	}
	_, plain, _ := commandLine(t, "info", capture)
	if strings.Contains(plain, "hunter2") || !strings.Contains(plain, "--token=***") {
		t.Errorf("info shows the secret, or not that there was one:\n%s", plain)
	}
	_, dry, _ := commandLine(t, "redact", "--dry-run", capture)
	if !strings.Contains(dry, "acme-shop → x") {
		t.Errorf("--dry-run does not say what becomes of names:\n%s", dry)
	}
	safe := filepath.Join(t.TempDir(), "safe.parquet")
	if code, _, stderr := commandLine(t, "redact", capture, "-o", safe); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	raw, err := os.ReadFile(safe)
	if err != nil {
		t.Fatal(err)
	}
	_, dump, _ := commandLine(t, "dump", safe)
	for _, secret := range []string{"hunter2", "acme", "build-7"} {
		if strings.Contains(string(raw), secret) || strings.Contains(dump, secret) {
			t.Errorf("%q is in the redacted capture", secret)
		}
	}
	_, again, _ := commandLine(t, "info", "--privacy", safe)
	if !strings.Contains(again, "its arguments are left out") || !strings.Contains(again, "redacted:") {
		t.Errorf("the redacted capture's --privacy:\n%s", again)
	}
}

func privacyCapture(t *testing.T) string {
	t.Helper()
	events := format.MustParseText(`1000 exec 7 "/opt/acme/shop" comm="acme-shop"
1010 enter 7 read(3, 0x7f0000001000, 512) comm="acme-shop"
1020 exit 7 read = 12 comm="acme-shop"
`)
	path := filepath.Join(t.TempDir(), "capture.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	meta := &format.Meta{Version: format.Version, CaptureID: strings.Repeat("0", 32), Tool: "test", Complete: true, Part: format.Part{Number: 1, Last: true},
		Host:    format.Host{Name: "build-7.acme.example", Kernel: "6.1.0-acme", Arch: "x86_64", BootID: "8a4ad0ca-2f0a-4b0c-9c06-3a8d5e4f1b2c"},
		Request: format.Request{Command: []string{"/opt/acme/shop", "--token=hunter2"}, Sample: 1}}
	w, err := format.NewParquetWriter(f, meta)
	if err != nil {
		t.Fatal(err)
	}
	b := format.NewBatch(format.NewSymbolTable(), len(events))
	for _, e := range events {
		b.Append(e)
	}
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(meta); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
