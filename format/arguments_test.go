package format_test

import (
	"testing"

	"systape/format"
)

func TestArgumentsOfAnEnter(t *testing.T) {
	d := format.AppendArgument(nil, 1, "/etc/passwd")
	d = format.AppendUnknownArgument(d, 2)
	if string(d) != "1=/etc/passwd\n2=?" {
		t.Fatalf("detail is %q", d)
	}
	for _, c := range []struct {
		n             int
		text          string
		unknown, told bool
	}{{0, "", false, false}, {1, "/etc/passwd", false, true}, {2, "", true, true}, {3, "", false, false}} {
		text, unknown, told := format.Argument(string(d), c.n)
		if text != c.text || unknown != c.unknown || told != c.told {
			t.Errorf("argument %d: %q, unknown %v, told %v", c.n, text, unknown, told)
		}
	}
	if !format.ArgumentUnknown(string(d), 1, 0) || !format.ArgumentUnknown(string(d), 2, 0) || format.ArgumentUnknown(string(d), 0, 0) {
		t.Error("the registers of 1 and 2 are not known, that of 0 is")
	}
	if format.ArgumentUnknown("1=/etc/passwd", 1, 0x7ffc0000) {
		t.Error("a recorded path has its address")
	}
}

// A file may be named anything, a question mark or an escape included.
func TestArgumentTextComesBack(t *testing.T) {
	for _, name := range []string{"", "?", "??", "a\nb", "\x1b[31m", `\x41`, `\x4`, `\\x41`, "é", "1=x\n2=?", "\x7f", `C:\xff`} {
		d := format.AppendArgument(format.AppendUnknownArgument(nil, 0), 3, name)
		got, unknown, told := format.Argument(string(d), 3)
		if got != name || unknown || !told {
			t.Errorf("%q comes back from %q as %q, unknown %v, told %v", name, d, got, unknown, told)
		}
	}
}

// What a descriptor stands for is told beside what else is known of an argument.
func TestDescriptorsOfACall(t *testing.T) {
	for _, name := range []string{"/etc/hosts", "a\nb>", "/x>\n1</y>", `\x41`, "\xff", "?", "TCP:[127.0.0.1:1->127.0.0.1:2]"} {
		d := format.AppendDescriptor(nil, 0, name)
		d = format.AppendArgument(d, 1, "out")
		d = format.AppendDescriptor(d, format.Result, "/srv"+name)
		for n, want := range map[int]string{0: name, 1: "", format.Result: "/srv" + name} {
			if got, told := format.Descriptor(string(d), n); got != want || told != (want != "") {
				t.Errorf("%q: descriptor %d is %q, told %v; want %q", d, n, got, told, want)
			}
		}
		if text, _, told := format.Argument(string(d), 1); text != "out" || !told {
			t.Errorf("%q: argument 1 is %q, told %v", d, text, told)
		}
		if format.ArgumentUnknown(string(d), 0, 0) {
			t.Errorf("%q: descriptor 0 is taken for a register that is not known", d)
		}
	}
}

func FuzzArgument(f *testing.F) {
	f.Add("1=/etc/passwd\n2=?", "name")
	f.Add("\n\n=\n9=", `\x0a`)
	f.Fuzz(func(t *testing.T, detail, name string) {
		for n := range 6 {
			format.Argument(detail, n)
		}
		if got, _, told := format.Argument(string(format.AppendArgument(nil, 4, name)), 4); got != name || !told {
			t.Errorf("%q comes back as %q", name, got)
		}
	})
}
