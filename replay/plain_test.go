package replay_test

import (
	"fmt"
	"math"
	"sort"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// This file says the rule of pairing a second time, from what each status means
// (call.go) and not from pair.go: it cuts the whole stream into the lives of threads first, then
// looks at each life's events side by side, and asks the list of all losses
// about every span. It is slow, keeps everything, and shares no code.

// plainCall is what the two implementations must agree on.
type plainCall struct {
	status      string
	enter, exit int64
	start, dur  int64
}

// plainLife is one thread from birth to death.
type plainLife struct {
	born   bool // its fork row is there
	bornAt int64
	execed map[int]bool // indexes into rows before which it was replaced
	rows   []format.Event
	ended  bool
	exact  bool // the end is dated
	endAt  int64
}

type plainLoss struct {
	first, last         int64
	enters, exits, life int64
}

func plainName(e format.Event) string {
	n, _ := abi.Name(e.ABI, e.Nr)
	return n
}

func plainPair(meta *format.Meta, events []format.Event) []plainCall {
	enterFrom, enterTo, exitTo := events[0].TS, int64(math.MaxInt64), int64(0)
	for _, p := range meta.Probes {
		if p.Name == "sys_enter" {
			enterFrom = p.AttachNS
			if p.DetachNS > 0 {
				enterTo = p.DetachNS
			}
		} else if p.Name == "sys_exit" {
			exitTo = p.DetachNS
		}
	}
	end := max(events[len(events)-1].TS, exitTo)

	var losses []plainLoss
	alive := map[int32]*plainLife{}
	var lives []*plainLife
	life := func(tid int32) *plainLife {
		if alive[tid] == nil {
			alive[tid] = &plainLife{execed: map[int]bool{}}
			lives = append(lives, alive[tid])
		}
		return alive[tid]
	}
	bury := func(tid int32, at int64, exact bool) {
		if l := alive[tid]; l != nil {
			l.ended, l.endAt, l.exact = true, at, exact
			delete(alive, tid)
		}
	}
	for _, e := range events {
		switch e.Kind {
		case format.Enter, format.Exit:
			l := life(e.TID)
			l.rows = append(l.rows, e)
		case format.Fork:
			child := int32(e.Args[1])
			bury(child, e.TS, false)
			life(child).born, life(child).bornAt = true, e.TS
		case format.Exec:
			if old := int32(e.Args[0]); old != e.TID {
				bury(e.TID, e.TS, false)
				alive[e.TID] = life(old)
				delete(alive, old)
			}
			l := life(e.TID)
			l.execed[len(l.rows)] = true
		case format.ThreadEnd:
			bury(e.TID, e.TS, true)
		case format.Lost:
			losses = append(losses, plainLoss{e.Args[1], e.Args[2], e.Args[3], e.Args[4], e.Args[0] - e.Args[3] - e.Args[4]})
		}
	}
	// missing returns what may be missing between two instants.
	missing := func(from, to int64) (m plainLoss) {
		for _, l := range losses {
			if l.first <= to && l.last >= from {
				m.enters += l.enters
				m.exits += l.exits
				m.life += l.life
			}
		}
		return m
	}

	var calls []plainCall
	for _, l := range lives {
		doubt := false               // the exit at hand may belong to the enter before
		last := int64(math.MinInt64) // of the life's events that tell where it is
		if l.born {
			last = l.bornAt
		}
		for i := 0; i < len(l.rows); i++ {
			e := l.rows[i]
			name := plainName(e)
			if e.Kind == format.Enter {
				last = e.TS
				leaves := name == "exit" || name == "exit_group"
				c := plainCall{enter: e.Seq, exit: -1, start: e.TS}
				switch {
				case i+1 == len(l.rows): // the life's last event
					at := end
					if l.ended {
						at = l.endAt
					}
					m := missing(e.TS, at)
					switch {
					case leaves:
						c.status = "no_return"
						if l.ended && l.exact {
							c.dur = at - e.TS
						}
					case m.exits > 0 || m.life > 0:
						c.status = "exit_lost"
					case l.ended:
						c.status = "killed"
						if l.exact {
							c.dur = at - e.TS
						}
					default:
						c.status, c.dur = "open_at_end", at-e.TS
					}
				case l.rows[i+1].Kind == format.Enter:
					c.status = "exit_lost"
					if leaves {
						c.status = "no_return"
					}
				default:
					x := l.rows[i+1]
					m := missing(e.TS, x.TS)
					if m.exits > 0 || m.life > 1 {
						c.status, doubt = "exit_lost", true // and x stands alone, below
						break
					}
					i++
					last = x.TS
					c.exit, c.dur = x.Seq, x.TS-e.TS
					switch {
					case name == "rt_sigreturn" && x.Nr == -1:
						c.status = "sigreturn"
					case x.Nr != e.Nr || x.ABI != e.ABI:
						c.status = "mismatch"
					case x.Ret >= -516 && x.Ret <= -512:
						c.status = "restarted"
					default:
						c.status = "ok"
					}
				}
				calls = append(calls, c)
				continue
			}
			c := plainCall{enter: -1, exit: e.Seq, start: e.TS, status: "denied"}
			m := missing(last, e.TS)
			switch {
			case e.Ret == 0 && (name == "clone" || name == "clone3" || name == "fork" || name == "vfork"):
				c.status = "child_return"
			case e.Ret == 0 && name == "execve" && l.born && i == 0 && l.execed[0] && m.enters+m.life == 0:
				c.status = "child_return"
			case doubt || m.enters > 0 || m.life > 0:
				c.status = "enter_lost"
			case last < enterFrom:
				c.status = "open_at_start"
				if e.TS > enterFrom && e.TS <= enterTo {
					c.start, c.dur = enterFrom, e.TS-enterFrom
				}
			case e.TS > enterTo:
				c.status = "enter_after_end"
			}
			last, doubt = e.TS, false
			calls = append(calls, c)
		}
	}
	return calls
}

// comparePlain tells where the plain implementation disagrees about r.
func comparePlain(r *recording, calls []replay.Call) string {
	want := plainPair(r.meta, r.events)
	got := make([]plainCall, len(calls))
	for i, c := range calls {
		got[i] = plainCall{c.Status.String(), c.EnterSeq, c.ExitSeq, c.StartNS, c.DurNS}
	}
	for _, list := range [][]plainCall{got, want} {
		sort.Slice(list, func(i, j int) bool {
			a, b := list[i], list[j]
			return max(a.enter, a.exit) < max(b.enter, b.exit)
		})
	}
	for i := range got {
		if i >= len(want) || got[i] != want[i] {
			return fmt.Sprintf("call %d: %+v, want %+v", i, got[i], want[min(i, len(want)-1)])
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d calls, want %d", len(got), len(want))
	}
	return ""
}
