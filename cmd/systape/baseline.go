package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/format/abi"
	"systape/replay/escape"
	"systape/replay/sequences"
	"systape/replay/units"
)

func newBaselineCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "baseline",
		Short: "Learn from captures of normal behaviour",
		Long: `Make and look at baselines: what captures of normal behaviour contain, against
which 'systape score' holds other captures.

A baseline holds the windows of 3 and of 6 calls that occurred in a thread, and
a Markov model of the order of calls. It is a JSON file that can be read, kept
under version control and compared. Train it with captures that show all the
program normally does, its start and end included; what training has not seen
counts as new, harmless or not.`,
		Example: `  systape baseline train -o web.json monday.parquet tuesday.parquet
  systape baseline calibrate --baseline web.json wednesday.parquet thursday.parquet
  systape baseline info web.json`,
	}
	c.AddCommand(newBaselineTrainCommand(), newBaselineCalibrateCommand(), newBaselineInfoCommand())
	return c
}

type baselineFlags struct {
	sequencesDivision
	n        []int
	order    int
	output   string
	force    bool
	quantile float64
	json     bool
}

func newBaselineTrainCommand() *cobra.Command {
	var f baselineFlags
	c := &cobra.Command{
		Use:   "train -o BASELINE [flags] FILE…",
		Short: "Make a baseline of captures",
		Long: `Make a baseline of captures of normal behaviour. Each FILE is a capture of its
own: a Parquet capture, a spool, or a folder with the parts of one recording.

` + sequencesDivisionHelp,
		Example: `  systape baseline train -o web.json monday.parquet tuesday.parquet
  systape baseline train -o nginx.json --comm nginx -n 3,6 --order 3 day*.parquet`,
		RunE: func(c *cobra.Command, args []string) error { return runBaselineTrain(c, &f, args) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "the `baseline` to write")
	flags.IntSliceVarP(&f.n, "length", "n", []int{3, 6}, "lengths of the windows, 1 to 10")
	flags.IntVar(&f.order, "order", 3, "how many calls back the Markov model looks, 0 to 9")
	f.addFlags(c)
	flags.BoolVar(&f.force, "force", false, "replace the baseline if it exists")
	flags.SortFlags = false
	addFilterFlags(c)
	return c
}

// baselineSource describes a capture that a baseline learns from.
func baselineSource(in *input) sequences.Source {
	m := in.Meta()
	s := sequences.Source{Name: filepath.Base(in.paths[0]), Capture: m.CaptureID, Host: m.Host.Name, Kernel: m.Host.Kernel}
	if m.Imported != nil {
		s.Imported = m.Imported.From
	}
	return s
}

func runBaselineTrain(c *cobra.Command, f *baselineFlags, args []string) error {
	usage := func(err error) error {
		return &exitError{code: exitUsage, err: err, hint: "see '" + c.CommandPath() + " --help'"}
	}
	opt, err := f.sequencesDivision.options()
	switch {
	case err != nil:
		return usage(err)
	case f.output == "":
		return usage(errors.New("-o is missing: where is the baseline to go?"))
	case len(args) == 0:
		return usage(errors.New("no capture to learn from"))
	}
	if _, err := sequences.NewBaseline(sequences.BaselineOptions{N: f.n, Order: f.order}, opt); err != nil {
		return usage(err)
	}
	var b *sequences.Baseline
	for _, arg := range args {
		if err := baselineLearn(c, f, opt, &b, arg); err != nil {
			return err
		}
	}
	var learned int64
	for _, s := range b.Sources {
		learned += s.Calls
	}
	if learned == 0 {
		return &exitError{code: exitFailed, err: errors.New("there are no calls to learn from: no baseline is written"),
			hint: "'systape info' tells what is in a capture; filters may leave nothing"}
	}
	return baselineWrite(f.output, f.force, b)
}

// baselineLearn adds one capture to *b, which the first one makes.
func baselineLearn(c *cobra.Command, f *baselineFlags, opt sequences.Options, b **sequences.Baseline, arg string) error {
	in, err := openInput(c, []string{arg}, sequencesColumns, sequencesLinks(opt))
	if err != nil {
		return err
	}
	defer in.Close()
	native, ok := sequencesNative(in.Meta())
	if !ok {
		native = abi.X86_64
	}
	if *b == nil {
		opt.Native, opt.HaveNative = native, true
		if *b, err = sequences.NewBaseline(sequences.BaselineOptions{N: f.n, Order: f.order}, opt); err != nil {
			return err
		}
		(*b).Tool = "systape " + version
	} else if native != (*b).ABI {
		return fmt.Errorf("%s is of %s calls, the captures before it of %s calls: one baseline is of one ABI", arg, native, (*b).ABI)
	}
	tr, alphabet := (*b).Train()
	st, err := sequences.NewStreams(sequencesOptions(in, (*b).Options()), alphabet, tr)
	if err != nil {
		return err
	}
	if err := sequencesFeed(in, st, nil); err != nil {
		return err
	}
	tr.Done(baselineSource(in), st.Taken())
	if tr.Denied > 0 {
		return &exitError{code: exitFailed, err: fmt.Errorf("%s brings the baseline above %s different windows of calls: no baseline is written", arg, units.Count(sequences.MaxWindows)),
			hint: "calls that hardly repeat make no baseline; shorter windows may: -n 3 --order 2"}
	}
	src := (*b).Sources[len((*b).Sources)-1]
	fmt.Fprintf(c.ErrOrStderr(), "%s: %s calls in %s %s%s; %v\n", src.Name, units.Count(src.Calls), units.Count(src.Streams),
		units.Plural(src.Streams, (*b).By.String()), baselineNews(*b, src), in.coverage)
	return nil
}

// baselineNews tells what a source taught; it falls from capture to capture
// when the baseline has seen most of what there is.
func baselineNews(b *sequences.Baseline, src sequences.Source) string {
	var parts []string
	for _, n := range b.N {
		parts = append(parts, fmt.Sprintf("%s new windows of %d", units.Count(src.NewWindows[strconv.Itoa(n)]), n))
	}
	return ", " + strings.Join(parts, ", ")
}

func baselineWrite(name string, force bool, b *sequences.Baseline) error {
	out, err := createResult(os.Stdout, name, nil, force)
	if err != nil {
		return err
	}
	return out.close(b.Encode(out))
}

func baselineRead(name string) (*sequences.Baseline, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := sequences.DecodeBaseline(file)
	if err != nil {
		return nil, &exitError{code: exitDamaged, err: fmt.Errorf("read baseline %s: %w", name, err), hint: "'systape baseline train' makes baselines"}
	}
	return b, nil
}

func newBaselineCalibrateCommand() *cobra.Command {
	var f baselineFlags
	var baseline string
	c := &cobra.Command{
		Use:   "calibrate --baseline BASELINE [flags] FILE…",
		Short: "Learn from other normal captures what scores are normal",
		Long: `Score captures of normal behaviour that were not used for training, and store
in the baseline which scores only a small share of them exceeds: for whole
captures and for single threads. Each FILE is a capture of its own.

The threshold of one capture or thread is the quantile by nearest rank: the
smallest value that at least that share of the scores does not exceed. With fewer
scores than 1/(1-quantile), 100 for 0.99, it is only the largest score seen, and
the baseline says so. 'systape score' judges all threads and scores of a capture
together; the limits for that are further out, by the upper end of the scores.`,
		Example: `  systape baseline calibrate --baseline web.json wednesday.parquet thursday.parquet
  systape baseline calibrate --baseline web.json --quantile 0.95 -o web95.json week2/*.parquet`,
		RunE: func(c *cobra.Command, args []string) error { return runBaselineCalibrate(c, &f, baseline, args) },
	}
	flags := c.Flags()
	flags.StringVar(&baseline, "baseline", "", "the `file` that 'systape baseline train' made")
	flags.Float64Var(&f.quantile, "quantile", 0.99, "the share of normal scores that thresholds are not to be below")
	flags.StringVarP(&f.output, "output", "o", "", "write to this `file` (default: the baseline itself)")
	flags.BoolVar(&f.force, "force", false, "replace the file of -o if it exists")
	flags.SortFlags = false
	addFilterFlags(c)
	return c
}

func runBaselineCalibrate(c *cobra.Command, f *baselineFlags, name string, args []string) error {
	cal, err := sequences.NewCalibrator(f.quantile)
	switch {
	case name == "":
		err = errors.New("--baseline is missing")
	case err == nil && len(args) == 0:
		err = errors.New("no capture to calibrate with")
	}
	if err != nil {
		return &exitError{code: exitUsage, err: err, hint: "see '" + c.CommandPath() + " --help'"}
	}
	b, err := baselineRead(name)
	if err != nil {
		return err
	}
	b.Calibration = nil
	trained := map[string]bool{}
	for _, s := range b.Sources {
		trained[s.Capture] = s.Capture != ""
	}
	for _, arg := range args {
		s, err := scoreCapture(c, b, []string{arg}, sequences.ScoreOptions{Streams: 1, Findings: 1, OnStream: cal.Stream})
		if err != nil {
			return err
		}
		if trained[s.source.Capture] {
			return &exitError{code: exitFailed, err: fmt.Errorf("%s was used for training: its scores say nothing about normal ones", arg),
				hint: "calibrate with captures that the baseline has not seen"}
		}
		cal.Capture(&s.Result.Total, s.source)
	}
	b.Calibration = cal.Result()
	w := c.ErrOrStderr()
	for _, l := range []struct {
		what   string
		limits sequences.Limits
	}{{"capture", b.Calibration.Captures}, {b.By.String(), b.Calibration.Streams}} {
		fmt.Fprintf(w, "%s %s scored", units.Count(int64(l.limits.Count)), units.Plural(int64(l.limits.Count), l.what))
		if !l.limits.Enough {
			fmt.Fprintf(w, ": too few for a quantile of %v, which takes %d; the thresholds are the largest scores seen", f.quantile, sequences.Needed(f.quantile))
		}
		fmt.Fprintln(w)
	}
	if f.output == "" {
		return baselineWrite(name, true, b)
	}
	return baselineWrite(f.output, f.force, b)
}

func newBaselineInfoCommand() *cobra.Command {
	var f baselineFlags
	c := &cobra.Command{
		Use:     "info BASELINE",
		Short:   "Tell what a baseline was made of",
		Long:    "Tell what a baseline was made of, how it divides captures, and its thresholds.",
		Example: "  systape baseline info web.json\n  systape baseline info --json web.json | jq .sources",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &exitError{code: exitUsage, err: errors.New("want one baseline")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			b, err := baselineRead(args[0])
			if err != nil {
				return err
			}
			if f.json {
				return baselineInfoJSON(c.OutOrStdout(), b)
			}
			return baselineInfo(c.OutOrStdout(), b)
		},
	}
	c.Flags().BoolVar(&f.json, "json", false, "the same as JSON")
	return c
}

func baselineInfo(w io.Writer, b *sequences.Baseline) error {
	fmt.Fprintf(w, "%s calls by %s, in the order of entry; failed calls %s; restarted calls %s\n", b.ABI, b.By,
		choose(b.WithErrors, "apart", "like others"), choose(b.Folded, "folded", "kept"))
	fmt.Fprintf(w, "made by %s\n%d different calls\n", escape.Text(b.Tool), b.Symbols())
	for _, n := range b.N {
		total, distinct := b.Windows(n)
		fmt.Fprintf(w, "windows of %d calls: %s, %s of them distinct\n", n, units.Count(total), units.Count(int64(distinct)))
	}
	fmt.Fprintf(w, "markov model of order %d\n\nmade of\n", b.Order)
	for _, s := range b.Sources {
		fmt.Fprintf(w, "  %s: %s calls in %s %s%s\n", escape.Text(s.Name), units.Count(s.Calls), units.Count(s.Streams), units.Plural(s.Streams, b.By.String()), baselineNews(b, s))
	}
	c := b.Calibration
	if c == nil {
		fmt.Fprintf(w, "\nnot calibrated: 'systape baseline calibrate' sets thresholds\n")
		return nil
	}
	fmt.Fprintf(w, "\nthresholds: quantile %v by %s, of %d captures%s and %d %s%s\n", c.Quantile, c.Method, c.Captures.Count, tooFew(c.Captures), c.Streams.Count,
		units.Plural(int64(c.Streams.Count), b.By.String()), tooFew(c.Streams))
	for _, m := range views.MetricNames(b) {
		fmt.Fprintf(w, "  %-13s %12s %12s\n", m, views.ScoreValue(m, c.Captures.Thresholds[m]), views.ScoreValue(m, c.Streams.Thresholds[m]))
	}
	return nil
}

func choose(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

func tooFew(l sequences.Limits) string { return choose(l.Enough, "", " (too few: the largest seen)") }

func baselineInfoJSON(w io.Writer, b *sequences.Baseline) error {
	type windows struct {
		N        int   `json:"n"`
		Windows  int64 `json:"windows"`
		Distinct int   `json:"distinct"`
	}
	j := struct {
		Tool        string                 `json:"tool"`
		ABI         string                 `json:"abi"`
		By          string                 `json:"by"`
		WithErrors  bool                   `json:"with_errors"`
		Restarts    string                 `json:"restarts"`
		Symbols     int                    `json:"symbols"`
		Windows     []windows              `json:"windows"`
		Order       int                    `json:"markov_order"`
		Sources     []sequences.Source     `json:"sources"`
		Calibration *sequences.Calibration `json:"calibration"`
	}{b.Tool, b.ABI.String(), b.By.String(), b.WithErrors, choose(b.Folded, "fold", "keep"), b.Symbols(), nil, b.Order, b.Sources, b.Calibration}
	for _, n := range b.N {
		total, distinct := b.Windows(n)
		j.Windows = append(j.Windows, windows{n, total, distinct})
	}
	return out.WriteJSON(w, j, " ")
}
