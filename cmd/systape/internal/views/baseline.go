package views

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/replay/escape"
	"systape/replay/sequences"
	"systape/replay/units"
)

// Baseline tells people what a baseline was made of.
func Baseline(w io.Writer, b *sequences.Baseline) error {
	out.Wrap(w, fmt.Sprintf("%s calls by %s, in the order of entry; failed calls %s; restarted calls %s", b.ABI, b.By,
		choose(b.WithErrors, "apart", "like others"), choose(b.SkipContinued, "folded", "kept")), "", out.StyleOf(w).TableWidth())
	if len(b.Paths) > 0 {
		fmt.Fprintf(w, "calls told apart by paths: %s\n", escape.Text(strings.Join(b.Paths, ", ")))
	}
	fmt.Fprintf(w, "made by %s\n%d different calls\n", escape.Text(b.Tool), b.Symbols())
	for _, n := range b.N {
		total, distinct := b.Windows(n)
		fmt.Fprintf(w, "windows of %d calls: %s, %s of them distinct\n", n, units.Count(total), units.Count(int64(distinct)))
	}
	fmt.Fprintf(w, "markov model of order %d\n\nmade of\n", b.Order)
	for _, s := range b.Lessons {
		fmt.Fprintf(w, "  %s: %s calls in %s %s%s\n", escape.Text(s.Name), units.Count(s.Calls), units.Count(s.Streams), units.Plural(s.Streams, b.By.String()), BaselineNews(b, s))
	}
	c := b.Calibration
	if c == nil {
		fmt.Fprintf(w, "\nnot calibrated: 'systape baseline calibrate' sets thresholds\n")
		return nil
	}
	fmt.Fprintf(w, "\nthresholds: quantile %v by %s, of %d captures%s and %d %s%s\n", c.Quantile, c.Method, c.Captures.Count, tooFew(c.Captures), c.Streams.Count,
		units.Plural(int64(c.Streams.Count), b.By.String()), tooFew(c.Streams))
	for _, m := range MetricNames(b) {
		fmt.Fprintf(w, "  %-13s %12s %12s\n", m, ScoreValue(m, c.Captures.Thresholds[m]), ScoreValue(m, c.Streams.Thresholds[m]))
	}
	return nil
}

func tooFew(l sequences.Limits) string { return choose(l.Enough, "", " (too few: the largest seen)") }

// BaselineJSON tells machines the same.
func BaselineJSON(w io.Writer, b *sequences.Baseline) error {
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
		Sources     []sequences.Lesson     `json:"sources"`
		Calibration *sequences.Calibration `json:"calibration"`
		Paths       []string               `json:"path_symbols"`
	}{b.Tool, b.ABI.String(), b.By.String(), b.WithErrors, choose(b.SkipContinued, "fold", "keep"), b.Symbols(), nil, b.Order, b.Lessons, b.Calibration, append([]string{}, b.Paths...)}
	for _, n := range b.N {
		total, distinct := b.Windows(n)
		j.Windows = append(j.Windows, windows{n, total, distinct})
	}
	return out.WriteJSON(w, j, " ")
}

// BaselineNews tells what a source taught; it falls from capture to capture
// when the baseline has seen most of what there is.
func BaselineNews(b *sequences.Baseline, src sequences.Lesson) string {
	var parts []string
	for _, n := range b.N {
		parts = append(parts, fmt.Sprintf("%s new windows of %d", units.Count(src.NewWindows[strconv.Itoa(n)]), n))
	}
	return ", " + strings.Join(parts, ", ")
}
