package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/replay/escape"
	"systape/replay/latency"
)

// Options are how a screen begins.
type Options struct {
	Title   string   // of the capture
	Files   []string // as a command line names them
	By      []latency.Key
	Sort    latency.Sort
	Waits   latency.WaitMode
	Filters []string
	EveryNS int64   // of a window; 0: what suits the capture
	SpanNS  int64   // of the capture; 0: not known
	Speed   float64 // of playing; 0: as recorded, and it does not play yet
	Live    bool    // the recording goes on
	Style   out.Style
	Read    Reader
	// Check reads filters that were typed, and returns them as Filters has them;
	// an error says what is wrong with them.
	Check func(words []string) ([]string, error)
	// Warning returns what was warned of last, "" for nothing.
	Warning func() string
}

// Model is the state of the screen.
type Model struct {
	opt   Options
	ctx   context.Context
	ask   Ask
	sort  latency.Sort
	every int64
	free  bool // every is still to be chosen, when it is known how long the capture is
	speed float64

	pass   *Pass // of everything
	detail *Pass // of a part, where pass has too wide windows; nil: none
	shown  *shown
	origin int64     // capture time of the first event
	last   int64     // capture time of the last call that is known
	first  int64     // from when on the filters choose calls, ns since the first event
	next   time.Time // when what changed is looked at again

	all     bool  // the window is the whole time
	at      int64 // begin of the window, ns since the first event
	live    bool  // the window is the newest
	playing bool
	stale   bool      // something changed since the figures were made
	played  time.Time // when the window came that is shown
	ticking bool

	cursor, scroll int
	width, height  int
	help, command  bool
	prompt         *prompt
	message        string
	past           []step // to go back to
	failed         error  // ended the screen
}

// step is a choice of calls that was left for a narrower one.
type step struct {
	by      []latency.Key
	filters []string
}

// New returns a screen.
func New(ctx context.Context, o Options) *Model {
	m := &Model{opt: o, ctx: ctx, sort: o.Sort, speed: o.Speed, every: o.EveryNS, live: o.Live, all: !o.Live && o.Speed == 0, playing: o.Speed > 0}
	if m.speed == 0 {
		m.speed = 1
	}
	m.ask = Ask{By: o.By, Waits: o.Waits, Filters: o.Filters, StepNS: int64(time.Millisecond)}
	switch {
	case m.every == 0 && o.SpanNS > 0 && !o.Live:
		m.every = windowFor(o.SpanNS)
	case m.every == 0:
		m.every, m.free = int64(time.Second), !o.Live
	}
	if !m.free {
		m.ask.StepNS = stepFor(m.every)
	}
	m.width, m.height = max(o.Style.Width, 20), 24
	m.again()
	return m
}

// Run shows the screen until it is left. in is where keys come from; nil: the
// terminal of the process. The error is what kept the capture from being read.
func Run(m *Model, in io.Reader, w io.Writer) error {
	opts := []tea.ProgramOption{tea.WithContext(m.ctx), tea.WithOutput(w)}
	if in != nil {
		opts = append(opts, tea.WithInput(in))
	}
	_, err := tea.NewProgram(m, opts...).Run()
	m.stop()
	switch {
	case m.failed != nil:
		return m.failed
	case errors.Is(err, tea.ErrInterrupted) || m.ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("showing the screen: %w", err)
	}
	return m.pass.state().err
}

func (m *Model) stop() {
	m.pass.cancel()
	if m.detail != nil {
		m.detail.cancel()
	}
}

// again has the capture read anew: it is to be counted in another way.
func (m *Model) again() {
	if m.pass != nil {
		m.stop()
	}
	m.pass, m.detail = start(m.ctx, m.opt.Read, m.ask), nil
	m.cursor, m.scroll = 0, 0
	m.next = time.Time{}
}

// Init implements [tea.Model].
func (m *Model) Init() tea.Cmd { return m.tick() }

type tick struct{}

// tickEvery is how often the screen looks whether there is something new.
const tickEvery = 50 * time.Millisecond

// tick asks for the next look, as long as something may become new by itself.
func (m *Model) tick() tea.Cmd {
	if m.ticking {
		return nil
	}
	m.ticking = true
	return tea.Tick(tickEvery, func(time.Time) tea.Msg { return tick{} })
}

// Update implements [tea.Model].
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.look()
	case tick:
		m.ticking = false
		if cmd := m.passing(time.Now()); cmd != nil {
			return m, cmd
		}
		return m, m.tick()
	case tea.PasteMsg:
		if m.prompt != nil {
			m.prompt.text += onLine(msg.Content)
		}
	case tea.KeyPressMsg:
		cmd := m.press(msg)
		if m.shown != nil {
			m.look()
		}
		return m, tea.Batch(cmd, m.tick())
	}
	return m, nil
}

// passing does what time brings: new figures, the next window.
func (m *Model) passing(now time.Time) tea.Cmd {
	st := m.pass.state()
	if st.err != nil && !st.begun {
		m.failed = st.err
		return tea.Quit
	}
	changed := m.shown == nil || m.shown.version != st.version
	if m.detail != nil {
		changed = true
	}
	if m.playing && m.shown != nil {
		changed = m.play(now) || changed
	}
	if m.live && !st.done {
		changed = true
	}
	m.stale = m.stale || changed
	if m.stale && !now.Before(m.next) {
		m.look()
		m.stale = false
		// What takes long is done seldom.
		m.next = now.Add(max(2*tickEvery, 5*time.Since(now)))
	}
	return nil
}

// play moves on by as many windows as have passed.
func (m *Model) play(now time.Time) (moved bool) {
	wait := time.Duration(float64(m.every) / m.speed)
	n := int64(now.Sub(m.played) / max(wait, 1))
	if n <= 0 {
		return false
	}
	m.played = m.played.Add(time.Duration(n) * wait)
	end := m.lastWindow()
	if m.at+n*m.every >= end {
		m.at = end
		if m.shown.done {
			m.playing = false
		}
		return true
	}
	m.at += n * m.every
	return true
}

// lastWindow is where the last window begins.
func (m *Model) lastWindow() int64 {
	since := max(m.last-m.origin, 0)
	return max(since-since%m.every, 0)
}

// newest is where the window begins that is shown live: the last one that is
// over, for a window of which half has passed looks like half the load.
func (m *Model) newest() int64 {
	st := m.pass.state()
	if st.done {
		return m.lastWindow()
	}
	since := max(m.last-m.origin, 0)
	// A recorder writes about once a second; what is silent for longer is idle.
	if idle := time.Since(st.arrived) - 2*time.Second; idle > 0 {
		since += idle.Nanoseconds()
	}
	return max(since-since%m.every-m.every, 0)
}

// look makes anew what is shown.
func (m *Model) look() {
	st := m.pass.state()
	if !st.begun {
		m.shown = nil
		return
	}
	m.origin, m.last = st.origin, st.last
	m.first = max(st.from-st.origin, 0)
	if m.free && st.done {
		m.every, m.free = windowFor(m.last-m.origin), false
	}
	if m.live {
		m.at = m.newest()
	}
	m.at = max(m.at, m.first-m.first%m.every)
	m.shown = m.showFrom(m.pass, m.all, m.origin+m.at, m.origin+m.at+m.every)
	if !m.all {
		m.refine()
	}
	m.cursor = max(min(m.cursor, len(m.shown.rows)-1), 0)
}

func (m *Model) showFrom(p *Pass, all bool, from, to int64) *shown {
	l := &views.Latency{Sort: m.sort}
	l.Form, l.Style = "table", m.opt.Style
	l.Style.Width = max(m.width-1, 1)
	return p.show(l, all, from, to, max(m.width, 1))
}

// refine takes the window from a pass over a part of the capture where the pass
// over all of it has wider ones, because it has no memory for them.
func (m *Model) refine() {
	if m.shown.to-m.shown.from <= m.every {
		return
	}
	from, to := m.origin+m.at, m.origin+m.at+m.every
	if m.opt.Live || m.shown.growing {
		m.message = "so long ago, windows are wider: there is no memory for all"
		return
	}
	const around = 64 // windows
	d := m.detail
	if d == nil || from < d.ask.From || to > d.ask.To || d.ask.StepNS != stepFor(m.every) {
		if d != nil {
			d.cancel()
		}
		a := m.ask
		a.StepNS = stepFor(m.every)
		a.From, a.To = max(from-around*m.every, m.origin), to+around*m.every
		m.detail = start(m.ctx, m.opt.Read, a)
		m.message = refining
		return
	}
	fine := m.showFrom(d, false, from, to)
	if fine == nil || !fine.done {
		m.message = refining
		return
	}
	if m.message == refining {
		m.message = ""
	}
	fine.over, fine.holes, fine.last, fine.lostAll, fine.version = m.shown.over, m.shown.holes, m.shown.last, m.shown.lostAll, m.shown.version
	fine.view.Capture = m.shown.view.Capture
	fine.done, fine.growing, fine.progress = m.shown.done, m.shown.growing, m.shown.progress
	fine.err = m.shown.err
	m.shown = fine
}

// Rows are the rows that the screen shows, or would with more room.
func (m *Model) Rows() []latency.Row {
	if m.shown == nil {
		return nil
	}
	return m.shown.rows
}

// Reading reports whether figures are still to change by themselves.
func (m *Model) Reading() bool {
	return m.shown == nil || m.shown.version != m.pass.state().version || !m.shown.done || m.detail != nil && !m.detail.state().done
}

const refining = "reading this part again, more finely …"

// filterWords are the filters as a command line has them.
func (m *Model) filterWords() string { return escape.Command(m.ask.Filters) }

// choose counts anew, of other calls or by other keys; what was before can be
// gone back to.
func (m *Model) choose(by []latency.Key, filters []string) {
	m.past = append(m.past, step{m.ask.By, m.ask.Filters})
	m.set(step{by, filters})
}

func (m *Model) set(s step) {
	m.ask.By, m.ask.Filters = slices.Clone(s.by), slices.Clone(s.filters)
	if _, err := latency.ParseSort(string(m.sort), m.ask.By); err != nil {
		m.sort = "total"
	}
	m.again()
}
