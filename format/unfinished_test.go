package format_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"systape/format"
)

// What stands where the file, or its unfinished form, wants to be.
func TestUnfinishedFilesHarmNothing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links and modes are of Unix")
	}
	const precious = "precious"
	for _, c := range []struct {
		name  string
		force bool
		stage func(t *testing.T, dir, path string) // victim is a file beside the folder
		want  string                               // of the error; "": it works
	}{
		{"nothing is there", false, func(*testing.T, string, string) {}, ""},
		{"a file", false, func(t *testing.T, _, path string) { write(t, path, precious) }, "exists"},
		{"a file, force", true, func(t *testing.T, _, path string) { write(t, path, "old") }, ""},
		{"a link to the victim", false, func(t *testing.T, dir, path string) { link(t, dir+"/victim", path) }, "exists"},
		{"a link to the victim, force", true, func(t *testing.T, dir, path string) { link(t, dir+"/victim", path) }, ""},
		{"a link to nothing", false, func(t *testing.T, dir, path string) { link(t, dir+"/nothing", path) }, "exists"},
		{"a folder, force", true, func(t *testing.T, _, path string) { mkdir(t, path) }, "not a regular file"},
		{"a link planted as the partial file", false, func(t *testing.T, dir, path string) { link(t, dir+"/victim", path+".partial") }, ""},
		{"a link to nothing planted as the partial file", false, func(t *testing.T, dir, path string) { link(t, dir+"/nothing", path+".partial") }, ""},
		{"another's file as the partial file", false, func(t *testing.T, _, path string) { writeMode(t, path+".partial", "theirs", 0o666) }, ""},
		{"a folder as the partial file", false, func(t *testing.T, _, path string) { mkdir(t, path+".partial") }, "folder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir+"/victim", precious)
			path := filepath.Join(dir, "out")
			c.stage(t, dir, path)
			err := finish(path, "results", c.force)
			if victim, _ := os.ReadFile(dir + "/victim"); string(victim) != precious {
				t.Errorf("the victim holds %q", victim)
			}
			if exists(dir + "/nothing") {
				t.Error("a file was made through a link")
			}
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want an error with %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			st, err := os.Lstat(path)
			if err != nil || !st.Mode().IsRegular() || st.Mode().Perm() != 0o600 {
				t.Errorf("got %v, %v; want a regular file of mode 0600", st.Mode(), err)
			}
			if got, _ := os.ReadFile(path); string(got) != "results" {
				t.Errorf("it holds %q", got)
			}
			if exists(path + ".partial") {
				t.Error("the partial file is still there")
			}
		})
	}
}

func write(t *testing.T, path, text string) { t.Helper(); writeMode(t, path, text, 0o600) }

func writeMode(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// finish writes a file the way that every command does.
func finish(path, text string, force bool) error {
	u, err := format.CreateUnfinished(path, format.FileOptions{Force: force})
	if err != nil {
		return err
	}
	defer u.Abort()
	if _, err := io.WriteString(u, text); err != nil {
		return err
	}
	return u.Publish(nil)
}

func TestUnfinishedFilesStandForOpenFiles(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/dev/stdout is a link on Linux")
	}
	if _, err := format.CreateUnfinished("/dev/stdout", format.FileOptions{Force: true}); err == nil || !strings.Contains(err.Error(), "open file") {
		t.Errorf("/dev/stdout: got %v, want that it is left alone", err)
	}
	if _, err := format.CreateUnfinished("/dev/null", format.FileOptions{Force: true}); err == nil {
		t.Error("/dev/null would be replaced")
	}
}

// Two writers of one name: the second is told, and the first goes on.
func TestUnfinishedFilesHaveOneWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	first, err := format.CreateUnfinished(path, format.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Abort()
	if runtime.GOOS != "windows" {
		if _, err := format.CreateUnfinished(path, format.FileOptions{Force: true}); !errors.Is(err, format.ErrInUse) {
			t.Errorf("the second: got %v, want ErrInUse", err)
		}
	}
	io.WriteString(first, "first")
	if err := first.Publish(nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "first" {
		t.Errorf("got %q", got)
	}
	first.Abort()
	if !exists(path) {
		t.Error("abort after publish removed the file")
	}
}

// What is not ours any more is neither published nor removed.
func TestUnfinishedFilesThatWereTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	u, err := format.CreateUnfinished(path, format.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path + ".partial"); err != nil {
		t.Skip(err) // an open file cannot be removed on Windows
	}
	write(t, path+".partial", "another's")
	if err := u.Publish(nil); err == nil {
		t.Error("the file of another was published")
	}
	if got, _ := os.ReadFile(path + ".partial"); string(got) != "another's" || exists(path) {
		t.Errorf("the file of another holds %q", got)
	}
}

func TestUnfinishedFilesOfFailedChecksAreGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	write(t, path, "before")
	u, err := format.CreateUnfinished(path, format.FileOptions{Force: true})
	if err != nil {
		t.Fatal(err)
	}
	bad := errors.New("bad")
	if err := u.Publish(func(*os.File) error { return bad }); !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "before" || exists(path+".partial") {
		t.Errorf("the name holds %q, want what was there before and no partial file", got)
	}
}

// Names up to the longest that file systems have.
func TestNamesNearTheLimit(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []int{240, 247, 248, 249, 250, 254, 255} {
		for _, letter := range []string{"x", "ß"} {
			name := strings.Repeat(letter, n/len(letter))
			path := filepath.Join(dir, name)
			for _, other := range []string{format.SpoolName(path), format.PartialName(path)} {
				if got := len(filepath.Base(other)); got > 255 || other == path {
					t.Errorf("%d bytes: %q has %d", n, other, got)
				}
			}
			if err := finish(path, "x", true); err != nil {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
	}
	if format.SpoolName("a/b") != "a/b.spool" || format.PartialName("b") != "b.partial" {
		t.Error("short names are as they always were")
	}
}

// A spool in use is told from one that was cut off.
func TestSpoolInUse(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nothing is locked there")
	}
	r := record(t, events(1, 300), 100)
	r.write(2)
	if err := format.LockSpool(r.file); err != nil {
		t.Fatal(err)
	}
	spool := r.path + format.SpoolSuffix
	again, err := os.Open(spool)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := format.LockSpool(again); !errors.Is(err, format.ErrRecording) {
		t.Errorf("a second recorder: got %v, want ErrRecording", err)
	}
	got, _, err := read(t, []string{spool}, format.ReadOptions{})
	if len(got) != 200 || !errors.Is(err, format.ErrRecording) || !errors.Is(err, format.ErrIncomplete) {
		t.Errorf("reading it: %d rows, then %v; want 200 and ErrRecording", len(got), err)
	}
	if strings.Contains(err.Error(), "properly") {
		t.Errorf("reading it: %v", err)
	}
	rep, err := format.Verify(t.Context(), []string{spool}, format.ReadOptions{})
	if err != nil || !rep.OK() || rep.Rules[11].State != format.NotChecked {
		t.Errorf("verify: %+v, %v", rep, err)
	}
	if _, err := format.Recover(spool, r.path, format.FileOptions{Force: true}); !errors.Is(err, format.ErrRecording) || exists(r.path) {
		t.Errorf("recover: %v, want ErrRecording and nothing done", err)
	}
	r.file.Close() // the recorder is killed
	if _, _, err := read(t, []string{spool}, format.ReadOptions{}); errors.Is(err, format.ErrRecording) || !errors.Is(err, format.ErrIncomplete) {
		t.Errorf("after the end: got %v", err)
	}
	if res, err := format.Recover(spool, r.path, format.FileOptions{}); err != nil || res.Rows != 200 {
		t.Errorf("recover after the end: %+v, %v", res, err)
	}
}

// A recorder that was killed before it had written anything leaves a capture
// of nothing.
func TestSpoolsOfNothing(t *testing.T) {
	head := encode(t, "spool", nil, 1)[:300]
	for name, data := range map[string][]byte{"empty": nil, "half a head": head} {
		path := filepath.Join(t.TempDir(), "t.parquet")
		write(t, path+".spool", string(data))
		var warned []string
		got, meta, err := read(t, []string{path}, format.ReadOptions{Warn: func(err error) { warned = append(warned, err.Error()) }})
		if len(got) != 0 || !errors.Is(err, format.ErrIncomplete) || meta == nil || !strings.Contains(err.Error(), "spool") {
			t.Errorf("%s: %d rows, then %v", name, len(got), err)
		}
		if len(warned) != 1 || !strings.Contains(warned[0], "reading "+path+".spool") {
			t.Errorf("%s: warned %q", name, warned)
		}
		res, err := format.Recover(path+".spool", path, format.FileOptions{})
		if err != nil || res.Rows != 0 || len(res.Problems) != 1 {
			t.Fatalf("%s: %+v, %v", name, res, err)
		}
		saved, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if rep := verify(t, saved); !rep.OK() {
			t.Errorf("%s: the recovered capture does not hold: %+v", name, rep.Rules)
		}
	}
}

func TestSpoolsOfLongNamesAreFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 252))
	write(t, format.SpoolName(path), string(encode(t, "spool", events(2, 50), 10)))
	got, _, err := read(t, []string{path}, format.ReadOptions{})
	if len(got) != 50 || err != io.EOF {
		t.Errorf("%d rows, then %v", len(got), err)
	}
	if _, err := format.Recover(format.SpoolName(path), path, format.FileOptions{}); err != nil {
		t.Error(err)
	}
}
