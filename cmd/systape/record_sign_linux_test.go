package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systape/format/signature"
)

// recordSigned: finished files are signed, parts one after another; what is
// taken away, changed or made of them is found; the command does not get the
// password.
func recordSigned(t *testing.T, r recorder) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	one := filepath.Join(dir, "one.parquet")
	t.Setenv(passwordVariable, "")
	got := r.run(t, "record", "--sign", key, "-o", one, "--", "sh", "-c", "env")
	if got.code != 0 || strings.Contains(got.out, passwordVariable) || !strings.Contains(got.stderr, "a key to sign with was made") {
		t.Fatalf("record: %+v", got)
	}
	holds := func(file string) string {
		return r.succeed(t, "verify", "--key", key+signature.PublicSuffix, file).out
	}
	fails := func(file, why string) {
		t.Helper()
		if got := r.run(t, "verify", "--key", key+signature.PublicSuffix, file); got.code != exitDamaged || !strings.Contains(got.out, why) {
			t.Errorf("verify: %d, %s; want %q", got.code, got.out, why)
		}
	}
	if out := holds(one); !strings.Contains(out, "ok    S1") || !strings.Contains(out, "ok    S2") {
		t.Errorf("verify: %s", out)
	}
	if out := r.succeed(t, "info", one).out; !strings.Contains(out, "\nsigned     1 of 1 file") {
		t.Errorf("info: %s", out)
	}
	if out := r.succeed(t, "verify", one).out; !strings.Contains(out, "S1   signed with key") {
		t.Errorf("verify without a key: %s", out)
	}
	for _, made := range [][]string{{"copy"}, {"redact"}} {
		to := filepath.Join(dir, made[0]+".parquet")
		got := r.succeed(t, append(made, one, "-o", to)...)
		if !strings.Contains(got.stderr, "not signed") {
			t.Errorf("%s: %s", made[0], got.stderr)
		}
		fails(to, "is not there")
	}
	if got := r.run(t, "record", "--sign", key, "-o", one, "--", "true"); got.code != recordFailed {
		t.Errorf("a signed file was replaced: %+v", got)
	}
	if got := r.run(t, "record", "--sign", key, "-o", "-", "--", "true"); got.code != recordFailed {
		t.Errorf("a stream was signed: %+v", got)
	}

	parts := t.TempDir()
	p := r.command(t, "record", "--sign", key, "-G", "0.2", "-W", "3", "-q", "-o", filepath.Join(parts, "t.parquet"), "--", "sh", "-c", "while read line; do (:); done")
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	p.Stderr = &stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the fourth part", func() bool {
		in.Write([]byte("\n")) // so that there is something to record
		fourth, _ := filepath.Glob(filepath.Join(parts, "t-00004*"))
		return len(fourth) > 0
	})
	in.Close()
	if err := p.Wait(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	files, _ := filepath.Glob(filepath.Join(parts, "*.parquet"))
	signatures, _ := filepath.Glob(filepath.Join(parts, "*"+signature.Suffix))
	if len(files) < 2 || len(files) > 3 || len(signatures) != len(files) {
		t.Fatalf("%d parts and %d signatures are kept", len(files), len(signatures))
	}
	holds(parts)
	last := files[len(files)-1]
	if err := os.Rename(last, filepath.Join(dir, "kept")); err != nil {
		t.Fatal(err)
	}
	fails(parts, "is not there: it was removed, or the recorder ended")
}
