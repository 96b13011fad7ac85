package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay/units"
)

// newRecoverCommand makes the command that saves what is left of a capture.
func newRecoverCommand() *cobra.Command {
	var out string
	var force bool
	c := &cobra.Command{
		Use:   "recover FILE...",
		Short: "Make a valid capture from what is left of one",
		Long: `Makes a valid Parquet capture from a spool whose recorder was killed, or from a
Parquet capture that lost its end. All events are saved up to the last whole
batch of a spool, or the last whole row group of a Parquet file; the recorder
writes a batch at least once a second. The new capture says of itself that it
is not complete. FILE stays as it is.

NAME.spool becomes NAME; another file becomes NAME-recovered.parquet; -o names
another one.`,
		Example: `  systape recover trace.parquet.spool
  systape recover trace.parquet.spool -o saved.parquet
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
	}
	for _, path := range args {
		to := out
		if to == "" {
			to = recoverName(path)
		}
		res, err := format.Recover(path, to, format.FileOptions{Force: force})
		if err != nil {
			return recoverError(err)
		}
		fmt.Fprintf(c.OutOrStdout(), "%s: %s events saved", to, units.Count(res.Rows))
		if res.Rows > 0 {
			fmt.Fprintf(c.OutOrStdout(), ", %s to %s", views.Instant(res.FirstNS), views.Instant(res.LastNS))
		}
		if res.Complete {
			fmt.Fprintln(c.OutOrStdout(), "; complete, nothing is missing")
			continue
		}
		fmt.Fprintf(c.OutOrStdout(), "; %s of %s were of no use\n", units.Bytes(res.Unusable), units.Bytes(res.Read+res.Unusable))
		if res.Why != nil {
			fmt.Fprintf(c.ErrOrStderr(), "systape: warning: %v\n", res.Why)
		}
	}
	return nil
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

func recoverError(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return &exitError{code: exitFailed, err: err, hint: "name another file with -o, or replace it with --force"}
	}
	if _, ok := errors.AsType[*format.CorruptError](err); ok || errors.Is(err, format.ErrIncomplete) {
		return &exitError{code: exitDamaged, err: err}
	}
	return inputError(err)
}
