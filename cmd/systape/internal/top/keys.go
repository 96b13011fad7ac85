package top

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"systape/format"
	"systape/replay/escape"
	"systape/replay/latency"
)

// key is what a key does. Several keys may do the same.
type key struct {
	keys []string // as bubbletea names them
	name string   // as the help shows them, with those of the next; "": shown before
	does string
	run  func(*Model) tea.Cmd
}

// keys is the table of all keys: the help is made of it.
var keys []key

func init() { // the help is among them
	keys = []key{
		{[]string{"left"}, "← →", "the window before, the window behind", func(m *Model) tea.Cmd { m.move(-1); return nil }},
		{[]string{"right", "."}, "", "", func(m *Model) tea.Cmd { m.move(1); return nil }},
		{[]string{"home"}, "Home End", "the first window, the last one: live where the recording goes on", func(m *Model) tea.Cmd { m.jump(0); return nil }},
		{[]string{"end"}, "", "", (*Model).toEnd},
		{[]string{"["}, "[ ]", "shorter windows, longer ones", func(m *Model) tea.Cmd { m.resize(shorter(m.every)); return nil }},
		{[]string{"]"}, "", "", func(m *Model) tea.Cmd { m.resize(longer(m.every)); return nil }},
		{[]string{"a", "0"}, "a", "the whole time, or windows again", (*Model).toggleAll},
		{[]string{"n"}, "n N", "the next window in which events were lost, the one before", func(m *Model) tea.Cmd { m.toLoss(false); return nil }},
		{[]string{"N", "shift+n"}, "", "", func(m *Model) tea.Cmd { m.toLoss(true); return nil }},
		{[]string{"space", "p"}, "Space", "play, or pause", (*Model).togglePlay},
		{[]string{"+", "="}, "+ -", "play faster, slower", func(m *Model) tea.Cmd { m.speed = min(m.speed*2, 1<<20); return nil }},
		{[]string{"-"}, "", "", func(m *Model) tea.Cmd { m.speed = max(m.speed/2, 1.0/1024); return nil }},
		{[]string{"up", "k"}, "↑ ↓", "the row above, below", func(m *Model) tea.Cmd { m.cursor--; return nil }},
		{[]string{"down", "j"}, "", "", func(m *Model) tea.Cmd { m.cursor++; return nil }},
		{[]string{"pgup"}, "PgUp PgDn", "a screen up, down", func(m *Model) tea.Cmd { m.cursor -= m.tableRows(); return nil }},
		{[]string{"pgdown"}, "", "", func(m *Model) tea.Cmd { m.cursor += m.tableRows(); return nil }},
		{[]string{"<", ","}, "< >", "sort by the column to the left, to the right", func(m *Model) tea.Cmd { m.sortBy(-1); return nil }},
		{[]string{">", "s"}, "", "", func(m *Model) tea.Cmd { m.sortBy(1); return nil }},
		{[]string{"b"}, "b B", "group by the next key, the one before", func(m *Model) tea.Cmd { m.groupBy(1); return nil }},
		{[]string{"B", "shift+b"}, "", "", func(m *Model) tea.Cmd { m.groupBy(-1); return nil }},
		{[]string{"g"}, "g", "group by these keys, with commas between them", (*Model).askKeys},
		{[]string{"/", "f"}, "/", "the filters, as on the command line", (*Model).askFilters},
		{[]string{"enter"}, "Enter", "only the calls of the row with the cursor, by another key", (*Model).intoRow},
		{[]string{"u", "backspace"}, "u", "back to the calls and keys before", (*Model).back},
		{[]string{"w"}, "w", "calls that wait by nature: apart, mixed, only or none of them", (*Model).nextWaits},
		{[]string{"c"}, "c", "the command line that tells the same figures", func(m *Model) tea.Cmd { m.command = true; return nil }},
		{[]string{"?", "h"}, "?", "the keys", func(m *Model) tea.Cmd { m.help = true; return nil }},
		{[]string{"ctrl+l"}, "^L", "draw the screen again", func(*Model) tea.Cmd { return tea.ClearScreen }},
		{[]string{"ctrl+z"}, "^Z", "stop until the shell's fg", func(*Model) tea.Cmd { return tea.Suspend }},
		{[]string{"q", "ctrl+c"}, "q", "end", func(*Model) tea.Cmd { return tea.Quit }},
	}
}

// Help lists the keys, one a line.
func Help() string {
	var b strings.Builder
	for _, k := range keys {
		if k.name != "" {
			fmt.Fprintf(&b, "  %-9s  %s\n", k.name, k.does)
		}
	}
	return b.String()
}

// press does what a key says.
func (m *Model) press(k tea.KeyPressMsg) tea.Cmd {
	name := k.String()
	switch {
	case name == "ctrl+c":
		return tea.Quit
	case m.prompt != nil:
		m.prompt.press(m, k)
		return nil
	case m.help || m.command:
		m.help, m.command = false, false
		if name == "q" || name == "esc" || name == "?" {
			return nil
		}
	}
	m.message = ""
	for i := range keys {
		if slices.Contains(keys[i].keys, name) {
			return keys[i].run(m)
		}
	}
	return nil
}

func (m *Model) move(n int64) {
	if m.all {
		m.toggleAll()
		return
	}
	m.live, m.playing = false, false
	m.at = max(min(m.at+n*m.every, m.lastWindow()), 0)
}

func (m *Model) jump(at int64) {
	m.all, m.live, m.playing = false, false, false
	m.at = max(at-at%m.every, 0)
}

func (m *Model) toEnd() tea.Cmd {
	growing := m.shown != nil && m.shown.growing
	m.jump(m.lastWindow())
	m.live = growing
	return nil
}

// resize makes windows longer or shorter; what begins in the window stays in it.
func (m *Model) resize(every int64) {
	if m.all {
		m.message = "this is the whole time: a shows windows"
		return
	}
	m.every = every
	m.at -= m.at % every
}

func (m *Model) toggleAll() tea.Cmd {
	m.all, m.playing = !m.all, false
	if !m.all {
		m.live = m.shown != nil && m.shown.growing
	} else {
		m.live = false
	}
	return nil
}

func (m *Model) toLoss(back bool) {
	if m.shown == nil {
		return
	}
	at := m.shown.origin + m.at
	if m.all && !back {
		at = -1 << 63
	} else if !back {
		at += m.every - 1
	}
	loss, ok := m.pass.nextLoss(at, back)
	if !ok {
		m.message = "no events were lost there"
		return
	}
	m.jump(min(max(loss-m.shown.origin, 0), m.lastWindow()))
}

func (m *Model) togglePlay() tea.Cmd {
	if m.live { // pause
		m.live = false
		return nil
	}
	m.playing = !m.playing
	if m.playing {
		if m.all || m.at >= m.lastWindow() {
			m.all, m.at = false, 0
		}
		m.played = now()
	}
	return nil
}

func (m *Model) sortBy(n int) {
	if m.shown == nil {
		return
	}
	sorts := m.shown.view.ScreenSorts()
	i := slices.Index(sorts, m.sort) + n
	m.sort = sorts[(i+len(sorts))%len(sorts)]
	m.cursor = 0
}

func (m *Model) groupBy(n int) {
	all := len(latency.KeyNames())
	by := 0
	if len(m.ask.By) == 1 {
		by = int(m.ask.By[0]) + n
	}
	m.choose([]latency.Key{latency.Key((by + all) % all)}, m.ask.Filters)
}

func (m *Model) back() tea.Cmd {
	if len(m.past) == 0 {
		m.message = "there is nothing to go back to"
		return nil
	}
	s := m.past[len(m.past)-1]
	m.past = m.past[:len(m.past)-1]
	m.set(s)
	return nil
}

// waitModes are the modes in the order of the key.
var waitModes = []struct {
	mode latency.WaitMode
	name string
}{{latency.WaitApart, "apart"}, {latency.WaitMixed, "mixed"}, {latency.WaitOnly, "only"}, {latency.WaitNone, "none"}}

// waitName is the name of a mode, as --wait has it.
func waitName(mode latency.WaitMode) string {
	for _, w := range waitModes {
		if w.mode == mode {
			return w.name
		}
	}
	return ""
}

func (m *Model) nextWaits() tea.Cmd {
	for i, w := range waitModes {
		if w.mode == m.ask.Waits {
			m.ask.Waits = waitModes[(i+1)%len(waitModes)].mode
			break
		}
	}
	m.again()
	return nil
}

// filterOf is the filter for what a key is; "" where there is none.
var filterOf = map[latency.Key]string{
	latency.BySyscall: "syscall", latency.ByPID: "pid", latency.ByTID: "tid", latency.ByComm: "comm", latency.ByContainer: "container",
	latency.ByErrno: "errno", latency.ByStatus: "status", latency.ByPath: "path", latency.ByFDType: "fd-type",
}

// intoRow chooses the calls of the row with the cursor, and shows them by another
// key.
func (m *Model) intoRow() tea.Cmd {
	if m.shown == nil || m.cursor >= len(m.shown.rows) {
		return nil
	}
	row := &m.shown.rows[m.cursor]
	if row.Joined > 0 {
		m.message = "these are many groups: there is no filter for them"
		return nil
	}
	filters := slices.Clone(m.ask.Filters)
	for _, k := range m.ask.By {
		value, ok := rowFilter(row, k)
		if !ok {
			m.message = "there is no filter for this " + k.String()
			return nil
		}
		flag := "--" + filterOf[k] + "="
		filters = slices.DeleteFunc(filters, func(f string) bool { return strings.HasPrefix(f, flag) })
		filters = append(filters, flag+value)
	}
	by := []latency.Key{latency.BySyscall}
	if slices.Contains(m.ask.By, latency.BySyscall) {
		by[0] = latency.ByComm
		if slices.Contains(m.ask.By, latency.ByComm) {
			by[0] = latency.ByTID
		}
	}
	m.choose(by, filters)
	return nil
}

// rowFilter is the value of the filter that chooses a row's calls.
func rowFilter(row *latency.Row, k latency.Key) (value string, ok bool) {
	if filterOf[k] == "" {
		return "", false
	}
	value = fmt.Sprint(row.Of(k))
	switch {
	case k == latency.ByContainer && value == "":
		return "host", true
	case k == latency.ByComm || k == latency.ByContainer: // names may hold commas
		if value == "" || strings.Contains(value, ",") {
			return `"` + value + `"`, !strings.Contains(value, `"`)
		}
		return value, true
	case k == latency.ByErrno && value == "":
		return "success", true
	case k == latency.BySyscall && strings.HasPrefix(value, "syscall_"):
		return "", false
	}
	return value, value != "" && value != latency.OtherPaths && !strings.ContainsAny(value, ",\"")
}

// prompt is a line that is being typed.
type prompt struct {
	label, text string
	done        func(m *Model, text string) error
}

func (m *Model) askFilters() tea.Cmd {
	m.prompt = &prompt{"filter: ", m.filterWords(), func(m *Model, text string) error {
		words, err := splitWords(text)
		if err != nil {
			return err
		}
		filters, err := m.opt.Check(words)
		if err != nil {
			return err
		}
		m.choose(m.ask.By, filters)
		return nil
	}}
	return nil
}

func (m *Model) askKeys() tea.Cmd {
	m.prompt = &prompt{"group by: ", keyNames(m.ask.By), func(m *Model, text string) error {
		by, err := latency.ParseKeys(strings.Split(text, ","))
		if err != nil {
			return err
		}
		m.choose(by, m.ask.Filters)
		return nil
	}}
	return nil
}

func keyNames(by []latency.Key) string {
	names := make([]string, len(by))
	for i, k := range by {
		names[i] = k.String()
	}
	return strings.Join(names, ",")
}

// onLine is what was pasted, on one line.
func onLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (p *prompt) press(m *Model, k tea.KeyPressMsg) {
	m.message = ""
	switch name := k.String(); name {
	case "esc":
		m.prompt = nil
	case "enter":
		if err := p.done(m, p.text); err != nil {
			m.message = escape.Text(format.OneLine(err))
			return
		}
		m.prompt = nil
	case "backspace":
		if r := []rune(p.text); len(r) > 0 {
			p.text = string(r[:len(r)-1])
		}
	case "ctrl+u":
		p.text = ""
	case "ctrl+w":
		p.text = p.text[:strings.LastIndexByte(strings.TrimRight(p.text, " "), ' ')+1]
	default:
		p.text += k.Text
	}
}
