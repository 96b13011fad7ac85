package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay/escape"
	"systape/replay/units"
)

// newRecoverCommand makes the command that saves what is left of a capture.
func newRecoverCommand() *cobra.Command {
	var out string
	var force bool
	c := &cobra.Command{
		Use:   "recover FILE...",
		Short: "Make a valid capture from what is left of one",
		Long: `Makes a valid Parquet capture from a spool whose recorder was killed, from a
Parquet capture that lost its end, or from either with damage inside. All events
are saved that can be read: whole batches of a spool, whole row groups of a
Parquet file. Where some are gone between others, a lost event dated by its
neighbours tells how many. A recorder writes a batch at least once a second. The
new capture says of itself that it is not complete. FILE stays as it is, and a
recording that still goes on is left alone. A spool into which nothing was
recorded yet becomes a capture of nothing; where there were events and none can
be saved, no file is made and the exit code is 3.

NAME.spool becomes NAME, and so does NAME itself when there is only its spool;
another file becomes NAME-recovered.parquet; -o names another one. Of several
FILEs each is saved by itself: what cannot be saved of one does not keep the next
from it.`,
		Example: `  systape recover trace.parquet
  systape recover trace.parquet.spool -o saved.parquet
  systape recover /var/lib/systape/*.spool
  systape recover half-copied.parquet`,
		RunE: func(c *cobra.Command, args []string) error { return runRecover(c, args, out, force) },
	}
	c.Flags().StringVarP(&out, "output", "o", "", "write the capture to this file")
	c.Flags().BoolVar(&force, "force", false, "replace the file if it exists")
	return c
}

func runRecover(c *cobra.Command, args []string, out string, force bool) error {
	switch {
	case len(args) == 0:
		return &exitError{code: exitUsage, err: errors.New("no file given"), hint: "see 'systape recover --help'"}
	case len(args) > 1 && out != "":
		return &exitError{code: exitUsage, err: errors.New("-o with several files"), hint: "recover one file at a time"}
	case out == "-":
		return usageError(c, errors.New("standard output is for what was saved, in words: give -o saved.parquet"))
	}
	code := exitOK
	for _, path := range args {
		err := recoverOne(c, path, out, force)
		if len(args) == 1 {
			return err
		}
		code = max(code, report(err, c.ErrOrStderr())) // and on to the next one
	}
	if code != exitOK {
		return &exitError{code: code}
	}
	return nil
}

// recoverOne makes a capture of one file and says so.
func recoverOne(c *cobra.Command, path, out string, force bool) error {
	from, to := recoverNames(path)
	if out != "" {
		to = out
	}
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		return &exitError{code: exitUsage, err: fmt.Errorf("%s is a folder", path), hint: "name what recorders left in it: systape recover " + escape.Word(path) + "/*" + format.SpoolSuffix}
	}
	res, err := format.Recover(from, to, format.FileOptions{Force: force, Created: func(f *os.File) error { leftOnInterrupt.file(f); return giveToInvoker(f) }})
	if err != nil {
		return recoverError(err, from, to)
	}
	fmt.Fprintln(c.OutOrStdout(), recoverReport(to, res))
	for _, p := range res.Problems {
		warner(c.ErrOrStderr())(fmt.Errorf("%s: %w", from, p))
	}
	return nil
}

// recoverReport says in a line what was saved.
func recoverReport(to string, res *format.RecoverResult) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s: %s saved", escape.Text(to), units.Counted(res.Rows, "row"))
	if res.Rows > 0 {
		fmt.Fprintf(&s, ", %s to %s", views.Instant(res.FirstNS), views.Instant(res.LastNS))
	}
	if res.Complete {
		return s.String() + "; complete, nothing is missing"
	}
	if res.Lost > 0 {
		fmt.Fprintf(&s, "; gone from between them: %s", units.Counted(res.Lost, "event"))
	}
	if res.Earlier != "" && len(res.Problems) == 0 {
		fmt.Fprintf(&s, "; nothing more is missing than before: %s", escape.Text(res.Earlier))
	}
	if res.Unusable > 0 {
		fmt.Fprintf(&s, "; %s of %s could not be read", units.Bytes(res.Unusable), units.Bytes(res.Read+res.Unusable))
	}
	return s.String()
}

// recoverNames returns the file that is meant by path, and the name of the
// capture that it becomes.
func recoverNames(path string) (from, to string) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		spool := format.SpoolName(path)
		if info, err := os.Stat(spool); err == nil && info.Mode().IsRegular() {
			return spool, path
		}
	}
	return path, recoverName(path)
}

// recoverName is the name of the capture that path becomes.
func recoverName(path string) string {
	for _, suffix := range []string{format.SpoolSuffix, format.PartialSuffix} {
		if name, ok := strings.CutSuffix(path, suffix); ok && filepath.Base(path) != suffix {
			return name
		}
	}
	return strings.TrimSuffix(path, ".parquet") + "-recovered.parquet"
}

func recoverError(err error, from, to string) error {
	if errors.Is(err, syscall.ENOSPC) {
		elsewhere := filepath.Join("/somewhere/else", filepath.Base(to))
		return &exitError{code: exitFailed, err: err, hint: "free some space, or make it on another disk; " + escape.Text(from) + " stays as it is:\n  " + escape.Command([]string{"systape", "recover", from, "-o", elsewhere})}
	}
	if errors.Is(err, fs.ErrExist) {
		return &exitError{code: exitFailed, err: err, hint: "name another file with -o, or replace it with --force"}
	}
	if errors.Is(err, format.ErrRecording) {
		return &exitError{code: exitFailed, err: err, hint: "end it first; every command reads its spool as it is"}
	}
	if _, ok := errors.AsType[*format.CorruptError](err); ok || errors.Is(err, format.ErrIncomplete) {
		return &exitError{code: exitDamaged, err: err}
	}
	return inputError(err)
}
