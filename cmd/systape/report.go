package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/page"
	"systape/format"
	"systape/replay/escape"
	"systape/replay/index"
)

// reportFlags are the flags as the user gave them.
type reportFlags struct {
	output   string
	force    bool
	maxSize  string
	noVerify bool
}

func newReportCommand() *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "report [flags] FILE… -o report.html",
		Short: "One page that shows a capture, for a browser without network",
		Long: `Writes one HTML file that shows a capture: what was recorded and whether it can be
trusted, a map of latency over time, how long which calls took, rates and
errors, threads, which call follows which, the slowest calls with what their
threads called before and after. A rectangle drawn on the map, a filter, a click
on a name choose calls; everything else then shows these, and the command line
that tells the same.

The file needs no server, no network and no other file, so it can be attached to
a bug report; it holds names of programs, threads, hosts and paths, see 'systape
redact'. Its size is bounded: of a large capture it has less detail, and says
what was left out. Without JavaScript it is a summary in text.

` + inputHelp,
		Example: `  systape report trace.parquet -o report.html
  systape report --container web --from +10s --to +20s trace.parquet -o web.html
  systape redact trace.parquet -o redacted.parquet && systape report redacted.parquet -o report.html`,
		RunE: func(c *cobra.Command, args []string) error { return runReport(c, &f, args) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "write to this `file`, - is standard output")
	flags.BoolVar(&f.force, "force", false, "replace the file of -o if it exists")
	flags.StringVar(&f.maxSize, "max-size", "5MB", "how large the file may become, about; a larger capture has less detail")
	flags.BoolVar(&f.noVerify, "no-verify", false, "leave out the verdict of 'systape verify', which reads the capture once more")
	flags.SortFlags = false
	addFilterFlags(c)
	return c
}

func runReport(c *cobra.Command, f *reportFlags, args []string) error {
	size, err := humanize.ParseBytes(f.maxSize)
	if err != nil || size < 1<<18 || size > 1<<30 {
		return usageError(c, fmt.Errorf("--max-size: %q is not between 256KiB and 1GiB", f.maxSize))
	}
	if f.output == "" {
		return usageError(c, errors.New("where should the report go? -o report.html"))
	}
	if err := out.NotForTerminal(c.OutOrStdout(), f.output, "html"); err != nil {
		return outError(err)
	}
	stdin, done, err := holdStdin(c, args)
	if err != nil {
		return err
	}
	defer done()
	defer boundHeap()()
	s, err := readPage(c, args, stdin, pageReading{})
	if err != nil {
		return err
	}
	defer s.in.Close()
	if !f.noVerify {
		if s.Head.Verify, err = verdict(c, args, stdin); err != nil {
			return err
		}
	}
	if s.Sequences, s.Threads, err = pageSequences(c, args, stdin, chosenSequences{n: page.SequencesLength, originNS: s.OriginNS, threads: s.Index.Busiest(mostThreads)}); err != nil {
		return err
	}
	p, err := page.Build(&s.Source, index.Selection{}, int(size))
	if err != nil {
		return err
	}
	file, err := createResult(c.OutOrStdout(), f.output, args, f.force)
	if err != nil {
		return err
	}
	return file.close(page.Write(file, p, s.text))
}

func pageTitle(args []string) string {
	name := escape.Text(filepath.Base(args[0]))
	if args[0] == "-" {
		name = "standard input"
	}
	if n := len(args) - 1; n > 0 {
		name += fmt.Sprintf(" and %d more", n)
	}
	return name
}

func shellWords(args []string) string {
	names := make([]string, len(args))
	for i, a := range args {
		names[i] = filepath.Base(a)
	}
	return escape.Command(names)
}

// givenFilters are the filters of the command line as it gave them.
func givenFilters(flags *pflag.FlagSet) string {
	var words []string
	visitFilters(flags, func(name, value string) { words = append(words, "--"+name, value) })
	return escape.Command(words)
}

// verdict is that of systape verify, in a sentence.
func verdict(c *cobra.Command, args []string, stdin io.Reader) (page.Verify, error) {
	res, err := verify(c.Context(), args, nil, format.ReadOptions{Symbols: format.NewSymbolTable(), Stdin: stdin, Warn: func(error) {}})
	if err != nil {
		return page.Verify{}, err
	}
	v := page.Verify{State: "holds", Text: res.sum("rules of systape verify"), Fails: []page.Fact{}}
	for _, r := range res.Rules {
		if r.State == format.Fails {
			v.State = "fails"
			v.Fails = append(v.Fails, page.Fact{Name: r.Rule, Text: escape.Text(r.Detail)})
		}
	}
	return v, nil
}
