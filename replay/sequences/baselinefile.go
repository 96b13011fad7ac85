package sequences

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"systape/format/abi"
)

// baselineVersion is the version of the file that Encode writes; Decode reads
// it and all earlier ones.
const baselineVersion = 1

// maxBaselineBytes bounds what Decode reads.
const maxBaselineBytes = 1 << 30

// baselineFile is the JSON form. A window is one string, "12 openat read
// close": how often it occurred, and the names of its calls.
type baselineFile struct {
	Baseline    int                 `json:"systape_baseline"`
	Tool        string              `json:"tool"`
	ABI         string              `json:"abi"`
	By          string              `json:"by"`
	Order       string              `json:"order"` // always "entry"
	WithErrors  bool                `json:"with_errors"`
	Restarts    string              `json:"restarts"` // "keep" or "fold"
	N           []int               `json:"n"`
	Markov      int                 `json:"markov_order"`
	Sources     []Source            `json:"sources"`
	Calibration *Calibration        `json:"calibration,omitempty"`
	Symbols     []string            `json:"symbols"`
	Windows     map[string][]string `json:"windows"`
}

// Encode writes the baseline as JSON. The same baseline gives the same bytes.
func (b *Baseline) Encode(w io.Writer) error {
	f := baselineFile{Baseline: baselineVersion, Tool: b.Tool, ABI: b.ABI.String(), By: b.By.String(), Order: "entry",
		WithErrors: b.WithErrors, Restarts: either(b.Folded, "fold", "keep"), N: b.N, Markov: b.Order, Sources: b.Sources,
		Calibration: b.Calibration, Symbols: slices.Clone(b.alphabet.names[1:]), Windows: map[string][]string{}}
	slices.Sort(f.Symbols)
	for i, t := range b.tables {
		if t == nil {
			continue
		}
		type entry struct{ calls, line string }
		list := make([]entry, 0, t.Len())
		for ids, n := range t.All() {
			calls := strings.Join(b.alphabet.Names(ids), " ")
			list = append(list, entry{calls, strconv.FormatInt(*n, 10) + " " + calls})
		}
		slices.SortFunc(list, func(x, y entry) int { return strings.Compare(x.calls, y.calls) })
		lines := make([]string, len(list))
		for k := range list {
			lines[k] = list[k].line
		}
		f.Windows[strconv.Itoa(i+1)] = lines
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(f)
}

// DecodeBaseline reads what Encode wrote.
func DecodeBaseline(r io.Reader) (*Baseline, error) {
	var f baselineFile
	lim := &io.LimitedReader{R: r, N: maxBaselineBytes + 1}
	if err := json.NewDecoder(lim).Decode(&f); err != nil {
		if lim.N <= 0 {
			return nil, fmt.Errorf("more than %d MiB", maxBaselineBytes>>20)
		}
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	if f.Baseline == 0 {
		return nil, fmt.Errorf("no baseline: the key systape_baseline is missing")
	}
	if f.Baseline != baselineVersion {
		return nil, fmt.Errorf("baseline version %d; this program reads version %d", f.Baseline, baselineVersion)
	}
	a, ok := abi.Parse(f.ABI)
	if !ok {
		return nil, fmt.Errorf("unknown abi %q", f.ABI)
	}
	by, err := ParseBy(f.By)
	if err != nil {
		return nil, err
	}
	if f.Order != "entry" {
		return nil, fmt.Errorf("calls in the order of %q: only entry is known", f.Order)
	}
	if f.Restarts != "keep" && f.Restarts != "fold" {
		return nil, fmt.Errorf("restarts %q: want keep or fold", f.Restarts)
	}
	if len(f.N) == 0 {
		return nil, fmt.Errorf("no window lengths")
	}
	b, err := NewBaseline(BaselineOptions{N: f.N, Order: f.Markov},
		Options{By: by, WithErrors: f.WithErrors, FoldRestarts: f.Restarts == "fold", Native: a})
	if err != nil {
		return nil, err
	}
	b.Tool, b.Sources, b.Calibration = f.Tool, f.Sources, f.Calibration
	if c := b.Calibration; c != nil && (!(c.Quantile > 0 && c.Quantile < 1) || !c.Captures.sound() || !c.Streams.sound()) {
		return nil, fmt.Errorf("the calibration makes no sense")
	}
	for i, s := range f.Symbols {
		if s == "" || strings.ContainsAny(s, " \n") {
			return nil, fmt.Errorf("symbol %d is %q", i, s)
		}
		if b.alphabet.ID(s) != ID(i+1) {
			return nil, fmt.Errorf("symbol %q occurs twice", s)
		}
	}
	for i, t := range b.tables {
		if t == nil {
			continue
		}
		lines, ok := f.Windows[strconv.Itoa(i+1)]
		if !ok {
			return nil, fmt.Errorf("windows of %d calls are missing", i+1)
		}
		for k, line := range lines {
			if err := b.addLine(t, line); err != nil {
				return nil, fmt.Errorf("windows of %d calls, entry %d: %w", i+1, k, err)
			}
		}
	}
	return b, nil
}

func (b *Baseline) addLine(t *Table[int64], line string) error {
	fields := strings.Fields(line)
	if len(fields) != t.N()+1 {
		return fmt.Errorf("%q: want a count and %d calls", line, t.N())
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || n < 1 {
		return fmt.Errorf("%q: the count is not a positive number", line)
	}
	var w Window
	for _, name := range fields[1:] {
		id, ok := b.alphabet.Lookup(name)
		if !ok {
			return fmt.Errorf("%q: %q is not among the symbols", line, name)
		}
		w.Push(b.codec, id)
	}
	c := t.At(&w)
	switch {
	case c == nil:
		return fmt.Errorf("more than %d distinct windows", MaxWindows)
	case *c != 0:
		return fmt.Errorf("%q occurs twice", line)
	case b.totals[t.N()-1]+n < 0:
		return fmt.Errorf("%q: the counts add up to too much", line)
	}
	*c = n
	b.totals[t.N()-1] += n
	return nil
}
