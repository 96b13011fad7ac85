package escape_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"systape/format"
	"systape/replay/escape"
)

// hostile holds what nothing may let through.
var hostile = []string{
	"plain", "", "a\x1b[31mb", "two\nlines\r", "tab\t\x00\x7f", "\xff\xfe", "naïve 世界", "\u202eevil\u2066", "\u0085\u009b31m", "=1+1", "-rf", "@x",
	"\t=1+1", "it's", `back\slash`, "$(touch x)", "`id`", "a b", "!!", "~", "*", "\ufffe\uffff", "\U000e0001tag", "<&>\"", "]]>", "x\x1b]0;owned\x07", "=ls",
	"\u3164", "\u115f\u1160", "\uffa0", "\u2800", "a\u034fb", "\u17b4", "\u180b", "❤\ufe0f", "\U000e0100", "\U0001d159", "＝1+1", "＠x", "\xc3", "a\xe2\x82",
}

// invisible are characters that unicode.IsPrint has and no screen shows.
const invisible = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\ufe00\ufe0f\uffa0\U00016fe4\U0001d159\U000e0100\U000e01ef"

func harmless(t *testing.T, how, s string) {
	t.Helper()
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) || strings.ContainsRune(invisible, r) {
			t.Errorf("%s lets %q through: %q", how, r, s)
		}
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain":            "plain",
		"a\x1b[31mb":       `a\x1b[31mb`,
		"two\nlines\r":     `two\x0alines\x0d`,
		"tab\t\x00\x7f":    `tab\x09\x00\x7f`,
		"\xff\xfe":         `\xff\xfe`,
		"naïve 世界":         "naïve 世界",
		"\u202eevil\u2066": `\xe2\x80\xaeevil\xe2\x81\xa6`,
		"\u0085\u009b":     `\xc2\x85\xc2\x9b`,
		"\u3164\u2800":     `\xe3\x85\xa4\xe2\xa0\x80`,
		"sh\u115f":         `sh\xe1\x85\x9f`,
		"\U000e0100":       `\xf3\xa0\x84\x80`,
		`nl\nx`:            `nl\nx`,
	} {
		if got := escape.Text(in); got != want {
			t.Errorf("Text(%q) = %s, want %s", in, got, want)
		}
	}
	if got, want := escape.Lines("a\n\tb\x1b\n"), "a\n\tb\\x1b\n"; got != want {
		t.Errorf("Lines = %q, want %q", got, want)
	}
	for _, s := range hostile {
		harmless(t, "Text", escape.Text(s))
		harmless(t, "Cell", escape.Cell(s))
		harmless(t, "Word", escape.Word(s))
		harmless(t, "AppendJSON", strings.ReplaceAll(string(escape.AppendJSON(nil, s)), "\ufffd", ""))
	}
}

// Two names never look alike as captures have them, and what is escaped already
// stays as it is.
func TestNamesAreTold(t *testing.T) {
	for _, name := range append([]string{"nl\nx", `nl\nx`, `nl\\nx`, `nl\x0ax`, "\xff", `\xff`, `\\xff`, "\u202e", `\u202e`, `\xe2\x80\xae`, `\x5cx41`}, hostile...) {
		shown := escape.Text(format.EscapeText(name))
		if back := format.UnescapeText(shown); back != name {
			t.Errorf("%q is shown as %s, which is %q", name, shown, back)
		}
		if again := escape.Text(shown); again != shown {
			t.Errorf("%q is shown as %s, and twice as %s", name, shown, again)
		}
	}
}

// What Text shows can be turned back, and an empty name is seen.
func TestNameAndRaw(t *testing.T) {
	for _, s := range hostile {
		if strings.Contains(s, `\`) || s == "" {
			continue // a backslash of the name itself may look like an escape
		}
		if got := escape.Raw(escape.Name(s)); got != s {
			t.Errorf("Raw(Name(%q)) = %q", s, got)
		}
	}
	for in, want := range map[string]string{`a\b\q\`: "a\b\\q\\", `\xff\u202e\x4`: "\xff\u202e\\x4", "": ""} {
		if got := escape.Raw(in); got != want {
			t.Errorf("Raw(%q) = %q, want %q", in, got, want)
		}
	}
	if got := escape.Name(""); got != `""` {
		t.Errorf(`Name("") = %s`, got)
	}
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\t=1": `\x09=1`, "\r=1": `\x0d=1`, " =1": " =1",
		"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠a": "'＠a", "a＝1": "a＝1"} {
		if got := escape.Cell(in); got != want {
			t.Errorf("Cell(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestXML(t *testing.T) {
	for _, s := range hostile {
		doc := "<a b=\"" + escape.XML(s) + "\">" + escape.XML(s) + "</a>"
		d := xml.NewDecoder(strings.NewReader(doc))
		text := ""
		for {
			tok, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v", doc, err)
			}
			if c, ok := tok.(xml.CharData); ok {
				text += string(c)
			}
		}
		if text != escape.Text(s) {
			t.Errorf("%q reads as %q", s, text)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, s := range hostile {
		b, err := json.Marshal(map[string]string{"k": s})
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range [][]byte{append(escape.AppendJSON([]byte(`{"k":`), s), '}'), escape.JSON(b)} {
			var back map[string]string
			if err := json.Unmarshal(doc, &back); err != nil || utf8.ValidString(s) && back["k"] != s {
				t.Errorf("%q comes back from %s as %q, %v", s, doc, back["k"], err)
			}
			harmless(t, "JSON", strings.ReplaceAll(string(doc), "\ufffd", ""))
		}
	}
	// What is no UTF-8 is told as AppendJSON tells it, also where it is all there is.
	for in, want := range map[string]string{"\"\xc3\"": `"\udcc3"`, "[\"\x9b31m\", 1]\n": `["\udc9b31m", 1]` + "\n", "\"\xe2\x82\u3164\"": `"\udce2\udc82\u3164"`, "\"\ufffd\"": "\"\ufffd\""} {
		if got := string(escape.JSON([]byte(in))); got != want {
			t.Errorf("JSON(%q) = %s, want %s", in, got, want)
		}
	}
	if doc := []byte("{\n \"a\": 1\n}\n"); string(escape.JSON(doc)) != string(doc) {
		t.Error("a harmless document is changed")
	}
}

// What Command writes is read by a real shell as the same arguments.
// What is the name of a program is no assignment and no word of the shell.
func TestCommandIsRun(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ls", "A=1", "_b2+=1", "if", "time", "coproc", "2=1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho ran \"$0\" $#\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, shell := range []string{"bash", "sh"} {
			path, err := exec.LookPath(shell)
			if err != nil {
				t.Skipf("no %s", shell)
			}
			c := exec.Command(path, "-c", escape.Command([]string{name, "A=2"}))
			c.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
			if out, err := c.CombinedOutput(); err != nil || string(out) != "ran "+filepath.Join(dir, name)+" 1\n" {
				t.Errorf("%s: %s: %v\n%s", shell, c.Args[2], err, out)
			}
		}
	}
}

func TestCommandIsReadBack(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	var args []string
	for _, s := range hostile {
		if !strings.Contains(s, "\x00") {
			args = append(args, s)
		}
	}
	out, err := exec.Command(bash, "-c", `printf '%s\0' `+escape.Command(args)).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	for i := range args {
		if i >= len(got) || got[i] != args[i] {
			t.Fatalf("argument %d is %q, want %q; %s", i, got[min(i, len(got)-1)], args[i], escape.Command(args))
		}
	}
	for in, want := range map[string]string{"ls": "ls", "a b": "'a b'", "": "''", "it's": `'it'\''s'`, "--x=1": "--x=1", "a\n1": `$'a\n1'`} {
		if got := escape.Word(in); got != want {
			t.Errorf("Word(%q) = %s, want %s", in, got, want)
		}
	}
}
