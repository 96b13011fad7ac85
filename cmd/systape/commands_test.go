package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// allCommands returns every command of ours, with its subcommands.
func allCommands() []*cobra.Command {
	var all []*cobra.Command
	var add func(c *cobra.Command)
	add = func(c *cobra.Command) {
		all = append(all, c)
		for _, sub := range c.Commands() {
			if sub.Name() != "completion" {
				add(sub)
			}
		}
	}
	add(newRoot(nil))
	return all
}

// commandLine runs a command line as main does, in an empty folder.
func commandLine(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// Every help ends in examples, and each of them is a command line that its
// command takes: with the captures there, it would run.
func TestExamples(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range allCommands() {
		if c.Example == "" {
			t.Errorf("%s has no examples", c.CommandPath())
			continue
		}
		found := 0
		for line := range strings.Lines(c.Example) {
			for _, args := range systapeCommands(line) {
				found++
				checkExample(t, strings.TrimSpace(line), args)
			}
			if !strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "   ") {
				t.Errorf("%s: an example that is not indented by two: %q", c.CommandPath(), line)
			}
		}
		if found == 0 {
			t.Errorf("%s: no example runs systape", c.CommandPath())
		}
	}
}

// Each command line that the documentation shows, in a line of its own or in
// the text, is one that its command takes.
func TestCommandLinesOfDocs(t *testing.T) {
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "format/*.md", "python/*.md", "sql/*.md", "spark/*.md", "packaging/*.md"} {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	inText := regexp.MustCompile("`([^`\n]*\\bsystape [a-z][^`\n]*)`")
	ownLine := regexp.MustCompile(`^(?: {4}|)(?:\$ )?((?:for .*; do )?(?:sudo )?systape [a-z].*)`)
	column := regexp.MustCompile(`   .*`)
	filled := regexp.MustCompile(`\$\([^)]*\)| …`) // by a shell, and so on
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		for line := range strings.Lines(string(text)) {
			var shown []string
			fenced = fenced != strings.HasPrefix(line, "```")
			if m := ownLine.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil && (fenced || strings.HasPrefix(line, "    ")) {
				shown = append(shown, m[1])
			}
			for _, m := range inText.FindAllStringSubmatch(line, -1) {
				shown = append(shown, m[1])
			}
			for _, line := range shown {
				whole := filled.ReplaceAllString(column.ReplaceAllString(line, ""), " 1")
				for _, args := range systapeCommands(strings.ReplaceAll(whole, "…", "")) {
					found++
					if len(args) == 1 || slices.Contains(args, "--help") { // named, not shown
						if c, _, err := newRoot(args).Find(args[:1]); err != nil || c.Name() != args[0] {
							t.Errorf("%s: %s: no such command", file, line)
						}
						continue
					}
					if args[0] != "record" && args[0] != "doctor" {
						if _, _, stderr := commandLine(t, args...); strings.Contains(stderr, "no capture given") {
							args = append(args, "none.spool") // what the text speaks of
						}
					}
					checkExample(t, file+": "+line, args)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("found %d command lines", found)
	}
}

func checkExample(t *testing.T, line string, args []string) {
	t.Helper()
	root := newRoot(args)
	c, rest, err := root.Find(args)
	if err != nil || c == root && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		t.Errorf("%s: no such command: %v", line, err)
		return
	}
	if c.Name() == "record" || c.Name() == "doctor" {
		// Recording needs rights, and would take place; the doctor measures.
		if err := c.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		return
	}
	for i, a := range args {
		if a == "-" && (i == 0 || args[i-1] != "-o") { // from a pipe that is empty here
			args[i] = "none.spool"
		}
	}
	code, _, stderr := commandLine(t, args...)
	if code == exitUsage || strings.Contains(stderr, "panic") {
		t.Errorf("%s: got code %d, %s", line, code, stderr)
	}
}

// systapeCommands returns the arguments of each systape in a line of shell.
func systapeCommands(line string) (commands [][]string) {
	var words []string
	end := func() {
		for len(words) > 0 && words[0] != "systape" {
			words = words[1:] // sudo, ssh HOST
		}
		if len(words) > 0 {
			commands = append(commands, words[1:])
		}
		words = nil
	}
	tokens := regexp.MustCompile(`'[^']*'|"[^"]*"|&&|[|;]|[0-9]*>>?|[^\s'"|;&>]+`)
	skip := false
	for _, token := range tokens.FindAllString(line, -1) {
		switch {
		case token == "|" || token == "&&" || token == ";":
			end()
		case strings.HasSuffix(token, ">") || strings.HasSuffix(token, ">>"):
			skip = true
		case skip:
			skip = false
		case token[0] == '\'' || token[0] == '"':
			words = append(words, token[1:len(token)-1])
		case token == "#":
			end()
			return commands
		default:
			words = append(words, token)
		}
	}
	end()
	return commands
}

// No message speaks of Go's packages, whatever is given to whichever flag.
func TestMessagesAreOurs(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("x.parquet", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := regexp.MustCompile(`strconv|parsing|invalid syntax|invalid argument|time: (missing|invalid|unknown unit)|json: |unexpected EOF`)
	for _, c := range allCommands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			for _, value := range []string{"%%", "-1.5x", "99999999999999999999999", ""} {
				args := append(strings.Fields(c.CommandPath())[1:], "--"+f.Name+"="+value)
				if c.Name() != "record" {
					args = append(args, "x.parquet")
				} else if value == "" {
					return // a recording could begin
				}
				func() {
					defer func() {
						if p := recover(); p != nil {
							t.Errorf("%q: %v\n%s", args, p, debug.Stack())
						}
					}()
					code, _, stderr := commandLine(t, args...)
					if foreign.MatchString(stderr) {
						t.Errorf("%q: got code %d, %s", args, code, stderr)
					}
				}()
			}
		})
	}
}

func TestUsageErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		line string
		code int
		says string
	}{
		{"frobnicate", 2, `unknown command "frobnicate"`},
		{"latncy x.parquet", 2, "did you mean latency?"},
		{"baseline trian", 2, "did you mean train?"},
		{"help latncy", 2, "did you mean latency?"},
		{"--frobnicate", 2, "unknown flag: --frobnicate"},
		{"latency --frobnicate", 2, "hint: see 'systape latency --help'"},
		{"latency --top", 2, "--top needs a value"},
		{"latency --top many x.parquet", 2, "--top many: want a whole number"},
		{"latency --every -1s x.parquet", 2, "a duration cannot be negative"},
		{"latency --min-duration soon x.parquet", 2, "--min-duration soon: want a duration such as 10s"},
		{"record", 2, "give a command, -p PID or -a"},
		{"record -p abc", 2, "--pid abc: want whole numbers"},
		{"record -d 5x -a", 2, "--duration 5x: want a duration"},
		{"record --frobnicate", 2, "unknown flag: --frobnicate"},
		{"record --frobnicate -- true", 125, "unknown flag: --frobnicate"},
		{"record -p abc -- true", 125, "--pid abc"},
		// A script's variable that is not set must not be as if nothing had been asked for.
		{"verify --key= x.parquet", 2, "--key: the value is empty"},
		{"audit --rules= x.parquet", 2, "--rules: the value is empty"},
		{"seccomp --container= x.parquet", 2, "--container: the value is empty"},
		{"seccomp --check= x.parquet", 2, "--check: the value is empty"},
		{"redact --key= x.parquet -o y.parquet", 2, "--key: the value is empty"},
		{"latency --from= x.parquet", 2, "--from: the value is empty"},
		{"record --comm= -a", 2, "--comm: a name is empty"},
		{"record --sign= -- true", 125, "--sign: the value is empty"},
	} {
		code, stdout, stderr := commandLine(t, strings.Fields(c.line)...)
		if code != c.code || stdout != "" || !strings.HasPrefix(stderr, "systape: ") || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: got code %d, %q, %q, want code %d and %q", c.line, code, stdout, stderr, c.code, c.says)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"help"}} {
		code, stdout, stderr := commandLine(t, args...)
		last := -1
		for _, group := range []string{"\nRecord", "\n  record ", "\nLook:", "\n  replay ", "\n  latency ", "\nJudge:", "\nShare:", "\nFiles:"} {
			at := strings.Index(stdout, group)
			if at < last {
				t.Errorf("%q: %q is at %d, after %d", args, group, at, last)
			}
			last = at
		}
		if code != 0 || stderr != "" {
			t.Errorf("%q: got code %d, %s", args, code, stderr)
		}
	}
	code, stdout, _ := commandLine(t, "help", "baseline", "train")
	if code != 0 || !strings.Contains(stdout, "systape baseline train -o BASELINE") {
		t.Errorf("got code %d, %s", code, stdout)
	}
}

// Help that can't be written is a failure like any other result, and a reader
// that has seen enough is none.
func TestHelpThatIsNotWritten(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"help", "latency"}, {"record", "--help"}, {"baseline"}} {
		for _, c := range []struct {
			err  error
			code int
		}{{syscall.ENOSPC, exitFailed}, {io.ErrClosedPipe, exitOK}} {
			r, w := io.Pipe()
			r.CloseWithError(c.err)
			var stderr strings.Builder
			code := run(t.Context(), args, strings.NewReader(""), w, &stderr)
			if code != c.code || (code == exitFailed) != strings.Contains(stderr.String(), syscall.ENOSPC.Error()) {
				t.Errorf("%q, %v: got code %d and %q, want %d", args, c.err, code, stderr.String(), c.code)
			}
		}
	}
}

// TestHelpFits: what is read stands within the width of a terminal; lines to be
// pasted, and the columns of a table, may be longer.
func TestHelpFits(t *testing.T) {
	for _, c := range allCommands() {
		for line := range strings.Lines(c.Long) {
			if n := utf8.RuneCountInString(line); n > 85 && !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: %d columns: %s", c.CommandPath(), n, line)
			}
		}
	}
	_, stdout, _ := commandLine(t, "latency", "--help")
	for line := range strings.Lines(stdout[strings.Index(stdout, "\nFlags:\n"):]) {
		if utf8.RuneCountInString(line) > helpColumns+1 {
			t.Errorf("flag beyond column %d: %s", helpColumns, line)
		}
	}
}

func TestVersion(t *testing.T) {
	code, stdout, _ := commandLine(t, "--version")
	want := regexp.MustCompile(`^systape \S+\ncommit   .+\nGo       go1\.\d+\S*, \w+/\w+\nkernel   (no )?objects.*\n$`)
	if code != 0 || !want.MatchString(stdout) {
		t.Errorf("got code %d, %q", code, stdout)
	}
}
