package out

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"systape/format"
)

func options(inputs []string, force bool) Options {
	return Options{Inputs: inputs, FileOptions: format.FileOptions{Force: force}}
}

func put(t *testing.T, name, text string, inputs []string, force bool) error {
	t.Helper()
	f, err := Create(io.Discard, name, options(inputs, force))
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return f.Close(err)
}

func content(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		return "(none)"
	}
	return string(b)
}

func TestFileIsWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "result")
	f, err := Create(io.Discard, name, options(nil, false))
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("text")
	f.Flush()
	if content(t, name) != "(none)" || content(t, name+".partial") != "text" {
		t.Errorf("while it is written: %q, %q", content(t, name), content(t, name+".partial"))
	}
	if err := f.Complete(); err != nil {
		t.Fatal(err)
	}
	if err := f.Discard(); err != nil || content(t, name) != "text" {
		t.Errorf("Discard after Complete: %v, %q", err, content(t, name))
	}
	if info, err := os.Stat(name); runtime.GOOS != "windows" && (err != nil || info.Mode().Perm() != 0o600) {
		t.Errorf("mode is %v", info.Mode())
	}
	var e *Error
	if err := put(t, name, "other", nil, false); !errors.As(err, &e) || !strings.Contains(e.Hint, "--force") {
		t.Errorf("an existing file: %v", err)
	}
	failed := errors.New("it did not work")
	if f, err = Create(io.Discard, name, options(nil, true)); err != nil {
		t.Fatal(err)
	}
	f.WriteString("half")
	if err := f.Close(failed); !errors.Is(err, failed) || content(t, name) != "text" {
		t.Errorf("after a failure: %v, %q", err, content(t, name))
	}
	if err := put(t, name, "new", nil, true); err != nil || content(t, name) != "new" {
		t.Errorf("--force: %v, %q", err, content(t, name))
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.partial")); left != nil {
		t.Errorf("left over: %v", left)
	}
}

// Another file that appears while the result is written stays.
func TestNothingIsReplacedLate(t *testing.T) {
	name := filepath.Join(t.TempDir(), "result")
	f, err := Create(io.Discard, name, options(nil, false))
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(name, []byte("theirs"), 0o600)
	if err := f.Complete(); err == nil || content(t, name) != "theirs" || content(t, name+".partial") != "(none)" {
		t.Errorf("%v, %q, %q", err, content(t, name), content(t, name+".partial"))
	}
}

// What others planted under the unfinished name is neither followed nor
// written to.
func TestPlantedPartial(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links take rights there")
	}
	for _, how := range []string{"link", "dangling", "hard link", "file"} {
		dir := t.TempDir()
		name, victim := filepath.Join(dir, "result"), filepath.Join(dir, "victim")
		os.WriteFile(victim, []byte("precious"), 0o644)
		var err error
		switch how {
		case "link":
			err = os.Symlink(victim, name+".partial")
		case "dangling":
			err = os.Symlink(filepath.Join(dir, "nowhere"), name+".partial")
		case "hard link":
			err = os.Link(victim, name+".partial")
		case "file":
			err = os.WriteFile(name+".partial", []byte("theirs"), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := put(t, name, "mine", nil, false); err != nil {
			t.Errorf("%s: %v", how, err)
		}
		info, err := os.Lstat(name)
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o600 || content(t, name) != "mine" {
			t.Errorf("%s: the result is %v, %q", how, info, content(t, name))
		}
		if content(t, victim) != "precious" || content(t, filepath.Join(dir, "nowhere")) != "(none)" {
			t.Errorf("%s was followed", how)
		}
	}
	// A folder is left alone, and a link under the result's name is itself
	// what --force replaces.
	dir := t.TempDir()
	name, victim := filepath.Join(dir, "result"), filepath.Join(dir, "victim")
	os.Mkdir(name+".partial", 0o700)
	if err := put(t, name, "mine", nil, true); err == nil {
		t.Error("a folder under the unfinished name is taken")
	}
	os.Remove(name + ".partial")
	os.WriteFile(victim, []byte("precious"), 0o644)
	os.Symlink(victim, name)
	if err := put(t, name, "mine", nil, false); err == nil {
		t.Error("a link is replaced without --force")
	}
	if err := put(t, name, "mine", nil, true); err != nil || content(t, victim) != "precious" || content(t, name) != "mine" {
		t.Errorf("a link: %v, %q, %q", err, content(t, victim), content(t, name))
	}
}

// Two runs do not write to one name at a time.
func TestTwoRuns(t *testing.T) {
	name := filepath.Join(t.TempDir(), "result")
	a, err := Create(io.Discard, name, options(nil, false))
	if err != nil {
		t.Fatal(err)
	}
	a.WriteString("a")
	var e *Error
	if _, err := Create(io.Discard, name, options(nil, true)); !errors.As(err, &e) || !errors.Is(err, format.ErrInUse) {
		t.Errorf("the second run: %v", err)
	}
	if err := a.Complete(); err != nil || content(t, name) != "a" {
		t.Errorf("the first run: %v, %q", err, content(t, name))
	}
}

// The result never replaces an input, whatever name it goes by.
func TestInputsAreNeverReplaced(t *testing.T) {
	dir := t.TempDir()
	in, spool, part := filepath.Join(dir, "in"), filepath.Join(dir, "cut.spool"), filepath.Join(dir, "parts", "1.parquet")
	os.Mkdir(filepath.Dir(part), 0o700)
	inputs := []string{in, filepath.Join(dir, "cut"), filepath.Dir(part)}
	names := []string{in, spool, part}
	for _, n := range names {
		os.WriteFile(n, []byte("capture"), 0o600)
	}
	if runtime.GOOS != "windows" {
		link := filepath.Join(dir, "link")
		os.Symlink(in, link)
		hard := filepath.Join(dir, "hard")
		os.Link(in, hard)
		names = append(names, link, hard)
	}
	for _, n := range names {
		var e *Error
		if err := put(t, n, "result", inputs, true); !errors.As(err, &e) || e.Kind != Usage {
			t.Errorf("%s: %v", n, err)
		}
		if content(t, n) != "capture" {
			t.Errorf("%s was replaced", n)
		}
	}
	if err := put(t, filepath.Dir(part), "result", nil, true); err == nil {
		t.Error("a folder is taken for a file")
	}
}

func TestStandardOutputIsWrittenThrough(t *testing.T) {
	for _, name := range []string{"", "-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"} {
		if runtime.GOOS == "windows" && name != "" && name != "-" {
			continue
		}
		var b bytes.Buffer
		f, err := Create(&b, name, options(nil, true))
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString("text")
		if err := f.Complete(); err != nil || b.String() != "text" {
			t.Errorf("%q: %q, %v", name, b.String(), err)
		}
	}
}
