package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/format"
)

// resultFile is where a result goes, see [out.File].
type resultFile struct{ *out.File }

// createResult opens the output; "" and "-" are standard output. An existing
// file is replaced with force only, and one of the inputs never.
func createResult(stdout io.Writer, name string, inputs []string, force bool) (*resultFile, error) {
	f, err := out.Create(stdout, name, out.Options{Inputs: inputs, FileOptions: format.FileOptions{Force: force, Created: createdResult}})
	if err != nil {
		return nil, outError(err)
	}
	return &resultFile{f}, nil
}

// createdResult is told of a new file that has not got its name yet.
func createdResult(f *os.File) error {
	leftOnInterrupt.file(f)
	return mayGiveToInvoker(f)
}

func (r *resultFile) complete() error { return outError(r.Complete()) }

func (r *resultFile) discard() error { return r.Discard() }

// close ends the output: with an error, nothing remains of a file.
func (r *resultFile) close(err error) error {
	if err != nil {
		return outError(errors.Join(err, r.Discard()))
	}
	return r.complete()
}

// warner returns a function that prints warnings. They may hold what a capture
// or a file's name says, so they are escaped.
func warner(w io.Writer) func(error) {
	return func(err error) { fmt.Fprintf(w, "systape: warning: %s\n", inLine(err)) }
}

// damaged is the annotation of a root command whose result is of a capture of
// which files are left out because they are damaged.
const damaged = "damaged"

// damageWarner is warner, and lets the exit code tell of files that were left
// out because they are damaged: what the others hold is shown all the same.
func damageWarner(c *cobra.Command) func(error) {
	warn := warner(c.ErrOrStderr())
	return func(err error) {
		if saidBefore(c, err) {
			return
		}
		_, corrupt := errors.AsType[*format.CorruptError](err)
		if left, ok := errors.AsType[*format.LeftOutError](err); ok && (corrupt || errors.Is(left.Err, format.ErrIncomplete)) {
			root := c.Root()
			if root.Annotations == nil {
				root.Annotations = map[string]string{}
			}
			root.Annotations[damaged] = "yes"
		}
		warn(err)
	}
}

// saidBefore reports whether the command, which may open a capture more than once,
// has come here with this error before.
func saidBefore(c *cobra.Command, err error) bool {
	root := c.Root()
	if root.Annotations == nil {
		root.Annotations = map[string]string{}
	}
	said := root.Annotations["said: "+err.Error()] != ""
	root.Annotations["said: "+err.Error()] = "yes"
	return said
}

// usageError is an error in how a command was called.
func usageError(c *cobra.Command, err error) error {
	return &exitError{code: exitUsage, err: err, hint: "see '" + c.CommandPath() + " --help'"}
}

// outError gives an error of the output its exit code.
func outError(err error) error {
	var e *out.Error
	if !errors.As(err, &e) {
		return err
	}
	code := map[out.Kind]int{out.Failed: exitFailed, out.Usage: exitUsage, out.Permission: exitPermission}[e.Kind]
	return &exitError{code: code, err: err, hint: e.Hint}
}

// tableOrJSON are the forms of results that are for people or for programs.
var tableOrJSON = []string{"table", "json"}
