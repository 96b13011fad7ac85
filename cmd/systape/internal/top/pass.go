package top

import (
	"context"
	"slices"
	"sync"
	"time"

	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

// Ask is how a capture is to be counted.
type Ask struct {
	By      []latency.Key
	Waits   latency.WaitMode
	Filters []string // flags with their values, as --comm=nginx
	StepNS  int64    // of the timeline's finest slots
	// From and To bound what is looked at beside the filters, in capture time; 0: nothing.
	From, To int64
}

// Reader reads a capture to its end, or that of ctx, and tells p what it finds.
// It is called from goroutines of its own.
type Reader func(ctx context.Context, a Ask, p *Pass) error

// Known is what is known of a capture when its calls begin to come.
type Known struct {
	Meta     *format.Meta
	Symbols  *format.SymbolTable
	OriginNS int64           // of the first event; the timeline begins there
	From, To int64           // bounds that the filters have; 0: none
	Options  latency.Options // By and Waits are the screen's
	Growing  bool            // the recording goes on
}

// timelineBytes bounds a timeline: what a pass needs beside it, and the rows of a
// window, are to fit into 300 MB with it.
const timelineBytes = 64 << 20

// Pass is what one reading of a capture has told so far.
type Pass struct {
	ask    Ask
	cancel context.CancelFunc

	mu      sync.Mutex
	known   *Known // nil: nothing yet
	line    *latency.Timeline
	losses  []replay.LossSpan
	counted []replay.Counted
	exact   bool
	cover   replay.Coverage
	rows    int64
	version int
	arrived time.Time // when calls came last
	done    bool
	err     error
}

// start has a capture read.
func start(ctx context.Context, read Reader, a Ask) *Pass {
	ctx, cancel := context.WithCancel(ctx)
	p := &Pass{ask: a, cancel: cancel, arrived: time.Now()}
	go func() {
		err := read(ctx, a, p)
		p.mu.Lock()
		defer p.mu.Unlock()
		if ctx.Err() == nil {
			p.err = err
		}
		p.done = true
		p.version++
	}()
	return p
}

// Begin is told before the first calls.
func (p *Pass) Begin(k Known) {
	k.Options.By, k.Options.Waits, k.Options.Symbols, k.Options.MaxBytes = p.ask.By, p.ask.Waits, k.Symbols, timelineBytes
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = &k
	p.line = latency.NewTimeline(k.OriginNS, p.ask.StepNS, k.Options)
	p.version++
}

// Add takes calls that the filters choose, and the losses that are known by then.
func (p *Pass) Add(calls []replay.Call, losses []replay.LossSpan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line.Add(calls)
	p.rows += 2 * int64(len(calls))
	if n := len(losses); n != len(p.losses) || n > 0 && losses[n-1] != p.losses[n-1] {
		p.losses = slices.Clone(losses)
	}
	p.version++
	p.arrived = time.Now()
}

// End takes what a capture says at its end.
func (p *Pass) End(s views.Capture) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cover, p.losses = s.Coverage(), slices.Clone(s.Losses())
	p.counted, p.exact = s.Counted()
	p.known.Meta, p.known.Growing = s.Meta(), false
	p.version++
}

// snapshot is what a view knows of the capture.
type snapshot struct {
	*Known
	cover  replay.Coverage
	losses []replay.LossSpan
}

func (s *snapshot) Meta() *format.Meta                { return s.Known.Meta }
func (s *snapshot) Symbols() *format.SymbolTable      { return s.Known.Symbols }
func (s *snapshot) Coverage() replay.Coverage         { return s.cover }
func (s *snapshot) Losses() []replay.LossSpan         { return s.losses }
func (s *snapshot) Counted() ([]replay.Counted, bool) { return nil, false }
func (s *snapshot) Warn(error)                        {}

// shown is what the screen shows: one window with its rows.
type shown struct {
	version  int
	view     *views.Latency
	rows     []latency.Row
	from, to int64 // bounds of the window, capture time
	origin   int64
	last     int64 // of the calls that are known
	calls    int64
	errors   int64
	lost     int64 // events in the window
	lostAll  int64
	joined   int
	over     []latency.Stretch // of the whole time
	holes    []bool            // stretches that a loss touches
	done     bool
	growing  bool
	progress float64 // of reading; -1: not known
	err      error
}

// show makes the rows of a window, or of all; it returns nil as long as nothing
// is known. over is how many stretches the picture of the whole time has.
func (p *Pass) show(l *views.Latency, all bool, from, to int64, over int) *shown {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		return nil
	}
	k := *p.known
	origin, last := p.line.Span()
	s := &shown{version: p.version, view: l, origin: origin, last: last, done: p.done, growing: k.Growing && !p.done, err: p.err, progress: -1}
	var w latency.Window
	if all {
		w = p.line.All()
		l.From, l.To = k.From, k.To
		if views.Sampled(k.Meta) && p.exact {
			w.Table.AddCounted(p.counted)
		}
	} else {
		w = p.line.Window(from, to)
		l.From, l.To = max(w.From, k.From), w.To
		if k.To != 0 {
			l.To = min(w.To, k.To)
		}
	}
	l.Capture, l.Options, l.Untimed = &snapshot{&k, p.cover, p.losses}, k.Options, !replay.Timed(k.Meta)
	s.rows, s.from, s.to, s.calls, s.errors = l.Window(&w), w.From, w.To, w.Calls, w.Errors
	s.joined, _ = w.Table.Joined()
	s.lost, s.lostAll = latency.Lost(p.losses, s.from, s.to), latency.Lost(p.losses, -1<<63, 1<<63-1)
	if all {
		s.lost = latency.Lost(p.losses, max(k.From, -1<<63), bound(k.To))
	}
	end := last + 1
	s.over = p.line.Over(origin, end, over)
	s.holes = make([]bool, len(s.over))
	for i := range s.holes {
		length := float64(end-origin) / float64(len(s.holes))
		from := origin + int64(float64(i)*length)
		s.holes[i] = latency.Lost(p.losses, from, max(from+int64(length), from+1)) > 0
	}
	if rows := k.Meta.Part.Rows; rows > 0 && !p.done {
		s.progress = min(float64(p.rows)/float64(rows), 1)
	}
	return s
}

func bound(to int64) int64 {
	if to == 0 {
		return 1<<63 - 1
	}
	return to
}

// state is how far a pass is.
type state struct {
	begun, done  bool
	version      int // changes with what is known
	origin, last int64
	from         int64     // bound that the filters have; 0: none
	arrived      time.Time // when calls came last
	err          error
}

func (p *Pass) state() state {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := state{begun: p.known != nil, done: p.done, version: p.version, arrived: p.arrived, err: p.err}
	if s.begun {
		s.origin, s.last = p.line.Span()
		s.from = p.known.From
	}
	return s
}

// nextLoss returns when the first loss after at begins, or the last one before it.
func (p *Pass) nextLoss(at int64, back bool) (ns int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.losses {
		if back && s.First < at {
			ns, ok = s.First, true
		} else if !back && s.First > at {
			return s.First, true
		}
	}
	return ns, ok
}
