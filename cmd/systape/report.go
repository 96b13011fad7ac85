package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/page"
	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/index"
	"systape/replay/latency"
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

// pageSource is what a page is made of, and its summary in text.
type pageSource struct {
	page.Source
	in   *input
	long longCalls
	text string
}

// pageReading says how a capture is read for its page.
type pageReading struct {
	live  bool                      // a pipe is shown as it comes
	named []string                  // the capture is known by these names; nil: by those that are read
	hold  sync.Locker               // held while calls are added, and while seen is called; may be nil
	seen  func(s *pageSource) error // called with what there is so far, time and again; may be nil
}

// readPage reads a capture for its page.
func readPage(c *cobra.Command, args []string, stdin io.Reader, r pageReading) (*pageSource, error) {
	s := &pageSource{}
	c.SetIn(stdin)
	in, err := openSession(c, args, replay.Options{Columns: page.Columns, Files: true, Live: r.live})
	if err != nil {
		return nil, err
	}
	s.in, s.Capture = in, in
	if r.named != nil {
		args = r.named
	}
	if s.OriginNS, _, err = in.Begin(); err != nil {
		return nil, errors.Join(inputError(err), in.Close())
	}
	opt := latency.Options{Symbols: in.names, By: []latency.Key{latency.BySyscall}, Waits: latency.WaitApart}
	s.Index = index.New(index.Options{Symbols: in.names, OriginNS: s.OriginNS})
	s.Slowest = latency.NewSlowest(page.SlowCalls, page.Around, opt)
	var text bytes.Buffer
	l := &views.Latency{Options: opt, Sort: "total", Top: -1, Untimed: !replay.Timed(in.Meta()), From: in.filter.From, To: in.filter.To}
	l.Of, l.Form, l.Capture, l.Out = "latency", "table", in, &text
	s.Head = page.Head{Title: pageTitle(args), Command: shellWords(args), Filters: givenFilters(c.Flags()),
		Verify: page.Verify{State: "not checked", Text: "systape verify was not run"}}
	for _, a := range args {
		s.Head.Files = append(s.Head.Files, escape.Text(filepath.Base(a)))
	}
	s.Reading.Of = cmp.Or(in.Meta().Part.Rows, -1)
	var notes replay.Notes
	progress, finish := in.progress("reading")
	defer finish()
	err = l.Read(l.Groups(), func(add func([]replay.Call) error) error {
		neighbours := func(calls []replay.Call, chosen []bool) {
			if r.hold != nil {
				r.hold.Lock()
				defer r.hold.Unlock()
			}
			s.Slowest.AddChosen(calls, func(i int) bool { return chosen[i] })
		}
		return in.among(s.Slowest.Waiting, neighbours, func(calls []replay.Call) error {
			if r.hold != nil {
				r.hold.Lock()
				defer r.hold.Unlock()
			}
			progress(2 * len(calls))
			notes.Add(calls)
			s.Index.Add(calls)
			s.long.add(calls)
			s.Reading.Rows += 2 * int64(len(calls))
			if r.seen != nil {
				if err := r.seen(s); err != nil {
					return err
				}
			}
			return add(calls)
		})
	})
	if err == nil {
		err = l.Footer(io.Discard)
	}
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	if r.hold != nil {
		r.hold.Lock()
		defer r.hold.Unlock()
	}
	s.Index.Close()
	s.Reading = page.Reading{}
	if line := notes.IOUring(); line != "" {
		s.Head.Notes = append(s.Head.Notes, escape.Text(line))
	}
	if err := in.Incomplete(); err != nil {
		s.Head.Notes = append(s.Head.Notes, escape.Text(plainly(err)))
	}
	s.text = fmt.Sprintf("%s\n\n%s", s.Head.Title, text.String())
	return s, nil
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
