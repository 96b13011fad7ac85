package out

import (
	"os"
	"strings"
	"testing"
)

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

// Names stay whole where nobody says how wide the output is, and fit where it
// is said; COLUMNS says it of a pipe.
func TestSqueeze(t *testing.T) {
	const path = "/srv/www/a/long/way/down/to/index.html"
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, c := range []struct{ columns, want string }{
		{"", "path                                    calls  share\n/srv/www/a/long/way/down/to/index.html      3    10%\n"},
		{"no number", "path                                    calls  share\n/srv/www/a/long/way/down/to/index.html      3    10%\n"},
		{"30", "path              calls  share\n…n/to/index.html      3    10%\n"},
		{"18", "path        calls\n…ndex.html      3\n"},
	} {
		t.Setenv("COLUMNS", c.columns)
		tab := Table{Columns: Columns("path", ">calls", ">share")}
		tab.Add(path, "3", "10%")
		var b strings.Builder
		tab.Squeeze(StyleOf(w), []string{"path"}, "share")
		if err := tab.Write(&b, Style{}); err != nil {
			t.Fatal(err)
		}
		if b.String() != c.want {
			t.Errorf("COLUMNS=%s:\n%s\nwant\n%s", c.columns, b.String(), c.want)
		}
	}
}
