package sequences

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"systape/format/abi"
)

// Versions of the file. What reads only the first would take the symbols of a
// baseline with rules for paths for calls that it does not have.
const (
	baselineVersion      = 1
	baselineVersionPaths = 2
)

// maxBaselineBytes bounds what Decode reads, maxFieldBytes what of it is not
// windows.
const (
	maxBaselineBytes = 1 << 28
	maxFieldBytes    = 1 << 25
)

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
	Paths       []string            `json:"path_symbols,omitempty"`
	N           []int               `json:"n"`
	Markov      int                 `json:"markov_order"`
	Lessons     []Lesson            `json:"sources"`
	Calibration *Calibration        `json:"calibration,omitempty"`
	Symbols     []string            `json:"symbols"`
	Windows     map[string][]string `json:"windows"`
}

// Encode writes the baseline as JSON. The same baseline gives the same bytes.
// Windows are written one by one.
func (b *Baseline) Encode(w io.Writer) error {
	f := baselineFile{Baseline: baselineVersion, Tool: b.Tool, ABI: b.ABI.String(), By: b.By.String(), Order: "entry",
		WithErrors: b.WithErrors, Restarts: either(b.SkipContinued, "fold", "keep"), Paths: b.Paths, N: b.N, Markov: b.Order, Lessons: b.Lessons,
		Calibration: b.Calibration, Windows: map[string][]string{}}
	if len(b.Paths) > 0 {
		f.Baseline = baselineVersionPaths
	}
	for _, name := range b.alphabet.names[1:] {
		f.Symbols = append(f.Symbols, wordOf(name))
	}
	slices.Sort(f.Symbols)
	var head bytes.Buffer
	e := json.NewEncoder(&head)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(f); err != nil {
		return err
	}
	const end = "{}\n}\n" // no windows, and the end of the object
	if _, err := w.Write(bytes.TrimSuffix(head.Bytes(), []byte(end))); err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	out.WriteByte('{')
	var lengths []string // in the order that encoding/json gives to the keys of a map
	for i, t := range b.tables {
		if t != nil {
			lengths = append(lengths, strconv.Itoa(i+1))
		}
	}
	slices.Sort(lengths)
	for k, n := range lengths {
		i, _ := strconv.Atoi(n)
		if err := b.encodeTable(out, b.tables[i-1], either(k == 0, "", ","), n); err != nil {
			return err
		}
	}
	out.WriteString("\n }\n}\n")
	return out.Flush()
}

// wordOf writes a name without blanks, which stand between names: in it a blank
// is \s, no name is \e, and a backslash is doubled. Other tools' names may be
// anything.
func wordOf(name string) string {
	if name == "" {
		return `\e`
	}
	return blanksOut.Replace(name)
}

// nameOf is the inverse of wordOf.
func nameOf(word string) string { return blanksIn.Replace(word) }

var (
	blanksOut = strings.NewReplacer(`\`, `\\`, " ", `\s`)
	blanksIn  = strings.NewReplacer(`\\`, `\`, `\s`, " ", `\e`, "")
)

// encodeTable writes the windows of one length, sorted by their calls.
func (b *Baseline) encodeTable(out *bufio.Writer, t *Table[int64], comma, length string) error {
	fmt.Fprintf(out, "%s\n  %q: [", comma, length)
	var x, y [MaxN]ID
	order := slices.SortedFunc(t.places(), func(p, q uint32) int {
		return b.compareLines(t.ids(p, x[:t.n]), t.ids(q, y[:t.n]))
	})
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	for k, at := range order {
		ids, n := t.at(at, x[:t.n])
		line.Reset()
		text := strconv.FormatInt(*n, 10)
		for _, name := range b.alphabet.Names(ids) {
			text += " " + wordOf(name)
		}
		if err := e.Encode(text); err != nil {
			return err
		}
		out.WriteString(either(k == 0, "\n   ", ",\n   "))
		out.Write(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
	}
	if len(order) > 0 {
		out.WriteString("\n  ")
	}
	_, err := out.WriteString("]")
	return err
}

// compareLines orders windows as the text of their calls: a name that begins
// another one is followed by a blank, which stands before all that names have.
func (b *Baseline) compareLines(x, y []ID) int {
	for i := range x {
		if x[i] != y[i] {
			return strings.Compare(b.alphabet.Name(x[i])+" ", b.alphabet.Name(y[i])+" ")
		}
	}
	return 0
}

// DecodeBaseline reads what Encode wrote. Windows are read one by one, so they
// must stand behind the fields that say what they are.
func DecodeBaseline(r io.Reader) (*Baseline, error) {
	lim := &io.LimitedReader{R: r, N: maxBaselineBytes + 1}
	b, err := decodeBaseline(json.NewDecoder(lim))
	if err != nil && lim.N <= 0 {
		return nil, fmt.Errorf("more than %d MiB", maxBaselineBytes>>20)
	}
	return b, err
}

func decodeBaseline(d *json.Decoder) (b *Baseline, err error) {
	if err := delimiter(d, '{'); err != nil {
		return nil, err
	}
	fields, size := map[string]json.RawMessage{}, 0
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read JSON: %w", err)
		}
		if key == "windows" {
			if b, err = newDecoded(fields); err == nil {
				err = b.decodeWindows(d)
			}
			if err != nil {
				return nil, err
			}
			continue
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("read JSON: %w", err)
		}
		if size += len(value); size > maxFieldBytes {
			return nil, fmt.Errorf("more than %d MiB beside the windows", maxFieldBytes>>20)
		}
		fields[key.(string)] = value
	}
	if err := delimiter(d, '}'); err != nil {
		return nil, err
	}
	all, err := newDecoded(fields) // with what stands behind the windows
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fmt.Errorf("windows of %d calls are missing", all.firstLength())
	}
	b.Tool, b.Lessons, b.Calibration, b.WithErrors, b.Paths, b.SkipContinued, b.ABI, b.By = all.Tool, all.Lessons, all.Calibration, all.WithErrors, all.Paths, all.SkipContinued, all.ABI, all.By
	return b, nil
}

func delimiter(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err == nil && t != want {
		err = fmt.Errorf("%v where %v should be", t, want)
	}
	if err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	return nil
}

func (b *Baseline) firstLength() int {
	return 1 + slices.IndexFunc(b.tables, func(t *Table[int64]) bool { return t != nil })
}

// newDecoded makes the baseline that the fields tell of, without windows.
func newDecoded(fields map[string]json.RawMessage) (*Baseline, error) {
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	f := baselineFile{Order: "entry", Restarts: "keep"}
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	if f.Baseline == 0 {
		return nil, fmt.Errorf("no baseline: the key systape_baseline is missing")
	}
	if f.Baseline < baselineVersion || f.Baseline > baselineVersionPaths {
		return nil, fmt.Errorf("baseline version %d; this program reads versions %d to %d", f.Baseline, baselineVersion, baselineVersionPaths)
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
		Options{By: by, WithErrors: f.WithErrors, Paths: f.Paths, SkipContinued: f.Restarts == "fold", Native: a})
	if err != nil {
		return nil, err
	}
	b.Tool, b.Lessons, b.Calibration = f.Tool, f.Lessons, f.Calibration
	if c := b.Calibration; c != nil && (!(c.Quantile > 0 && c.Quantile < 1) || !c.Captures.sound() || !c.Streams.sound()) {
		return nil, fmt.Errorf("the calibration makes no sense")
	}
	for i, s := range f.Symbols {
		if s == "" || strings.Contains(s, " ") {
			return nil, fmt.Errorf("symbol %d is %q", i, s)
		}
		if b.alphabet.ID(nameOf(s)) != ID(i+1) {
			return nil, fmt.Errorf("symbol %q occurs twice", s)
		}
	}
	return b, nil
}

// decodeWindows reads the windows of all lengths.
func (b *Baseline) decodeWindows(d *json.Decoder) error {
	if err := delimiter(d, '{'); err != nil {
		return err
	}
	seen := make([]bool, len(b.tables))
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return fmt.Errorf("read JSON: %w", err)
		}
		n, err := strconv.Atoi(key.(string))
		if err != nil || n < 1 || n > len(b.tables) || b.tables[n-1] == nil {
			var skipped json.RawMessage // of a length that nobody needs
			if err := d.Decode(&skipped); err != nil {
				return fmt.Errorf("read JSON: %w", err)
			}
			continue
		}
		if seen[n-1] {
			return fmt.Errorf("windows of %d calls occur twice", n)
		}
		seen[n-1] = true
		if err := delimiter(d, '['); err != nil {
			return err
		}
		for k := 0; d.More(); k++ {
			var line string
			err := d.Decode(&line)
			if err != nil {
				err = fmt.Errorf("read JSON: %w", err)
			} else {
				err = b.addLine(b.tables[n-1], line)
			}
			if err != nil {
				return fmt.Errorf("windows of %d calls, entry %d: %w", n, k, err)
			}
		}
		if err := delimiter(d, ']'); err != nil {
			return err
		}
	}
	for i, t := range b.tables {
		if t != nil && !seen[i] {
			return fmt.Errorf("windows of %d calls are missing", i+1)
		}
	}
	return delimiter(d, '}')
}

func (b *Baseline) addLine(t *Table[int64], line string) error {
	fields := strings.Split(line, " ")
	if len(fields) != t.N()+1 {
		return fmt.Errorf("%q: want a count and %d calls", line, t.N())
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || n < 1 {
		return fmt.Errorf("%q: the count is not a positive number", line)
	}
	var w Window
	for _, name := range fields[1:] {
		id, ok := b.alphabet.Lookup(nameOf(name))
		if !ok {
			return fmt.Errorf("%q: %q is not among the symbols", line, name)
		}
		w.Push(b.codec, id)
	}
	c := t.At(&w)
	switch {
	case c == nil || *c == 0 && b.distinct >= MaxBaseline:
		return fmt.Errorf("more than %d distinct windows", MaxBaseline)
	case *c != 0:
		return fmt.Errorf("%q occurs twice", line)
	case b.totals[t.N()-1]+n < 0:
		return fmt.Errorf("%q: the counts add up to too much", line)
	}
	*c = n
	b.distinct++
	b.totals[t.N()-1] += n
	return nil
}
