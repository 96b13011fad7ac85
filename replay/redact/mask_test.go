package redact_test

import (
	"os"
	"strings"
	"testing"

	"systape/replay/redact"
)

// commands reads the lines of a table. Words are as a shell has them, with ' ' around those
// that have blanks.
func commands(t *testing.T, name string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// words splits a line; quoted puts it together again.
func words(line string) (all []string) {
	for i, piece := range strings.Split(line, "'") {
		if i%2 == 1 {
			all = append(all, piece)
		} else {
			all = append(all, strings.Fields(piece)...)
		}
	}
	return all
}

func quoted(words []string) string {
	var all []string
	for _, w := range words {
		if strings.ContainsAny(w, " {") || strings.Contains(w, "&") && !strings.Contains(w, "://") {
			w = "'" + w + "'"
		}
		all = append(all, w)
	}
	return strings.Join(all, " ")
}

func TestMaskCommand(t *testing.T) {
	for _, line := range commands(t, "secrets.txt") {
		in, want, ok := strings.Cut(line, " -> ")
		if !ok {
			t.Fatalf("%q: no ->", line)
		}
		before := words(in)
		got, n := redact.MaskCommand(before)
		changed := 0
		for i := range got {
			if got[i] != before[i] {
				changed++
			}
		}
		if quoted(got) != want || n != changed || n == 0 {
			t.Errorf("%s\n got %s, %d words masked\nwant %s", in, quoted(got), n, want)
		}
		if again, n := redact.MaskCommand(got); n != 0 {
			t.Errorf("%s: masked once more it becomes %s", in, quoted(again))
		}
	}
}

// Ordinary commands stay as they are.
func TestMaskLeavesOrdinaryCommands(t *testing.T) {
	lines := commands(t, "ordinary.txt")
	if len(lines) < 60 {
		t.Errorf("%d commands", len(lines))
	}
	for _, line := range lines {
		if got, n := redact.MaskCommand(words(line)); n != 0 {
			t.Errorf("%s\n got %s", line, quoted(got))
		}
	}
}

func FuzzMaskCommand(f *testing.F) {
	f.Add("sh -c", `curl -u "a:b" x; A='b c' d | e`)
	f.Fuzz(func(t *testing.T, a, b string) {
		in := append(strings.Fields(a), b)
		if got, _ := redact.MaskCommand(in); len(got) != len(in) {
			t.Errorf("%q became %q", in, got)
		}
	})
}
