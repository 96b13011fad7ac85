package format_test

import (
	"fmt"
	"testing"
	"unicode/utf8"

	"systape/format"
)

// How bytes of the kernel are stored, and that they all come back.
func TestEscapeText(t *testing.T) {
	for _, c := range []struct{ raw, text string }{
		{"", ""},
		{"nginx", "nginx"},
		{"größe", "größe"},
		{"\x00\n\x1b", "\x00\n\x1b"}, // UTF-8, as odd as it is
		{"a\xffb", `a\xffb`},
		{"\xff\xfe", `\xff\xfe`},
		{`\xff`, `\x5cxff`}, // four letters are not one byte
		{`\x5c`, `\x5cx5c`},
		{`\x5cxff`, `\x5cx5cxff`},
		{`\xFF`, `\xFF`}, // not an escape: capitals
		{`\x4`, `\x4`},
		{`C:\xyz`, `C:\xyz`},
		{`\\x41`, `\\x5cx41`},
		{"\\x4\xff", `\x4\xff`},
		{"cut in a letter \xc3", `cut in a letter \xc3`},
	} {
		if got := format.EscapeText(c.raw); got != c.text {
			t.Errorf("%q is stored as %s, want %s", c.raw, got, c.text)
		}
		if got := format.UnescapeText(c.text); got != c.raw {
			t.Errorf("%s comes back as %q, want %q", c.text, got, c.raw)
		}
	}
}

func FuzzEscapeText(f *testing.F) {
	for _, s := range []string{"", `\xff`, "\xff", `\x5cx5c`, "\\x\xff4", "ß\xc3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		text := format.EscapeText(raw)
		if !utf8.ValidString(text) {
			t.Errorf("%q is stored as %q, no UTF-8", raw, text)
		}
		if got := format.UnescapeText(text); got != raw {
			t.Errorf("%q is stored as %q and comes back as %q", raw, text, got)
		}
	})
}

// Two names that look alike once they are stored would be one name.
func TestEscapeTextIsOneToOne(t *testing.T) {
	seen := map[string]string{}
	letters := []string{`\`, "x", "f", "5", "c", "\xff"}
	var try func(s string, n int)
	try = func(s string, n int) {
		text := format.EscapeText(s)
		if other, ok := seen[text]; ok && other != s {
			t.Errorf("%q and %q are both stored as %q", s, other, text)
		}
		seen[text] = s
		if n > 0 {
			for _, l := range letters {
				try(s+l, n-1)
			}
		}
	}
	try("", 6)
	if len(seen) < 50000 {
		t.Error(fmt.Sprint("only ", len(seen), " texts were tried"))
	}
}
