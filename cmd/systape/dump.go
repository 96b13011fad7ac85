package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"systape/format"
)

// newDumpCommand makes the command that writes a capture as text.
func newDumpCommand() *cobra.Command {
	var output string
	var force bool
	c := &cobra.Command{
		Use:   "dump FILE...",
		Short: "Write a capture as text that loses nothing",
		Long: `Writes a capture as text: what it says about itself, then one event a line. The
text holds everything; 'systape import --from dump' makes the same capture of it.
It can be read, searched, cut and edited, stand in a bug report, and be pasted
as a test case. 'systape replay' is for watching calls.

  #: systape.capture "258f0488236f826c7727a1ee7869cd56"
  1000 enter 7/8 read(3, 0x7f00, 512) cpu=1 comm="web"
  1200 exit 7/8 read = 12 cpu=1 comm="web"

` + fileHelp + partsHelp,
		Example: `  systape dump trace.parquet | less
  systape dump trace.parquet -o trace.txt; systape import --from dump trace.txt -o again.parquet
  systape dump trace.parquet.spool | grep ' lost '`,
		RunE: func(c *cobra.Command, args []string) error { return runDump(c, args, output, force) },
	}
	c.Flags().StringVarP(&output, "output", "o", "", "write the text to this `file` instead of standard output")
	c.Flags().BoolVar(&force, "force", false, "replace the file if it exists")
	addNodeFlag(c)
	return c
}

func runDump(c *cobra.Command, args []string, output string, force bool) error {
	if len(args) == 0 {
		return &exitError{code: exitUsage, err: errors.New("no capture given"), hint: "see 'systape dump --help'"}
	}
	args, err := ofNode(c, args)
	if err != nil {
		return err
	}
	warn := damageWarner(c)
	warnOfBundles(args, warn)
	r, err := format.Open(args, format.ReadOptions{Stdin: c.InOrStdin(), Warn: warn})
	if err != nil {
		return inputError(oneRecording(c, args, err))
	}
	defer r.Close()
	out, err := createResult(c.OutOrStdout(), output, args, force)
	if err != nil {
		return err
	}
	err = format.WriteDump(contextWriter{c, out}, r)
	if errors.Is(err, format.ErrIncomplete) {
		warn(err)
		err = nil
	}
	return inputError(out.close(err))
}

// contextWriter ends with the command.
type contextWriter struct {
	c *cobra.Command
	w io.Writer
}

func (w contextWriter) Write(p []byte) (int, error) {
	if err := w.c.Context().Err(); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}
