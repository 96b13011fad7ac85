package export

import (
	"bufio"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/render/decode"
	"systape/replay/render/text"
)

// strace writes what strace -f -ttt -T would have written, with nanoseconds
// as its --absolute-timestamps=format:unix,precision:ns and
// --syscall-times=ns: calls in order of their starts, cut in two where others
// come between.
type strace struct {
	o       Options
	w       *bufio.Writer
	timed   bool // calls have durations
	reorder *text.Reorderer
	line    []byte
	restart map[int32]format.Symbol
	lost    int64
	odd     [replay.NumStatuses]int64
}

// stracePatience is how long, in capture time, a line may hold up others. A
// cut line says as much as a whole one, so this only bounds memory.
const stracePatience = 100e6

func newStrace(w *bufio.Writer, o Options) Exporter {
	s := &strace{o: o, w: w, timed: o.Meta == nil || replay.Timed(o.Meta), restart: map[int32]format.Symbol{}}
	s.reorder = text.NewReorderer(text.ReorderOptions{Patience: stracePatience, Filter: o.Filter,
		Notices: 1<<format.ThreadEnd | 1<<format.Lost | 1<<format.Exec})
	return s
}

func (s *strace) Push(b *format.Batch, calls []replay.Call) error {
	return s.reorder.Push(b, calls, s.emit)
}

func (s *strace) Finish(calls []replay.Call) ([]string, error) {
	if err := s.reorder.Finish(calls, s.emit); err != nil {
		return nil, err
	}
	notes := []string{"pointers stand where strace shows what they point to"}
	if list := statusList(s.odd, func(replay.Status) bool { return true }); list != "" {
		notes = append(notes, "strace has no way to write these, they look like calls that were resumed or never ended: "+list)
	}
	if s.lost > 0 {
		notes = append(notes, count(s.lost, "event was", "events were")+" lost while recording, which the text does not show")
	}
	return notes, s.w.Flush()
}

func (s *strace) emit(l *text.Line) error {
	b := s.line[:0]
	if l.Form == text.Notice {
		e := l.Row
		switch e.Kind {
		case format.Lost:
			s.lost += e.Args[format.LostCount]
			return nil
		case format.Exec:
			old := e.Args[format.ExecOldTID]
			if old == int64(e.TID) {
				return nil
			}
			b = appendStamp(b, e.TID, l.TS)
			b = append(appendInt(append(b, "+++ superseded by execve in pid "...), old), " +++\n"...)
		default:
			b = appendStamp(b, e.TID, l.TS)
			b = appendEnd(b, e)
		}
		s.line = b
		_, err := s.w.Write(b)
		return err
	}
	c := &l.Call
	b = appendStamp(b, c.TID, l.TS)
	b = s.call(b, c, l.Form)
	b = append(b, '\n')
	s.line = b
	_, err := s.w.Write(b)
	return err
}

// appendStamp writes "TID SECONDS ".
func appendStamp(b []byte, tid int32, ts int64) []byte {
	b = append(appendInt(b, int64(tid)), ' ')
	return append(appendSeconds(b, ts), ' ')
}

func appendSeconds(b []byte, ns int64) []byte {
	if ns < 0 {
		b, ns = append(b, '-'), -ns
	}
	b = append(appendInt(b, ns/1e9), ".000000000"...)
	for i, v := len(b)-1, ns%1e9; v > 0; i, v = i-1, v/10 {
		b[i] = byte('0' + v%10)
	}
	return b
}

func appendEnd(b []byte, e *format.Event) []byte {
	code := e.Args[format.EndCode]
	if code == -1 { // recorded without BTF; strace has no words for it
		return append(b, "+++ exited with ? +++\n"...)
	}
	if sig := code & 0x7f; sig != 0 {
		b = append(b, "+++ killed by "...)
		if n := abi.SignalName(e.ABI, int(sig)); n != "" {
			b = append(b, n...)
		} else {
			b = appendInt(b, sig)
		}
		if code&0x80 != 0 {
			b = append(b, " (core dumped)"...)
		}
	} else {
		b = appendInt(append(b, "+++ exited with "...), code>>8&0xff)
	}
	return append(b, " +++\n"...)
}

func (s *strace) call(b []byte, c *replay.Call, form text.Form) []byte {
	name := s.o.Symbols.String(c.Syscall)
	if form != text.Begun {
		switch c.Status {
		case replay.ChildReturn, replay.OpenAtStart, replay.EnterAfterEnd, replay.Denied, replay.EnterLost, replay.ExitLost, replay.Mismatch:
			s.odd[c.Status]++
		}
	}
	if form == text.Resumed || c.EnterSeq < 0 {
		b = escape.Append(append(b, "<... "...), name)
		b = append(b, " resumed>)"...)
	} else {
		b = escape.Append(b, name)
		b = append(b, '(')
		of, interrupted := s.restart[c.TID]
		if interrupted && name == "restart_syscall" {
			b = escape.Append(append(b, "<... resuming interrupted "...), s.o.Symbols.String(of))
			b = append(b, " ...>"...)
		} else {
			b = decode.AppendArgs(b, c.ABI, c.Nr, &c.Args, c.Told)
		}
		if form == text.Begun || c.Status == replay.OpenAtEnd {
			return append(b, " <unfinished ...>"...)
		}
		b = append(b, ')')
	}
	b = append(b, " = "...)
	if c.ExitSeq < 0 {
		return append(b, '?')
	}
	if !c.HasResult() {
		b = append(b, '?')
	} else {
		b = decode.AppendResult(b, c.ABI, c.Nr, &c.Args, c.Ret)
	}
	switch _, known := s.restart[c.TID]; {
	case c.Status == replay.Restarted && !(known && name == "restart_syscall"): // one that is interrupted again keeps its name
		s.restart[c.TID] = c.Syscall
	case c.Status != replay.Restarted && name == "restart_syscall":
		delete(s.restart, c.TID)
	}
	if c.Status.HasEnter() && s.timed {
		b = append(appendSeconds(append(b, " <"...), c.DurNS), '>')
	}
	return b
}
