package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// A copy of a later time says of its calls what the capture says of them, though
// what told it lies before: descriptors that were opened, replaced and closed, a
// child that has some of them, a working directory.
func TestCopyBeginsWithWhatIsOpen(t *testing.T) {
	source := latencyCapture(t, []byte(`#: systape.request {"all":true,"probe":"tp_btf","sample":1,"paths":"all"}
1000000000 fd 7 fd=-100 "/home" comm="a"
1000000000 fd 7 fd=-101 "/" comm="a"
1000000000 fd 7 fd=3 "/etc/hosts" comm="a"
1000000000 fd 9 fd=3 "/srv/other" comm="c"
1000000010 enter 7 close(3) comm="a"
1000000020 exit 7 close = 0 comm="a"
1000000030 enter 7 openat(-100, 0x7f00, 0, 0) "1=link" comm="a"
1000000040 exit 7 openat = 3 comm="a"
1000000050 enter 7 dup2(3, 9) comm="a"
1000000060 exit 7 dup2 = 9 comm="a"
1000000070 enter 7 clone(17) comm="a"
1000000080 fork 7 -> 8 comm="a"
1000000090 exit 7 clone = 8 comm="a"
1000000100 enter 8 chdir(0x7f00) "0=/srv" comm="b"
1000000110 exit 8 chdir = 0 comm="b"
1000000120 enter 8 close(9) comm="b"
1000000130 exit 8 close = 0 comm="b"
2000000000 enter 7 read(3, 0x7f00, 1) comm="a"
2000000010 exit 7 read = 1 comm="a"
2000000020 enter 7 read(9, 0x7f00, 1) comm="a"
2000000030 exit 7 read = 1 comm="a"
2000000040 enter 8 read(9, 0x7f00, 1) comm="b"
2000000050 exit 8 read = -9 comm="b"
2000000060 enter 8 openat(-100, 0x7f00, 0, 0) "1=x" comm="b"
2000000070 exit 8 openat = 4 comm="b"
2000000080 enter 7 openat(3, 0x7f00, 0, 0) "1=../y" comm="a"
2000000090 exit 7 openat = 4 comm="a"
`))
	replayed := func(args ...string) string {
		return answer(t, append([]string{"replay", "-y", "--speed", "max", "--columns", "tid,call,result"}, args...))
	}
	for _, filter := range [][]string{{"--from", "+1s"}, {"--from", "+1s", "--pid", "7"}, {"--from", "+1s", "--to", "+1.5s", "--pid", "7,8"}} {
		copied := filepath.Join(t.TempDir(), "copy.parquet")
		answer(t, append([]string{"copy", source, "-o", copied}, filter...))
		want, got := replayed(append(filter, source)...), replayed(copied)
		if got != want || !strings.Contains(want, "read(3</home/link>") {
			t.Errorf("%v:\n%s\nwant\n%s", filter, got, want)
		}
		if out := answer(t, []string{"verify", copied}); strings.Contains(out, "FAIL") || strings.Contains(out, "exit code") {
			t.Errorf("%v: %s", filter, out)
		}
		if out := answer(t, []string{"dump", copied}); strings.Contains(out, "/etc/hosts") || strings.Contains(out, "/srv/other") {
			t.Errorf("%v: what nobody has open any more, or whom the copy leaves out, is told:\n%s", filter, out)
		}
	}
}
