// Systape is a flight recorder for system calls.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"systape/replay/escape"
)

func main() {
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
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return report(root.ExecuteContext(ctx), stderr)
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
	if msg := err.Error(); msg != "" {
		fmt.Fprintf(stderr, "systape: %s\n", escape.Lines(msg))
	}
	if hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", escape.Lines(hint))
	}
	return code
}
