package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"systape/format"
)

func TestNamesOfEarlierParts(t *testing.T) {
	for _, c := range []struct{ like, yes, no string }{
		{"t.parquet", "t.parquet t-00001.parquet t-00012-3.parquet t-123456.parquet", "tt.parquet t-1.parquet t-00001-x.parquet t-00001.parquet.spool xt.parquet t-00001_parquet"},
		{"c-%F-%H%M%S.parquet", "c-2026-11-27-190203.parquet c-2026-11-27-190203-00002.parquet", "c-2026-11-27.parquet c-2026-11-27-1902033.parquet c-x-190203.parquet c-2026-11-27-190203-kept.parquet"},
		{"%s", "1795709379 1795709379-00002", "x -00002 1795709379-kept"},
		{"a%%b%j%z%y.%m%d", "a%b365+020026.0102 a%b365+020026-00002.0102", "a%b365020026.0102 a%%b365+020026.0102"},
	} {
		like := namesLike(c.like)
		for name := range strings.FieldsSeq(c.yes) {
			if !like.MatchString(name) {
				t.Errorf("%s: %s is not found", c.like, name)
			}
		}
		for name := range strings.FieldsSeq(c.no) {
			if like.MatchString(name) {
				t.Errorf("%s: %s is taken for one", c.like, name)
			}
		}
	}
}

// recordKeepsLatestOfAll: -W counts what earlier recorders of the name left, after
// a restart, and nothing else.
func recordKeepsLatestOfAll(t *testing.T, r recorder) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	record := func(to string, flags ...string) {
		t.Helper()
		before, _ := filepath.Glob(in("*"))
		r.succeed(t, append(append([]string{"record", "-q", "-o", in("%Y-t.parquet")}, flags...), "--", "true")...)
		after, _ := filepath.Glob(in("*"))
		made := slices.DeleteFunc(after, func(path string) bool { return slices.Contains(before, path) })
		if len(made) != 1 {
			t.Fatalf("made %q", made)
		}
		if err := os.Rename(made[0], in(to)); err != nil {
			t.Fatal(err)
		}
	}
	left := func(want ...string) {
		t.Helper()
		var got []string
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			got = append(got, e.Name())
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	// The order is that of the recordings, not that of the names.
	record("2003-t.parquet", "-W", "9")
	record("2001-t.parquet", "-W", "9")
	record("2009-t.parquet.spool", "-W", "9", "--spool")
	if err := os.WriteFile(in("2009-t.parquet.partial"), nil, 0o600); err != nil { // what was sealed of it
		t.Fatal(err)
	}
	record("2002-t.parquet", "-W", "9")
	// None of these is the recorder's to remove.
	record("2004-t.parquet")
	r.succeed(t, "copy", in("2001-t.parquet"), "-o", in("2005-t.parquet"))
	if err := os.WriteFile(in("2006-t.parquet"), []byte("a list of things"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.succeed(t, "record", "-q", "-W", "9", "-o", in("2007-%y.parquet"), "--", "true")
	other, _ := filepath.Glob(in("2007-*.parquet"))
	if err := os.Rename(other[0], in("2007-t.parquet")); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(t.TempDir(), "kept")
	if err := os.Rename(in("2003-t.parquet"), kept); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(kept, in("2003-t.parquet")); err != nil {
		t.Fatal(err)
	}
	foreign := []string{"2003-t.parquet", "2004-t.parquet", "2005-t.parquet", "2006-t.parquet", "2007-t.parquet"}

	record("2010-t.parquet", "-W", "3")
	left(append(append([]string{"2002-t.parquet"}, foreign...), "2009-t.parquet.partial", "2009-t.parquet.spool", "2010-t.parquet")...)
	if !exists(kept) {
		t.Error("a file was removed through a link")
	}

	// The parts of a recording that goes on are that one's.
	p := r.command(t, "record", "-q", "-a", "-W", "9", "-o", in("%Y-t.parquet"))
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "events on the spool", spoolGrows(in(time.Now().Format("2006")+"-t.parquet")))
	var first []string
	waitFor(t, "its first part", func() bool {
		p.Process.Signal(syscall.SIGHUP)
		first, _ = filepath.Glob(in("20[2-9]*-t.parquet"))
		return len(first) > 0
	})
	if err := os.Rename(first[0], in("2011-t.parquet")); err != nil {
		t.Fatal(err)
	}
	// Whose a spool is cannot be told before its first bytes are there.
	unknown, err := os.Create(in("2012-t.parquet.spool"))
	if err != nil {
		t.Fatal(err)
	}
	if err := format.LockSpool(unknown); err != nil {
		t.Fatal(err)
	}
	said := r.finish(t, r.command(t, "record", "-q", "-W", "1", "-o", in("%Y-t.parquet"), "--", "true"))
	if said.code != 0 || !strings.Contains(said.stderr, "does not say of which recording") || !exists(in("2010-t.parquet")) || !exists(in("2011-t.parquet")) {
		t.Errorf("beside a spool that says nothing yet: %+v", said)
	}
	unknown.Close()
	for _, path := range []string{unknown.Name(), in(time.Now().Format("2006") + "-t.parquet")} {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}

	r.succeed(t, "record", "-q", "-W", "1", "-o", in("%Y-t.parquet"), "--", "true")
	for _, name := range append(foreign, "2011-t.parquet", filepath.Base(first[0])) {
		if !exists(in(name)) {
			t.Errorf("%s was removed", name)
		}
	}
	for _, name := range []string{"2002-t.parquet", "2009-t.parquet.spool", "2009-t.parquet.partial", "2010-t.parquet"} {
		if exists(in(name)) {
			t.Errorf("%s is still there", name)
		}
	}
	p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Error(err)
	}

	// A name that the recorder chooses is the same each time, but for the time.
	dir = t.TempDir()
	for range 3 {
		p := r.command(t, "record", "-q", "-W", "1", "--", "true")
		p.Dir = dir
		r.finish(t, p)
		list, _ := filepath.Glob(in("*"))
		if len(list) != 1 {
			t.Fatalf("got %q, want one", list)
		}
		if err := os.Rename(list[0], strings.Replace(list[0], "true-20", "true-19", 1)); err != nil {
			t.Fatal(err)
		}
	}
}
