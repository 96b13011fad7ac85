package sequences

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"systape/format/abi"
)

// Baseline is what captures of normal behaviour taught: the windows of calls
// that occurred, how often, and with them a Markov model. It says about
// itself all that another capture must share to be compared with it.
type Baseline struct {
	Tool          string
	ABI           abi.ABI // whose calls have plain names
	By            By
	WithErrors    bool
	Paths         []string // the rules that told calls apart by what they are about, see [Options.Paths]
	SkipContinued bool     // continuations of interrupted calls were not counted
	N             []int    // lengths of the windows that are compared, ascending
	Order         int      // of the Markov model
	Lessons       []Lesson
	Calibration   *Calibration // nil until calibrated

	alphabet *Alphabet
	codec    Codec
	tables   []*Table[int64] // by length-1; nil for lengths that nobody needs
	totals   [MaxN]int64     // windows by length-1
	distinct int             // windows in all tables
	markov   *Markov
}

// Lesson is one capture that a baseline was made from.
type Lesson struct {
	Name       string           `json:"name"`
	Capture    string           `json:"capture,omitempty"` // capture id
	Host       string           `json:"host,omitempty"`
	Kernel     string           `json:"kernel,omitempty"`
	Imported   string           `json:"imported_from,omitempty"`
	Calls      int64            `json:"calls"`
	Streams    int64            `json:"streams"`
	NewWindows map[string]int64 `json:"new_windows,omitempty"` // by length: distinct windows that no earlier source had
}

// BaselineOptions choose what a baseline holds.
type BaselineOptions struct {
	N     []int // default 3 and 6
	Order int   // of the Markov model, default 3 when N is empty too; 0 is a model of single calls
}

// NewBaseline returns an empty baseline to be trained with captures that are
// divided as opt says.
func NewBaseline(o BaselineOptions, opt Options) (*Baseline, error) {
	if len(o.N) == 0 {
		o.N = []int{3, 6}
	}
	n := slices.Clone(o.N)
	slices.Sort(n)
	n = slices.Compact(n)
	if n[0] < 1 || n[len(n)-1] > MaxN {
		return nil, fmt.Errorf("windows of %v calls: want 1 to %d", o.N, MaxN)
	}
	if o.Order < 0 || o.Order >= MaxN {
		return nil, fmt.Errorf("markov model of order %d: want 0 to %d", o.Order, MaxN-1)
	}
	b := &Baseline{By: opt.By, WithErrors: opt.WithErrors, Paths: opt.Paths, SkipContinued: opt.SkipContinued, N: n, Order: o.Order,
		ABI: opt.Native, alphabet: NewAlphabet()}
	b.codec = NewCodec(b.maxN())
	b.tables = make([]*Table[int64], b.maxN())
	for _, k := range n {
		b.tables[k-1] = NewTable[int64](b.codec, k)
	}
	for k := 1; k <= o.Order+1; k++ {
		if b.tables[k-1] == nil {
			b.tables[k-1] = NewTable[int64](b.codec, k)
		}
	}
	return b, nil
}

func (b *Baseline) maxN() int { return max(b.N[len(b.N)-1], b.Order+1) }

// Options returns how a capture must be divided to be trained with or
// compared with the baseline.
func (b *Baseline) Options() Options {
	return Options{By: b.By, WithErrors: b.WithErrors, Paths: b.Paths, SkipContinued: b.SkipContinued, MaxN: b.maxN(), Native: b.ABI, HaveNative: true}
}

// Symbols returns the number of distinct symbols that training met.
func (b *Baseline) Symbols() int { return b.alphabet.Len() }

// Alphabet returns a copy of the baseline's alphabet, to which the calls of
// another capture can be added: whatever has a higher number is unknown to
// the baseline.
func (b *Baseline) Alphabet() *Alphabet { return NewAlphabet(b.alphabet.names[1:]...) }

// Windows returns how many windows of n calls training met and how many
// distinct ones, zeros when the baseline does not have that length.
func (b *Baseline) Windows(n int) (total int64, distinct int) {
	if n < 1 || n > len(b.tables) || b.tables[n-1] == nil {
		return 0, 0
	}
	return b.totals[n-1], b.tables[n-1].Len()
}

// Known returns how often training met the window of these calls.
func (b *Baseline) Known(calls ...string) int64 {
	n := len(calls)
	if n < 1 || n > len(b.tables) || b.tables[n-1] == nil {
		return 0
	}
	ids := make([]ID, n)
	for i, c := range calls {
		id, ok := b.alphabet.Lookup(c)
		if !ok {
			return 0
		}
		ids[i] = id
	}
	w := b.codec.window(ids)
	if c := b.tables[n-1].Get(&w); c != nil {
		return *c
	}
	return 0
}

// Fits says why streams divided by opt cannot be compared with the baseline,
// nil if they can.
func (b *Baseline) Fits(opt Options) error {
	if opt.HaveNative && opt.ABI() != b.ABI {
		return fmt.Errorf("the baseline is of %s calls and the capture of %s calls", b.ABI, opt.ABI())
	}
	if opt.By != b.By {
		return fmt.Errorf("the baseline was made by %s and the capture is to be divided by %s", b.By, opt.By)
	}
	if opt.WithErrors != b.WithErrors {
		return errors.New(either(b.WithErrors, "the baseline keeps failed calls apart and the capture is to be scored without",
			"the baseline does not keep failed calls apart and the capture is to be scored with them"))
	}
	if !slices.Equal(opt.Paths, b.Paths) {
		return fmt.Errorf("the baseline tells calls apart by the paths %q and the capture is to be scored by %q", b.Paths, opt.Paths)
	}
	if opt.SkipContinued != b.SkipContinued {
		return errors.New(either(b.SkipContinued, "the baseline leaves out restarted calls and the capture is to be scored with them",
			"the baseline counts restarted calls and the capture is to be scored without them"))
	}
	return nil
}

// ABI returns the ABI whose calls get plain names.
func (o Options) ABI() abi.ABI { return o.Native }

func either(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// MaxBaseline bounds how many distinct windows a baseline holds, of all lengths
// together. Programs that do the same again and again make some ten thousand;
// where there is no end of new ones, being new says nothing.
const MaxBaseline = 1 << 19

// Training adds captures to a baseline. It is a [Observer].
type Training struct {
	b      *Baseline
	before []int
	calls  int64
	Denied int64 // windows for which there was no room: the baseline is of no use
}

// Train begins the next source: streams made with the baseline's own
// alphabet are to be pushed into the Training.
func (b *Baseline) Train() (*Training, *Alphabet) {
	t := &Training{b: b, before: make([]int, len(b.tables))}
	for i, tab := range b.tables {
		if tab != nil {
			t.before[i] = tab.Len()
		}
	}
	b.markov = nil
	return t, b.alphabet
}

// Step implements [Observer].
func (t *Training) Step(s *Stream, _ *Step) {
	t.calls++
	for i, tab := range t.b.tables {
		if i >= s.Window.Filled() {
			break
		}
		if tab == nil {
			continue
		}
		n := tab.Get(&s.Window)
		if n == nil && t.b.distinct < MaxBaseline {
			if n = tab.At(&s.Window); n != nil {
				t.b.distinct++
			}
		}
		if n == nil {
			t.Denied++
			continue
		}
		*n++
		t.b.totals[i]++
	}
}

// End implements [Observer].
func (t *Training) End(*Stream) {}

// Done adds the source to the baseline's list, with what it taught.
func (t *Training) Done(src Lesson, taken Taken) {
	src.Calls, src.Streams = t.calls, taken.Streams
	src.NewWindows = map[string]int64{}
	for _, n := range t.b.N {
		src.NewWindows[strconv.Itoa(n)] = int64(t.b.tables[n-1].Len() - t.before[n-1])
	}
	t.b.Lessons = append(t.b.Lessons, src)
}

// Markov returns the model of the calls that training met.
func (b *Baseline) Markov() *Markov {
	if b.markov == nil {
		b.markov = newMarkov(b.Order, b.codec, b.alphabet.Len(), b.tables)
	}
	return b.markov
}
