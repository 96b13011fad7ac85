package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"systape/capture"
)

// recordStartsAgain: a recorder that is started again, after its end or a kill,
// under a name that is the same at that time goes on beside what is there.
func recordStartsAgain(t *testing.T, r recorder) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	year := time.Now().Format("2006")
	names := func() string {
		list, _ := filepath.Glob(in("*"))
		for i := range list {
			list[i] = strings.ReplaceAll(filepath.Base(list[i]), year, "%Y")
		}
		return strings.Join(list, " ")
	}
	for _, c := range []struct{ flags, name, want string }{
		{"-G 1h", "c-%Y.parquet", "c-%Y-00001-2.parquet c-%Y-00001-3.parquet c-%Y.parquet"},
		{"-G 1h -W 2", "d-%Y.parquet", "d-%Y-00001-2.parquet d-%Y-00001-3.parquet"},
		{"-W 2", "e.parquet", "e-00001-2.parquet e-00001-3.parquet"},
		{"--flight 1s", "f.parquet", "f-00001-2.parquet f-00001-3.parquet f-00001.parquet"},
	} {
		for range 3 {
			r.succeed(t, append(append([]string{"record", "-q", "-o", in(c.name)}, strings.Fields(c.flags)...), "--", "true")...)
		}
		if got := names(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.flags, got, c.want)
		}
		r.succeed(t, "verify", dir)
		for _, path := range strings.Fields(c.want) {
			os.Remove(in(strings.ReplaceAll(path, "%Y", year)))
		}
	}
	// Without a time in the name, and nothing to keep, the user is asked.
	r.succeed(t, "record", "-q", "-C", "1GB", "-o", in("g.parquet"), "--", "true")
	if got := r.run(t, "record", "-q", "-C", "1GB", "-o", in("g.parquet"), "--", "true"); got.code != recordFailed || !strings.Contains(got.stderr, "g-00001.parquet exists\nhint: ") {
		t.Errorf("got %+v", got)
	}
	os.Remove(in("g-00001.parquet"))

	// What a kill leaves is named, if there is an event in it, and else goes.
	p := r.command(t, "record", "-q", "-a", "-G", "1h", "-o", in("k-%Y.parquet"))
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "events on the spool", spoolGrows(in("k-"+year+".parquet")))
	p.Process.Signal(syscall.SIGKILL)
	p.Wait()
	os.Remove(in("k-" + year + ".parquet.partial"))
	for _, name := range []string{"k-2001.parquet.spool", "other.parquet.spool"} {
		if err := os.WriteFile(in(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := r.run(t, "record", "-q", "-G", "1h", "-o", in("k-%Y.parquet"), "--", "true")
	want := "systape: warning: earlier recordings were cut off; to save them: systape recover " + in("k-"+year+".parquet.spool") + "\n"
	if got.code != 0 || got.stderr != want {
		t.Errorf("got %+v, want %s", got, want)
	}
	if got, want := names(), "k-%Y-00001-2.parquet k-%Y.parquet.spool other.parquet.spool"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Likewise where the name is that of an empty one.
	r.succeed(t, "record", "-q", "-o", in("other.parquet"), "--", "true")
}

// recordFullDiskInParts: a full disk is told by the file that found no room, and
// every spool that is left is named; all of them can be recovered.
func recordFullDiskInParts(t *testing.T, r recorder) {
	full := smallDisk(t, "3m")
	got := r.run(t, "record", "-C", "500kB", "-o", filepath.Join(full, "t.parquet"), "--", r.program("noise"), "3000000")
	spools, _ := filepath.Glob(filepath.Join(full, "*.spool"))
	if got.code != recordFailed || len(spools) == 0 {
		t.Fatalf("got %+v, and spools %q", got, spools)
	}
	for _, want := range []string{
		"recording stopped: write " + spools[len(spools)-1] + ": no space left on device\n",
		"\n  systape recover " + strings.Join(spools, " ") + "\n",
	} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("got %q, which does not say %q", got.stderr, want)
		}
	}
	// Where the rest of the disk is taken, recover says what helps.
	if err := os.WriteFile(filepath.Join(full, "rest"), make([]byte, 3<<20), 0o600); err == nil {
		t.Error("the disk is not full")
	}
	if got := r.run(t, "recover", spools[0]); got.code != exitFailed || !strings.Contains(got.stderr, "no space left on device\nhint: free some space, or make it on another disk") {
		t.Errorf("recover: %+v", got)
	}
	elsewhere := t.TempDir()
	for _, spool := range spools {
		r.succeed(t, "recover", spool, "-o", filepath.Join(elsewhere, filepath.Base(spool)+".parquet"))
	}
}

// recordEndedAtOnce: a recorder that is told to end when it has hardly begun leaves a
// capture, and no spool.
func recordEndedAtOnce(t *testing.T, r recorder) {
	for _, flags := range [][]string{nil, {"-G", "1h"}} {
		dir := t.TempDir()
		p := r.command(t, append([]string{"record", "-q", "-a", "-o", filepath.Join(dir, "t.parquet")}, flags...)...)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		for begun := time.Now(); time.Since(begun) < 20*time.Second; {
			if list, _ := filepath.Glob(filepath.Join(dir, "*")); len(list) > 0 {
				break
			}
		}
		p.Process.Signal(syscall.SIGTERM)
		err := p.Wait()
		list, _ := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(list) != 1 || filepath.Ext(list[0]) != ".parquet" {
			t.Errorf("%q: %v, left %q", flags, err, list)
		}
	}
}

// recordFolderMoved: where the folder of the parts is moved away or removed, no next
// part can be made; what is told of the others is where they are now.
func recordFolderMoved(t *testing.T, r recorder) {
	for _, c := range []struct {
		what string
		do   func(dir string) error
		want string // in the place of DIR stands the folder's
	}{
		{"moved", func(dir string) error { return os.Rename(dir, dir+"-moved") }, "systape recover DIR-moved/t-00001.parquet.spool"},
		{"removed", os.RemoveAll, "DIR/t-00001.parquet.spool was removed, and what was recorded with it"},
	} {
		dir := filepath.Join(t.TempDir(), "d")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		p := r.command(t, "record", "-q", "-a", "-G", "1h", "-o", filepath.Join(dir, "t.parquet"))
		var stderr strings.Builder
		p.Stderr = &stderr
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "events on the spool", spoolGrows(filepath.Join(dir, "t-00001.parquet")))
		if err := c.do(dir); err != nil {
			t.Fatal(err)
		}
		p.Process.Signal(syscall.SIGHUP)
		err := p.Wait()
		said := strings.ReplaceAll(stderr.String(), dir, "DIR")
		if p.ProcessState.ExitCode() != exitFailed || !strings.Contains(said, c.want) || strings.Contains(said, "recover") != (c.what == "moved") {
			t.Errorf("%s: %v, %s", c.what, err, said)
		}
	}
}

// recordStickyFolder: what is another user's in a folder like /tmp is not to be
// replaced, which is said before anything is recorded.
func recordStickyFolder(t *testing.T, r recorder) {
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o777|fs.ModeSticky); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a.parquet", "b.parquet.spool"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a.parquet", "b.parquet"} {
		c := r.command(t, "record", "--force", "-o", filepath.Join(dir, name), "-a", "-d", "1")
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if got := r.finish(t, c); got.code != exitFailed || !strings.Contains(got.stderr, " is another user's, and in its folder nobody else may replace it\nhint: choose another name") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestHintNamesEverySpool(t *testing.T) {
	o := recordOutput{}
	o.now([]capture.Output{{Spool: "/a b/t-00002.parquet.spool", Path: "/a b/t-00002.parquet"}, {Spool: "/a b/t-00003.parquet.spool"}, {Spool: "/a b/t-00004.parquet.spool"}})
	want := "what was recorded is safe in /a b/t-00002.parquet.spool and 2 spools more; to make captures of them:\n" +
		"  systape recover '/a b/t-00002.parquet.spool' '/a b/t-00003.parquet.spool' '/a b/t-00004.parquet.spool'"
	if got := o.hint(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if o.now(nil); o.hint() != "" {
		t.Errorf("got %s of nothing", o.hint())
	}
}
