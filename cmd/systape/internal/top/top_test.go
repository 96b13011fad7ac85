package top

import (
	"reflect"
	"strings"
	"testing"

	"systape/replay/escape"
)

// What the screen writes of filters can be typed again, whatever is in it.
func TestWordsAreReadBack(t *testing.T) {
	for _, words := range [][]string{
		nil, {"--comm=nginx"}, {"--comm", "a b", `--path=/etc/*`}, {"it's", `"quoted"`, `back\slash`, ""},
		{"\x1b[31mred\n\ttab", "naïve 世界", "$HOME", "a'b\x01c", "\u202eevil", "\xff0"},
	} {
		line := escape.Command(words)
		if got, err := splitWords(line); err != nil || !reflect.DeepEqual(got, words) {
			t.Errorf("%s: got %q (%v), want %q", line, got, err, words)
		}
	}
	if got, err := splitWords(`  --comm "a b"  c\ d`); err != nil || !reflect.DeepEqual(got, []string{"--comm", "a b", "c d"}) {
		t.Errorf("got %q (%v)", got, err)
	}
	for _, line := range []string{`'a`, `"a`, `$'a`, `$'a\`, `a 'b`} {
		if got, err := splitWords(line); err == nil {
			t.Errorf("%s: got %q, want an error", line, got)
		}
	}
}

func TestWindowsAreRound(t *testing.T) {
	for ns := int64(1); ns <= longest; ns = longer(ns) {
		if !Ladder(ns) || ns%power(ns) != 0 || ns/power(ns) >= 10 {
			t.Fatalf("%d: ladder %v, power of ten %d", ns, Ladder(ns), power(ns))
		}
		if next := longer(ns); next == ns {
			if next != floorLadder(longest) {
				t.Fatalf("nothing is longer than %d", ns)
			}
			break
		}
		if back := shorter(longer(ns)); back != max(ns, shortest) {
			t.Fatalf("shorter than what is longer than %d: %d", ns, back)
		}
	}
	for _, ns := range []int64{0, -1, 3, 15, 999} {
		if Ladder(ns) {
			t.Errorf("%d is taken for a window", ns)
		}
	}
	for span, want := range map[int64]int64{0: 1000, 2_560_000_000: 100_000_000, 3_600_000_000_000: 100_000_000_000} {
		if got := windowFor(span); got != want {
			t.Errorf("a window for %d ns: %d, want %d", span, got, want)
		}
	}
}

// Every key is in the help, and none does two things.
func TestKeysAreTold(t *testing.T) {
	seen, help := map[string]bool{}, Help()
	named := ""
	for _, k := range keys {
		for _, name := range k.keys {
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
		}
		if k.name != "" {
			named = k.name
			if !strings.Contains(help, k.name) || !strings.Contains(help, k.does) {
				t.Errorf("the help lacks %s", k.name)
			}
		} else if len(strings.Fields(named)) != 2 {
			t.Errorf("%v has no name", k.keys)
		}
	}
	if n := strings.Count(help, "\n"); n > 22 {
		t.Errorf("the help has %d lines, more than a terminal of 24 has room for", n)
	}
	for line := range strings.Lines(help) {
		if len([]rune(line)) > 80 {
			t.Errorf("wider than a terminal: %q", line)
		}
	}
}
