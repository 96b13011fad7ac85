package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var updateStories = flag.Bool("update-stories", false, "rewrite the answers in testdata/stories")

// TestStories runs the commands of testdata/stories/*.txtar. A story is a
// capture (section "capture", in the text form of package format) and what the
// commands answer: a section "$ COMMAND FLAGS" holds what the command prints
// about it, then what it says on standard error and its exit code. FILE stands
// for the capture, which comes last unless it is named, and ^ for the escape of
// colours. -update-stories rewrites the answers.
func TestStories(t *testing.T) {
	var files []string
	for _, folder := range []string{"stories", "cases"} {
		found, err := filepath.Glob("../../testdata/" + folder + "/*.txtar")
		if err != nil || len(found) == 0 {
			t.Fatalf("no %s: %v", folder, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runStory(t, file) })
	}
}

// caseCommands are what every pairing case is asked.
var caseCommands = []string{"$ replay", "$ latency", "$ export --format strace", "$ verify"}

// caseCapture writes the capture of a pairing case, and sees to it that the
// case has an answer of every command. It returns no name for another story.
func caseCapture(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	sections := map[string][]byte{}
	for _, f := range a.Files {
		sections[f.Name] = f.Data
	}
	if sections["events"] == nil {
		return ""
	}
	for _, command := range caseCommands {
		if _, ok := sections[command]; !ok && *updateStories {
			a.Files = append(a.Files, txtar.File{Name: command})
		} else if !ok {
			t.Errorf("the case has no section %q", command)
		}
	}
	capture := filepath.Join(t.TempDir(), "capture.spool")
	spool, _ := formsRead(t, sections["events"], sections["meta"]).spool(t)
	if err := os.WriteFile(capture, spool, 0o600); err != nil {
		t.Fatal(err)
	}
	return capture
}

func runStory(t *testing.T, file string) {
	t.Setenv("CLICOLOR_FORCE", "")
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	capture := caseCapture(t, a)
	isCase := capture != ""
	for i, f := range a.Files {
		if f.Name == "capture" {
			capture = latencyCapture(t, f.Data)
			continue
		}
		if isCase && !strings.HasPrefix(f.Name, "$ ") {
			continue // of replay's own test of the case
		}
		words, ok := strings.CutPrefix(f.Name, "$ ")
		if !ok {
			t.Fatalf("section %q is neither a capture nor a command", f.Name)
		}
		args := strings.Fields(words)
		named := false
		for j := range args {
			if args[j] == "FILE" {
				args[j], named = capture, true
			}
		}
		if !named {
			args = append(args, capture)
		}
		got := strings.NewReplacer(capture, "FILE", "\x1b", "^").Replace(answer(t, args))
		if *updateStories {
			a.Files[i].Data = []byte(got)
		} else if want := string(f.Data); got != want {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", words, got, want)
		}
		const most = 110 // names are whole where no width is known: figures leave room for those of 20 columns
		for line := range strings.Lines(got) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > most && args[0] == "latency" && !strings.Contains(words, "format") && !strings.Contains(words, "wide") && !strings.HasPrefix(line, "hint:") && !strings.HasPrefix(line, "coverage:") && !strings.HasPrefix(line, "systape:") {
				t.Errorf("%s: a line of %d columns, want at most %d: %s", words, n, most, line)
			}
		}
	}
	if *updateStories {
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// answer runs a command line and returns all that it says.
func answer(t testing.TB, args []string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr)
	got := stdout.String()
	if stderr.Len() > 0 {
		got += "stderr:\n" + stderr.String()
	}
	if code != 0 {
		got += fmt.Sprintf("exit code %d\n", code)
	}
	return got
}
