package text

import (
	"strconv"
	"time"
	"unicode/utf8"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/render/decode"
	"systape/replay/units"
)

// Printer renders lines. It keeps what one line must know of earlier ones:
// the time of the last line, and which call a restart continues.
type Printer struct {
	opt     Options
	names   *format.SymbolTable
	has     [numColumns]bool
	prev    int64
	first   bool
	restart map[int32]format.Symbol // tid → call that is to be restarted
	clock   clockCache
	scratch replay.Call

	descriptors decode.Names
}

// NewPrinter returns a Printer for lines whose Symbols belong to names.
func NewPrinter(names *format.SymbolTable, opt Options) *Printer {
	if opt.Columns == nil {
		opt.Columns = DefaultColumns()
	}
	if opt.Location == nil {
		opt.Location = time.UTC
	}
	if opt.Slow == 0 {
		opt.Slow = 10e6
	}
	p := &Printer{opt: opt, names: names, first: true, restart: map[int32]format.Symbol{}}
	p.clock.loc = opt.Location
	for _, c := range opt.Columns {
		p.has[c] = true
	}
	return p
}

// ANSI sequences. The thread colours are ones that can be read on black and
// on white.
const (
	reset     = "\x1b[0m"
	failure   = "\x1b[1;31m"
	warning   = "\x1b[33m"
	faint     = "\x1b[2m"
	emphasis  = "\x1b[1m"
	lifecycle = "\x1b[36m"
	alarm     = "\x1b[1;35m"
)

var threadColours = [...]string{"\x1b[38;5;33m", "\x1b[38;5;70m", "\x1b[38;5;166m", "\x1b[38;5;133m", "\x1b[38;5;37m", "\x1b[38;5;136m",
	"\x1b[38;5;63m", "\x1b[38;5;107m", "\x1b[38;5;168m", "\x1b[38;5;67m", "\x1b[38;5;172m", "\x1b[38;5;98m"}

func threadColour(tid int32) string {
	// Fibonacci hashing: neighbouring ids get different colours.
	return threadColours[uint32(tid)*2654435769>>16%uint32(len(threadColours))]
}

// AppendLine appends one line of a transcript, with its newline.
func (p *Printer) AppendLine(dst []byte, l *Line) []byte {
	if l.Form == Notice {
		return p.appendNotice(dst, l)
	}
	c := &l.Call
	seq, cpu := c.EnterSeq, c.CPUEnter
	if seq < 0 || l.Form == Resumed && c.ExitSeq >= 0 {
		seq, cpu = c.ExitSeq, c.CPUExit
	}
	start := len(dst)
	column := -1 // where the call begins, to align the results
	for i, col := range p.opt.Columns {
		if i > 0 {
			dst = append(dst, ' ')
		}
		before := len(dst)
		switch col {
		case What:
			if column = len(dst); p.opt.Colour && l.Form != Whole {
				dst = append(dst, faint...)
				column = len(dst)
			}
			dst = p.appendCall(dst, c, l.Form)
			if p.opt.Colour && l.Form != Whole {
				dst = append(dst, reset...)
				column += len(reset)
			}
		case Result:
			if column >= 0 {
				for len(dst)-column < 38 {
					dst = append(dst, ' ')
				}
			}
			dst = p.appendResult(dst, c, l.Form)
		case Duration:
			dst = p.appendDuration(dst, c, l.Form)
		case Status:
			if l.Form != Begun {
				dst = append(dst, c.Status.String()...)
			}
		default:
			dst = p.appendHead(dst, col, l.TS, seq, cpu, c.PID, c.TID, c.ABI, c.Comm, c.Container)
		}
		if len(dst) == before && i > 0 {
			dst = dst[:before-1] // nothing to say, and no blank for it
		}
	}
	p.prev, p.first = l.TS, false
	if l.Form != Begun {
		p.interrupted(c)
	}
	return append(trim(dst, start), '\n')
}

// interrupted keeps the name of a call that returned a restart code, so that the
// restart_syscall that continues it can say what it continues: that one may be
// interrupted again.
func (p *Printer) interrupted(c *replay.Call) {
	again := isRestartSyscall(p.names.String(c.Syscall))
	_, known := p.restart[c.TID]
	switch {
	case c.Status == replay.Restarted && !(again && known):
		p.restart[c.TID] = c.Syscall
	case c.Status != replay.Restarted && again:
		delete(p.restart, c.TID)
	}
}

func isRestartSyscall(name string) bool { return name == "restart_syscall" }

// trim takes blanks off the end of a line.
func trim(dst []byte, start int) []byte {
	for len(dst) > start && dst[len(dst)-1] == ' ' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendHead appends one of the columns before the call.
func (p *Printer) appendHead(dst []byte, col Column, ts, seq int64, cpu, pid, tid int32, a abi.ABI, comm, container format.Symbol) []byte {
	switch col {
	case Time:
		return p.appendTime(dst, ts)
	case Delta:
		d := ts - p.prev
		if p.first {
			d = 0
		}
		return appendSeconds(append(dst, '+'), d)
	case Seq:
		return appendPadded(dst, seq, 9)
	case CPU:
		return appendPadded(dst, int64(cpu), 3)
	case PID:
		return appendPadded(dst, int64(pid), 7)
	case TID:
		if p.opt.Colour {
			dst = append(dst, threadColour(tid)...)
			return append(appendPadded(dst, int64(tid), 7), reset...)
		}
		return appendPadded(dst, int64(tid), 7)
	case Comm:
		none := `""`
		switch {
		case tid == 0: // of no thread
			none = "-"
		case p.opt.Nameless:
			none = "?"
		}
		if p.opt.Colour {
			dst = append(dst, threadColour(tid)...)
			return append(p.appendName(dst, comm, 15, none), reset...)
		}
		return p.appendName(dst, comm, 15, none)
	case Container:
		return p.appendName(dst, container, 12, "host")
	case ABI:
		return appendLeft(dst, a.String(), 6)
	}
	return dst
}

func (p *Printer) appendTime(dst []byte, ts int64) []byte {
	switch p.opt.Time {
	case Clock:
		return p.clock.append(dst, p.opt.Wall.At(ts))
	case Epoch:
		return appendSeconds(dst, p.opt.Wall.At(ts))
	}
	start := len(dst)
	dst = appendSeconds(dst, ts-p.opt.Origin)
	return padLeft(dst, start, 13)
}

// appendSeconds writes ns as seconds with nine digits after the point.
func appendSeconds(dst []byte, ns int64) []byte {
	if ns < 0 {
		dst = append(dst, '-')
		ns = -ns
	}
	dst = strconv.AppendInt(dst, ns/1e9, 10)
	return appendFraction(dst, ns%1e9)
}

func appendFraction(dst []byte, ns int64) []byte {
	dst = append(dst, ".000000000"...)
	for i := len(dst) - 1; ns > 0; i-- {
		dst[i] = byte('0' + ns%10)
		ns /= 10
	}
	return dst
}

// padLeft moves what was written since start to the right.
func padLeft(dst []byte, start, width int) []byte {
	n := len(dst) - start
	if n >= width {
		return dst
	}
	const blanks = "                "
	dst = append(dst, blanks[:width-n]...)
	copy(dst[start+width-n:], dst[start:start+n])
	copy(dst[start:], blanks[:width-n])
	return dst
}

func appendPadded(dst []byte, v int64, width int) []byte {
	start := len(dst)
	return padLeft(strconv.AppendInt(dst, v, 10), start, width)
}

func appendLeft(dst []byte, s string, width int) []byte {
	dst = append(dst, s...)
	for n := len(s); n < width; n++ {
		dst = append(dst, ' ')
	}
	return dst
}

// appendName writes a name, or what stands for none as filters take it.
func (p *Printer) appendName(dst []byte, s format.Symbol, width int, none string) []byte {
	start := len(dst)
	name := p.names.String(s)
	if name == "" {
		dst = append(dst, none...)
	}
	dst = escape.Append(dst, name)
	for n := utf8.RuneCount(dst[start:]); n < width; n++ {
		dst = append(dst, ' ')
	}
	return dst
}

// clockCache remembers the time of day of one second.
type clockCache struct {
	loc  *time.Location
	sec  int64
	text [8]byte
	set  bool
}

func (c *clockCache) append(dst []byte, ts int64) []byte {
	sec := ts / 1e9
	if ts < 0 && ts%1e9 != 0 {
		sec--
	}
	if !c.set || sec != c.sec {
		c.sec, c.set = sec, true
		time.Unix(sec, 0).In(c.loc).AppendFormat(c.text[:0], "15:04:05")
	}
	return appendFraction(append(dst, c.text[:]...), ts-sec*1e9)
}

func (p *Printer) appendCall(dst []byte, c *replay.Call, form Form) []byte {
	name := p.names.String(c.Syscall)
	switch {
	case form == Resumed || c.EnterSeq < 0 && c.Status != replay.Denied:
		dst = append(dst, "<... "...)
		dst = escape.Append(dst, name)
		return append(dst, " resumed>)"...)
	case c.Status == replay.Denied:
		dst = escape.Append(dst, name)
		return append(dst, "(?)"...)
	}
	dst = escape.Append(dst, name)
	dst = append(dst, '(')
	if c.Continues >= 0 && isRestartSyscall(name) {
		dst = append(dst, "<... resuming interrupted "...)
		if of, ok := p.restart[c.TID]; ok {
			dst = escape.Append(dst, p.names.String(of))
		} else {
			dst = append(dst, "call"...)
		}
		dst = append(dst, " ...>"...)
	} else {
		dst = decode.AppendNamedArgs(dst, c.ABI, c.Nr, &c.Args, c.Told, p.namesOf(c))
	}
	if form == Begun || c.Status == replay.OpenAtEnd {
		return append(dst, " <unfinished ...>"...)
	}
	return append(dst, ')')
}

// namesOf returns what the descriptors of a call stand for.
func (p *Printer) namesOf(c *replay.Call) *decode.Names {
	p.descriptors = decode.Names{}
	if p.opt.Names && c.Files != nil {
		for i, f := range c.Files.FDs {
			if f != nil {
				p.descriptors[i] = decode.Name{Text: f.Name, Gone: f.Gone}
			}
		}
		if pair := c.Files.Pair; pair != nil {
			p.descriptors[c.Files.PairAt] = decode.Name{Text: pair.Name}
		}
	}
	return &p.descriptors
}

// appendResult appends "= " and what the call returned, or why it is not known.
func (p *Printer) appendResult(dst []byte, c *replay.Call, form Form) []byte {
	if form == Begun || c.Status == replay.OpenAtEnd {
		return dst
	}
	if c.ExitSeq < 0 {
		dst = append(dst, "= ?"...)
		why := ""
		switch c.Status {
		case replay.Killed:
			why = " (the thread ended in the call)"
		case replay.ExitLost:
			why = " (the exit was lost)"
		}
		return p.paint(dst, warning, why)
	}
	colour := ""
	if p.opt.Colour {
		switch {
		case c.Status == replay.Restarted:
			colour = warning
		case c.Errno() != 0:
			colour = failure
		}
		dst = append(dst, colour...)
	}
	dst = append(dst, "= "...)
	if !c.HasResult() {
		dst = append(dst, '?')
	} else {
		dst = decode.AppendResult(dst, c.ABI, c.Nr, &c.Args, c.Ret)
		if p.opt.Names && c.Files != nil && c.Files.Ret != nil && c.Files.Ret.Name != "" {
			dst = decode.AppendName(dst, decode.Name{Text: c.Files.Ret.Name, Gone: c.Files.Ret.Gone})
		}
	}
	if colour != "" {
		dst = append(dst, reset...)
	}
	note := ""
	switch c.Status {
	case replay.ChildReturn:
		note = " (in the new thread)"
	case replay.OpenAtStart:
		note = " (entered before the capture)"
		if p.opt.LetIn {
			note = " (entered before its thread was recorded)"
		}
	case replay.EnterAfterEnd:
		note = " (entered after enters were no longer recorded)"
	case replay.Denied:
		note = " (refused before the call began)"
		if c.HasResult() && c.Errno() == 0 {
			note = " (answered before the call began)" // by a tracer, or who gets seccomp's notifications
		}
	case replay.EnterLost:
		note = " (the enter was lost)"
	case replay.Mismatch:
		dst = p.paint(dst, warning, " (a tracer changed the call: ")
		dst = escape.Append(dst, c.Detail)
		note = ")"
	}
	return p.paint(dst, warning, note)
}

func (p *Printer) paint(dst []byte, colour, s string) []byte {
	if s == "" {
		return dst
	}
	if !p.opt.Colour {
		return append(dst, s...)
	}
	return append(append(append(dst, colour...), s...), reset...)
}

// appendDuration appends "<12.3µs>"; a ≥ says that it was not seen whole.
func (p *Printer) appendDuration(dst []byte, c *replay.Call, form Form) []byte {
	mark := ""
	if p.opt.Untimed {
		if form == Begun || !c.Status.HasEnter() {
			return dst
		}
		return append(dst, "<?>"...)
	}
	switch c.Status {
	case replay.OK, replay.Restarted, replay.Sigreturn, replay.Mismatch:
		if c.ExitSeq < 0 { // a sigreturn of which no exit was seen
			return dst
		}
	case replay.OpenAtStart, replay.OpenAtEnd, replay.Killed:
		if c.DurNS == 0 {
			return dst
		}
		mark = "≥"
	default:
		return dst
	}
	if form == Begun {
		return dst
	}
	slow := p.opt.Colour && c.DurNS >= p.opt.Slow
	if slow {
		dst = append(dst, emphasis...)
	}
	dst = append(append(dst, '<'), mark...)
	dst = append(units.AppendDuration(dst, c.DurNS), '>')
	if slow {
		dst = append(dst, reset...)
	}
	return dst
}
