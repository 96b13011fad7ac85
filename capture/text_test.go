package capture

import (
	"strings"
	"testing"

	"systape/bpf"
	"systape/format"
)

// What arguments point to, as it stands in memory, and as the row's detail has it.
func TestTextsOfArguments(t *testing.T) {
	text := func(flags uint32, n int) bpf.Text { return bpf.Text{Argument: 1, Length: flags | uint32(n)} }
	for _, c := range []struct {
		name  string
		flags uint32
		bytes string
		want  string
	}{
		{"a path", 0, "/etc/hosts", "1=/etc/hosts"},
		{"no path", 0, "", "1="},
		{"a question mark", 0, "?", `1=\x3f`},
		{"control characters", 0, "a\n2=b\x1b[31m", `1=a\x0a2=b\x1b[31m`},
		{"no UTF-8", 0, "\xff\xfe", `1=\xff\xfe`},
		{"cut", uint32(bpf.TextCut), "/long", "1=/long\u2026"},
		{"cut in a rune", uint32(bpf.TextCut), "/\u00e9\xc3", "1=/\u00e9\u2026"},
		{"cut before the last byte of a rune", uint32(bpf.TextCut), "/\xf0\x9f\x98", "1=/\u2026"},
		{"cut behind a rune", uint32(bpf.TextCut), "/\u00e9", "1=/\u00e9\u2026"},
		{"cut, no UTF-8", uint32(bpf.TextCut), "\x80\x80\x80\x80", `1=\x80\x80\x80\x80` + "\u2026"},
		{"IPv4", uint32(bpf.TextSocket), "\x02\x00\x00\x50\xc0\x00\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00", "1=192.0.2.1:80"},
		{"IPv6", uint32(bpf.TextSocket), "\x0a\x00\x00\x35\x00\x00\x00\x00" + strings.Repeat("\x00", 15) + "\x01", "1=[::1]:53"},
		{"IPv6 of a link", uint32(bpf.TextSocket), "\x0a\x00\x02\x22\x00\x00\x00\x00\xfe\x80" + strings.Repeat("\x00", 13) + "\x01\x02\x00\x00\x00", "1=[fe80::1%2]:546"},
		{"netlink", uint32(bpf.TextSocket), "\x10\x00\x00\x00\x39\x05\x00\x00\x00\x00\x00\x00", "1=netlink:1337"},
		{"netlink, groups", uint32(bpf.TextSocket), "\x10\x00\x00\x00\x00\x00\x00\x00\x11\x00\x00\x00", "1=netlink:0:0x11"},
		{"packet", uint32(bpf.TextSocket), "\x11\x00\x08\x00\x02\x00\x00\x00", "1=packet:2"},
		{"vsock", uint32(bpf.TextSocket), "\x28\x00\x00\x00\x00\x04\x00\x00\x03\x00\x00\x00", "1=vsock:3:1024"},
		{"unix", uint32(bpf.TextSocket), "\x01\x00/run/x\x00rest", "1=/run/x"},
		{"abstract", uint32(bpf.TextSocket), "\x01\x00\x00name\n", `1=@name\x0a`},
		{"unnamed", uint32(bpf.TextSocket), "\x01\x00", ""},
		{"too short", uint32(bpf.TextSocket), "\x02\x00\x00", ""},
		{"nothing", uint32(bpf.TextSocket), "", ""},
		{"another family", uint32(bpf.TextSocket), "\x1d\x00aaaaaaaaaa", ""},
		{"a pair", uint32(bpf.TextPair), "\x03\x00\x00\x00\x04\x00\x00\x00", "1=[3, 4]"},
		{"unread", uint32(bpf.TextUnread), "", ""},
	} {
		if got := string(appendText(nil, text(c.flags, len(c.bytes)), []byte(c.bytes))); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := string(appendText([]byte("0=/a"), text(0, 2), []byte("/b"))); got != "0=/a\n1=/b" {
		t.Errorf("two texts are %q", got)
	}
}

func FuzzText(f *testing.F) {
	f.Add(uint32(bpf.TextSocket), []byte("\x01\x00\x00x"))
	f.Add(uint32(bpf.TextCut), []byte("\xe2\x80"))
	f.Fuzz(func(t *testing.T, flags uint32, bytes []byte) {
		line := string(appendText(nil, bpf.Text{Argument: 3, Length: flags &^ uint32(bpf.TextLength)}, bytes))
		if strings.ContainsAny(line, "\n\x1b\x00") {
			t.Errorf("%q", line)
		}
		if flags&^uint32(bpf.TextLength) == 0 {
			if text, _, told := format.Argument(line, 3); !told || text != string(bytes) {
				t.Errorf("%q comes back as %q", bytes, text)
			}
		}
	})
}
