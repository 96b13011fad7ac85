package out

import "testing"

func TestSnip(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"openat", 10, "openat"},
		{"a long name of a thread", 10, "a long na…"},
		{"/etc/hosts", 10, "/etc/hosts"},
		{"/usr/lib/locale/C.utf8/LC_CTYPE", 10, "…/LC_CTYPE"},
		{"/home/müller/größe", 6, "…größe"},
		{"/tmp/文件/名", 6, "…件/名"},
		{"/x", 1, "…"},
	} {
		if got := Snip(c.text, c.width); got != c.want {
			t.Errorf("Snip(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
	}
}
