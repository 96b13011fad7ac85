package top

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay/escape"
	"systape/replay/latency"
	"systape/replay/pace"
	"systape/replay/units"
)

func now() time.Time { return time.Now() }

// View implements [tea.Model].
func (m *Model) View() tea.View {
	v := tea.NewView(strings.Join(m.lines(), "\n"))
	v.AltScreen = true
	return v
}

// What stands above and below the table, where the screen is high enough: title,
// window, sums, picture of the whole time with marks; what is shown, coverage, keys.
const (
	above, below = 5, 3
	lowScreen    = above + below + 6
)

func (m *Model) low() bool { return m.height < lowScreen }

// tableRows is how many rows of the table there is room for.
func (m *Model) tableRows() int {
	rest := m.height - 1 // its head
	if m.low() {
		rest -= 3
	} else {
		rest -= above + below
	}
	return max(rest, 1)
}

// lines are those of the screen.
func (m *Model) lines() []string {
	var lines []string
	switch {
	case m.help:
		lines = m.overlay("Keys", strings.Split(strings.TrimRight(Help(), "\n"), "\n"))
	case m.command:
		var b strings.Builder
		out.Wrap(&b, escape.Text(m.CommandLine()), "  ", max(m.width-4, 10))
		lines = m.overlay("The same figures, as a command line", strings.Split(strings.TrimRight(b.String(), "\n"), "\n"))
	case m.shown == nil:
		lines = []string{m.title(), m.opt.Style.Dim("reading …")}
	case m.low():
		lines = append(append([]string{m.title(), m.window()}, m.table()...), m.bottom())
	default:
		lines = append([]string{m.title(), m.window(), m.sums(), m.sparks(), m.marks()}, m.table()...)
		for len(lines) < m.height-below {
			lines = append(lines, "")
		}
		lines = append(lines, m.choice(), m.coverage(), m.bottom())
	}
	if len(lines) > m.height {
		lines = append(lines[:m.height-1], lines[len(lines)-1])
	}
	return lines
}

func (m *Model) overlay(title string, lines []string) []string {
	for i := range lines {
		lines[i] = out.Snip(lines[i], m.width)
	}
	lines = append([]string{m.opt.Style.Bold(out.Snip(title, m.width))}, lines...)
	lines = lines[:min(len(lines), max(m.height-1, 1))]
	return append(lines, m.opt.Style.Dim("any key goes back"))
}

// title tells what is shown and what the screen is doing.
func (m *Model) title() string {
	state := ""
	switch s := m.shown; {
	case s == nil || !s.done && !s.growing:
		state = "reading"
		if s != nil && s.progress >= 0 {
			state += " " + strconv.Itoa(int(s.progress*100)) + " %"
		}
	case m.live && s.growing:
		state = "live"
	case m.playing:
		state = "▶ " + pace.FormatSpeed(m.speed)
	case s.growing:
		state = "paused; End: live"
	case !m.all:
		state = "paused " + pace.FormatSpeed(m.speed)
	}
	st := m.opt.Style
	head := "systape top " + m.opt.Title
	room := m.width - out.Width(state) - 1
	if state == "" {
		return st.Bold(out.Snip(head, m.width))
	}
	if room < 8 {
		return st.Bold(out.Snip(state, m.width))
	}
	head = out.Snip(head, room)
	return st.Bold(head) + strings.Repeat(" ", max(room-out.Width(head), 0)+1) + st.Note(state)
}

// window tells which time is shown, and what is missing in it.
func (m *Model) window() string {
	s, st := m.shown, m.opt.Style
	wall := s.view.Meta().Clock.Wall()
	var text string
	if m.all {
		from, to := s.view.Span()
		text = "all " + units.Duration(to-from) + " from " + units.Clock(wall.At(from)) + " UTC"
	} else {
		text = fmt.Sprintf("+%s for %s of %s  %s UTC", seconds(s.from-s.origin), units.Duration(s.to-s.from),
			units.Duration(s.last-s.origin), units.Clock(wall.At(s.from)))
	}
	lost := ""
	if s.lost > 0 {
		lost = "! " + units.Counted(s.lost, "event") + " lost  "
	}
	room := m.width - out.Width(lost)
	if room < 4 {
		return st.Alarm(out.Snip(lost, m.width))
	}
	return st.Alarm(lost) + out.Snip(text, room)
}

// seconds writes an offset so that --from takes it.
func seconds(ns int64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%09d", ns/1e9, ns%1e9), "0"), ".") + "s"
}

// sums tells the window in numbers.
func (m *Model) sums() string {
	s := m.shown
	from, to := s.view.Span()
	text := units.Counted(s.calls, "call")
	if to > from {
		text += ", " + units.Rate(float64(s.calls)/float64(to-from)*1e9) + "/s"
	}
	if s.calls > 0 {
		text += ", " + units.Share(s.errors, s.calls) + " errors"
	}
	sep := "; "
	for _, section := range latency.Sections(s.rows) {
		switch {
		case s.view.Untimed:
		case m.ask.Waits == latency.WaitMixed:
			text += sep + units.Duration(section.NS) + " in them"
		case section.Waits || m.ask.Waits == latency.WaitOnly:
			text += sep + units.Duration(section.NS) + " waiting"
		default:
			text += sep + units.Duration(section.NS) + " working"
		}
		sep = ", "
	}
	if s.joined > 0 {
		text += "; (other): groups there is no memory for"
	}
	return out.Snip(text, m.width)
}

var blocks = []rune("▁▂▃▄▅▆▇█")

// sparks is a picture of how many calls began when, over the whole time.
func (m *Model) sparks() string {
	most := 0.0
	for _, o := range m.shown.over {
		most = max(most, o.Calls)
	}
	var b strings.Builder
	for i, o := range m.shown.over {
		c := " "
		if o.Calls > 0 {
			c = string(blocks[min(int(o.Calls/most*float64(len(blocks))), len(blocks)-1)])
		}
		switch {
		case m.shown.holes[i]:
			c = m.opt.Style.Alarm(strings.ReplaceAll(c, " ", "·"))
		case o.Errors > 0 && o.Errors >= o.Calls/2:
			c = m.opt.Style.Note(c)
		default:
			c = m.opt.Style.Bar(c)
		}
		b.WriteString(c)
	}
	return b.String()
}

// marks are below the picture: the window as ^, losses as !.
func (m *Model) marks() string {
	s := m.shown
	line := make([]rune, len(s.over))
	for i := range line {
		line[i] = ' '
		if s.holes[i] {
			line[i] = '!'
		}
	}
	if span := float64(s.last + 1 - s.origin); !m.all && len(line) > 0 && span > 0 {
		place := func(ns int64) int { return int(float64(ns-s.origin) / span * float64(len(line))) }
		first := max(min(place(s.from), len(line)-1), 0)
		last := max(min(int(math.Ceil(float64(s.to-s.origin)/span*float64(len(line))))-1, len(line)-1), first)
		for i := first; i <= last; i++ {
			if line[i] == ' ' {
				line[i] = '^'
			} else if i == first || i == last {
				line[i] = '‼'
			}
		}
	}
	return m.opt.Style.Note(string(line))
}

var paints = regexp.MustCompile("\x1b\\[[0-9;]*m")

// table is the table of groups with the cursor.
func (m *Model) table() []string {
	s, n := m.shown, m.tableRows()
	m.scroll = max(min(m.scroll, m.cursor), m.cursor-n+1, 0)
	part := s.rows[min(m.scroll, len(s.rows)):min(m.scroll+n, len(s.rows))]
	var b strings.Builder
	s.view.Screen(part, s.rows).Write(&b, m.opt.Style)
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if len(part) == 0 {
		lines = append(lines, m.opt.Style.Dim("no calls"))
	}
	for i, line := range lines {
		line = out.Cut(line, max(m.width-1, 1))
		switch {
		case i == m.cursor-m.scroll+1 && len(part) > 0:
			line = paints.ReplaceAllString(line, "")
			line += strings.Repeat(" ", max(m.width-1-out.Width(line), 0))
			if m.opt.Style.Colour {
				line = "\x1b[7m" + line + "\x1b[0m"
			}
			lines[i] = ">" + line
		default:
			lines[i] = " " + line
		}
	}
	return lines[:min(len(lines), n+1)]
}

// choice tells which calls are shown, and how.
func (m *Model) choice() string {
	text := "by " + keyNames(m.ask.By) + ", sorted by " + string(m.sort)
	if m.ask.Waits != latency.WaitApart {
		text += ", waits " + waitName(m.ask.Waits)
	} else {
		text += ", " + views.Waits + "waits by nature"
	}
	if n := len(m.shown.rows); n > m.tableRows() {
		text += fmt.Sprintf(", row %d of %s", m.cursor+1, units.Count(int64(n)))
	}
	if len(m.ask.Filters) > 0 {
		text = "filter: " + escape.Text(m.filterWords()) + "; " + text
	}
	return m.opt.Style.Dim(out.Snip(text, m.width))
}

// coverage tells what all of this rests on.
func (m *Model) coverage() string {
	s, text := m.shown, ""
	switch {
	case s.done:
		text = "coverage: " + s.view.Coverage().String()
	case s.growing:
		text = "coverage: told when the recording has ended; calls count once they have ended"
	default:
		text = "coverage: told when all is read"
	}
	if !s.done && s.lostAll > 0 {
		text = units.Counted(s.lostAll, "event") + " lost so far; " + text
	}
	if s.err != nil {
		return m.opt.Style.Alarm(out.Snip(escape.Text(format.OneLine(s.err)), m.width))
	}
	if w := m.opt.Warning(); w != "" {
		return m.opt.Style.Alarm(out.Snip(escape.Text(w), m.width))
	}
	if views.Sampled(s.view.Meta()) {
		text = "drawn by lot; " + text
	}
	paint := m.opt.Style.Dim
	if s.lostAll > 0 {
		paint = m.opt.Style.Alarm
	}
	return paint(out.Snip(text, m.width))
}

// bottom is the line of the prompt, of a message or of the keys.
func (m *Model) bottom() string {
	st := m.opt.Style
	switch {
	case m.prompt != nil && m.message != "":
		return st.Alarm(out.Snip(m.message, m.width))
	case m.prompt != nil:
		line := []rune(m.prompt.label + escape.Text(m.prompt.text) + "█")
		for len(line) > 1 && out.Width(string(line)) > m.width { // its end is what is typed
			line = line[1:]
		}
		return string(line)
	case m.message != "":
		return st.Note(out.Snip(m.message, m.width))
	}
	return st.Dim(out.Snip("? help  q end  Space play  ←→ window  [ ] length  a all  <> sort  b by  / filter", m.width))
}

// CommandLine is the line that tells the same figures as the screen.
func (m *Model) CommandLine() string {
	words := []string{"systape", "latency"}
	if by := keyNames(m.ask.By); by != "syscall" {
		words = append(words, "--by", by)
	}
	if m.sort != "total" {
		words = append(words, "--sort", string(m.sort))
	}
	if m.ask.Waits != latency.WaitApart {
		words = append(words, "--wait", waitName(m.ask.Waits))
	}
	for _, f := range m.ask.Filters {
		if !m.all && (strings.HasPrefix(f, "--from=") || strings.HasPrefix(f, "--to=")) {
			continue
		}
		words = append(words, f)
	}
	if s := m.shown; s != nil && !m.all {
		from, to := s.view.From, s.view.To // the filters' bounds may lie in the window
		words = append(words, "--from", "+"+seconds(from-s.origin), "--to", "+"+seconds(to-s.origin))
	}
	return escape.Command(append(words, m.opt.Files...))
}
