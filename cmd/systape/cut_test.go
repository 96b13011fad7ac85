package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A capture that is cut off anywhere, in each of its forms, gives no command an
// answer that differs in silence: a warning is beside it, or an error that names
// the file, and verify never holds.
func TestCutFilesAreTold(t *testing.T) {
	var text strings.Builder
	for i := range 40 {
		fmt.Fprintf(&text, "%d enter 7 openat(3, 0, 0, 0)\n%d exit 7 openat = %d\n", 20*i+10, 20*i+15+i%3, i)
	}
	spool := latencyCapture(t, []byte(text.String()))
	dir := t.TempDir()
	parquet, bundle := filepath.Join(dir, "w.parquet"), filepath.Join(dir, "w.zip")
	for _, args := range [][]string{{"copy", spool, "-o", parquet}, {"bundle", parquet, "-o", bundle}} {
		if code, _, stderr := commandLine(t, args...); code != exitOK {
			t.Fatal(stderr)
		}
	}
	for _, file := range []string{spool, parquet, bundle} {
		t.Run(filepath.Ext(file), func(t *testing.T) { cutEverywhere(t, file) })
	}
	begun := func(name string, share int) string {
		data, err := os.ReadFile(name)
		to := filepath.Join(t.TempDir(), "begun"+filepath.Ext(name))
		if err != nil || os.WriteFile(to, data[:len(data)/share], 0o600) != nil {
			t.Fatal(err)
		}
		return to
	}
	for _, c := range []struct {
		file, says string
		code       int
	}{
		{bundle, "is a bundle: nothing to recover", exitFailed},
		{begun(bundle, 2), "the zip file is cut off\nhint: copy it again", exitFailed},
		{begun(parquet, 8), "nothing can be recovered", exitDamaged},
	} {
		if code, _, stderr := commandLine(t, "recover", c.file); code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("recover %s: exit code %d, %s; want %d and %q", filepath.Base(c.file), code, stderr, c.code, c.says)
		}
	}
}

func cutEverywhere(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "cut"+filepath.Ext(file))
	write := func(b []byte) {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	commands := [][]string{{"verify"}, {"info"}, {"latency", "--format", "csv"}, {"replay"}, {"dump"}, {"pair", "-o", "-", "--format", "csv"}, {"export", "--format", "jsonl", "-o", "-"}}
	write(data)
	var whole []string
	for _, c := range commands {
		code, stdout, stderr := commandLine(t, append(c, name)...)
		if code != exitOK || strings.Contains(stderr, "warning") {
			t.Fatalf("%s of the whole file: exit code %d, %s", c[0], code, stderr)
		}
		whole = append(whole, stdout)
	}
	for cut := range data {
		edge := cut < 24 || cut > len(data)-40 || slices.Contains([]string{"\xff\xff\xff\xff", "PAR1", "\x28\xb5\x2f\xfd", "PK\x01\x02"}, string(data[cut:min(cut+4, len(data))]))
		if !edge && cut%1499 != 0 {
			continue
		}
		write(data[:cut])
		for i, c := range commands {
			code, stdout, stderr := commandLine(t, append(c, name)...)
			switch told := strings.Contains(stderr, name); {
			case code == exitOK && (c[0] == "verify" || stdout != whole[i] && !(told && strings.Contains(stderr, "warning: "))):
				t.Errorf("%s of %d bytes of %d: exit code 0, %q", c[0], cut, len(data), stderr)
			case code != exitOK && code != exitFailed && code != exitDamaged, code == exitFailed && !told, code == exitDamaged && !told && c[0] != "verify":
				t.Errorf("%s of %d bytes of %d: exit code %d, %q", c[0], cut, len(data), code, stderr)
			}
		}
		to := filepath.Join(t.TempDir(), "saved.parquet")
		code, _, stderr := commandLine(t, "recover", name, "-o", to)
		if code == exitOK {
			if again, _, complaint := commandLine(t, "verify", to); again != exitOK {
				t.Errorf("%d bytes of %d: what is recovered does not hold: %s", cut, len(data), complaint)
			}
		} else if !strings.Contains(stderr, name) || code != exitFailed && code != exitDamaged {
			t.Errorf("recover of %d bytes of %d: exit code %d, %q", cut, len(data), code, stderr)
		}
	}
}
