package main

import (
	"strings"
	"testing"
)

// Who chooses calls with -e and asks for paths is told before recording that
// descriptors are not followed, and what would do.
func TestWarnsThatPathsAreNotFollowed(t *testing.T) {
	const says = "-e leaves out calls that close or replace descriptors, so it will not be known what those of the others stand for"
	for _, c := range []struct{ paths, expression, want string }{
		{"all", "openat,read", says + "; with them: -e openat,read,close,close_range,dup2,dup3,unshare"},
		{"all", "%file,%desc", says + "; with them: -e %file,%desc,unshare"},
		{"all", "%file,%desc,unshare", ""},
		{"all", "!futex", ""},
		{"all", "!close,futex", says + "; with them: -e '!futex'"},
		{"all", "!%desc", says},
		{"all", "!close", says},
		{"all", "", ""},
		{"", "openat,read", ""},
		{"failed", "openat,read", ""},
	} {
		got := ""
		if err := (&recordFlags{paths: c.paths, expression: c.expression}).pathsWarning(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("--paths=%s -e %s: %q, want %q", c.paths, c.expression, got, c.want)
		}
		if i := strings.Index(got, "with them: -e "); i > 0 {
			with := strings.Trim(got[i+len("with them: -e "):], "'")
			if err := (&recordFlags{paths: c.paths, expression: with}).pathsWarning(); err != nil {
				t.Errorf("-e %s does not do either: %v", with, err)
			}
		}
	}
}
