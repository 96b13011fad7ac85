// Systape is a flight recorder for system calls.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"systape/format"
	"systape/replay/escape"
)

// ownProcess says that the process is this program's, which may give up rights
// for all of it; tests run command lines in theirs.
var ownProcess bool

func main() {
	ownProcess = true
	if len(os.Args) > 1 && os.Args[1] != "record" { // whose command is to find it as it was
		// A write that finds no reader then is an error, by which a command ends
		// in order, instead of a signal, which leaves temporary files.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Exit codes of every command but record with a command, which passes on the
// command's own.
const (
	exitOK         = 0
	exitFailed     = 1
	exitUsage      = 2
	exitDamaged    = 3
	exitPermission = 4
)

// exitError carries an exit code, and a hint that tells the user the next step.
type exitError struct {
	code int
	hint string
	err  error // nil: exit with code and say nothing, as with a command's own status
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot(args)
	root.SetArgs(append([]string{}, args...)) // for nil it takes those of the process
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	helpErr := keepHelpErrors(root, stdout)
	c, err := root.ExecuteContextC(ctx)
	if err = cmp.Or(err, *helpErr); seenEnough(err) && (c.Name() != "record" || *helpErr != nil) {
		return exitOK
	}
	if err == nil && root.Annotations[damaged] != "" {
		err = &exitError{code: exitDamaged, err: errors.New("the result is without the files that are damaged"), hint: "'systape recover' saves what can be read of them"}
	}
	return report(err, stderr)
}

// seenEnough reports whether a result was not written because its reader has gone.
func seenEnough(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// keepHelpErrors makes help that could not be written an error: cobra drops it.
func keepHelpErrors(root *cobra.Command, stdout io.Writer) *error {
	var failed error
	print := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		var text bytes.Buffer
		c.SetOut(&text)
		print(c, args)
		c.SetOut(stdout)
		_, failed = stdout.Write(text.Bytes())
	})
	return &failed
}

// plainly is what err says, without the name of the system call by which a
// file could not be had, in a line for each step that met one. Of what several steps met, as a full disk, each is said
// once.
func plainly(err error) string {
	var lines []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !slices.ContainsFunc(lines, func(before string) bool { return line != "" && strings.HasSuffix(before, line) }) {
			lines = append(lines, line)
		}
	}
	return withoutCall(err, strings.Join(lines, "\n"))
}

// inLine is what err says, plainly, where there is one line for it.
func inLine(err error) string { return escape.Text(withoutCall(err, format.OneLine(err))) }

// withoutCall takes from what err says the name of the system call by which a file
// could not be had.
func withoutCall(err error, msg string) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok && (e.Op == "open" || e.Op == "stat" || e.Op == "lstat") {
		msg = strings.Replace(msg, e.Op+" "+e.Path+": ", e.Path+": ", 1)
	}
	return msg
}

// report prints err the way every command does and returns its exit code.
func report(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	code, hint := exitFailed, ""
	var e *exitError
	if errors.As(err, &e) {
		code, hint = e.code, e.hint
	}
	if msg := plainly(err); msg != "" {
		fmt.Fprintf(stderr, "systape: %s\n", escape.Lines(msg))
	}
	if hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", escape.Lines(hint))
	}
	return code
}
