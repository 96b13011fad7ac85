package text

import (
	"strconv"

	"systape/format"
	"systape/format/abi"
	"systape/replay/escape"
	"systape/replay/render/decode"
	"systape/replay/units"
)

// appendNotice appends a line about a thread or a loss.
func (p *Printer) appendNotice(dst []byte, l *Line) []byte {
	e := l.Row
	start := len(dst)
	for i, col := range p.opt.Columns {
		if i > 0 {
			dst = append(dst, ' ')
		}
		switch col {
		case What:
			colour := lifecycle
			if e.Kind == format.Lost {
				colour = alarm
			}
			if p.opt.Colour {
				dst = append(dst, colour...)
			}
			dst = appendRow(dst, e)
			if p.opt.Colour {
				dst = append(dst, reset...)
			}
		case Result, Duration, Status:
		default:
			dst = p.appendHead(dst, col, l.TS, e.Seq, e.CPU, e.PID, e.TID, e.ABI, p.sym(e.Comm), p.sym(e.Container))
		}
	}
	p.prev, p.first = l.TS, false
	return append(trim(dst, start), '\n')
}

func (p *Printer) sym(name string) format.Symbol {
	s, _ := p.names.Lookup(name)
	return s
}

// appendRow says what a row that is not a call means.
func appendRow(dst []byte, e *format.Event) []byte {
	switch e.Kind {
	case format.Lost:
		dst = append(dst, "*** "...)
		dst = strconv.AppendInt(dst, e.Args[format.LostCount], 10)
		dst = append(append(append(dst, ' '), units.Plural(e.Args[format.LostCount], "event")...), " lost"...)
		if e.CPU >= 0 {
			dst = strconv.AppendInt(append(dst, " on cpu "...), int64(e.CPU), 10)
		}
		if span := e.Args[format.LostLast] - e.Args[format.LostFirst]; span > 0 {
			dst = units.AppendDuration(append(dst, " within "...), span)
		}
		dst = append(dst, " ("...)
		dst = append(dst, format.Cause(e.Args[format.LostCause]).String()...)
		return append(dst, ") ***"...)
	case format.Mark:
		what := format.MarkOf(e.Args[format.MarkWhat])
		dst = append(append(dst, "*** "...), what.String()...)
		if what == format.ShareSet {
			dst = append(append(dst, ": "...), units.OneIn(e.Args[format.MarkShare], format.ShareAll)...)
			dst = append(append(append(dst, " ("...), format.ShareReason(e.Args[format.MarkWhy]).String()...), ')')
		}
		return append(dst, " ***"...)
	case format.Count:
		if e.Args[format.CountCalls] == 0 && e.PID == 0 && e.Nr == -1 {
			return append(dst, "*** calls are counted anew from here on ***"...)
		}
		dst = escape.Append(append(dst, "*** "...), e.Syscall)
		dst = append(append(dst, " returned "...), units.Counted(e.Args[format.CountCalls], "time")...)
		if n := e.Args[format.CountErrors]; n > 0 {
			dst = append(append(dst, ", "...), units.Counted(n, "error")...)
		}
		dst = units.AppendDuration(append(dst, ", "...), e.Args[format.CountTotalNS])
		dst = units.AppendDuration(append(dst, " in all, within "...), e.Args[format.CountLast]-e.Args[format.CountFirst])
		return append(dst, " ***"...)
	case format.Fork:
		dst = append(dst, "+++ started "...)
		if e.Args[format.ForkPID] == int64(e.PID) {
			dst = append(dst, "thread "...)
		} else {
			dst = append(dst, "process "...)
		}
		dst = strconv.AppendInt(dst, e.Args[format.ForkTID], 10)
		return append(dst, " +++"...)
	case format.Exec:
		dst = append(dst, "+++ runs "...)
		if e.Detail == "" {
			dst = append(dst, "a new program"...)
		}
		dst = escape.Append(dst, e.Detail)
		if old := e.Args[format.ExecOldTID]; old != int64(e.TID) {
			dst = strconv.AppendInt(append(dst, ", was thread "...), old, 10)
		}
		return append(dst, " +++"...)
	case format.Rename:
		dst = append(dst, "+++ is now called "...)
		dst = escape.Append(dst, e.Comm)
		return append(dst, " +++"...)
	case format.ThreadEnd:
		code := e.Args[format.EndCode]
		if code == -1 { // recorded without BTF
			return append(dst, "+++ ended +++"...)
		}
		if sig := code & 0x7f; sig != 0 {
			dst = append(dst, "+++ killed by "...)
			if name := abi.SignalName(e.ABI, int(sig)); name != "" {
				dst = append(dst, name...)
			} else {
				dst = strconv.AppendInt(append(dst, "signal "...), sig, 10)
			}
			if code&0x80 != 0 {
				dst = append(dst, " (core dumped)"...)
			}
		} else {
			dst = append(dst, "+++ exited with "...)
			dst = strconv.AppendInt(dst, code>>8&0xff, 10)
		}
		return append(dst, " +++"...)
	}
	return append(dst, e.Kind.String()...)
}

// AppendEvent appends one row of a batch as a line of its own, an enter
// without its exit and an exit without its enter.
func (p *Printer) AppendEvent(dst []byte, b *format.Batch, i int) []byte {
	kind := b.Kind[i]
	if kind != format.Enter && kind != format.Exit {
		e := b.At(i)
		l := Line{Form: Notice, TS: b.TS[i], Row: &e}
		return p.appendNotice(dst, &l)
	}
	start := len(dst)
	c := &p.scratch
	c.ABI, c.Nr = b.ABI[i], b.Nr[i]
	var container format.Symbol
	if len(b.Container) > i {
		container = b.Container[i]
	}
	detail := ""
	if len(b.Detail) > i {
		detail = b.Detail[i]
	}
	for n, col := range p.opt.Columns {
		if n > 0 {
			dst = append(dst, ' ')
		}
		switch col {
		case What:
			if kind == format.Enter {
				for k := range c.Args {
					c.Args[k] = b.Args[k][i]
				}
				dst = escape.Append(append(dst, "enter "...), p.names.String(b.Syscall[i]))
				dst = decode.AppendArgs(append(dst, '('), c.ABI, c.Nr, &c.Args, detail)
				dst = append(dst, ')')
			} else {
				dst = escape.Append(append(dst, "exit  "...), p.names.String(b.Syscall[i]))
			}
		case Result:
			if kind == format.Exit {
				c.Args = [6]int64{1: -1} // without the enter, what fcntl was asked is not known
				failed := p.opt.Colour && b.Ret[i] < 0 && b.Ret[i] >= -4095
				if failed {
					dst = append(dst, failure...)
				}
				if dst = append(dst, "= "...); detail == format.UnknownResult {
					dst = append(dst, '?')
				} else {
					dst = decode.AppendResult(dst, c.ABI, c.Nr, &c.Args, b.Ret[i])
				}
				if failed {
					dst = append(dst, reset...)
				}
			}
		case Duration, Status:
		default:
			dst = p.appendHead(dst, col, b.TS[i], b.Seq[i], b.CPU[i], b.PID[i], b.TID[i], c.ABI, b.Comm[i], container)
		}
	}
	p.prev, p.first = b.TS[i], false
	return append(trim(dst, start), '\n')
}
