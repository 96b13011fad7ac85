package seccomp

import (
	"cmp"
	"slices"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/render/decode"
)

// Columns are those that an Observer and a Check look at.
const Columns = format.ColSeq | format.ColPID | format.ColSyscall | format.ColComm | format.ColArgs | format.ColDetail

// Seen is what was seen of one system call of one ABI.
type Seen struct {
	ABI       abi.ABI
	Nr        int32
	Name      string
	Named     bool // the table has a name for Nr: a profile can name it
	Count     int64
	Errors    int64 // calls among Count that returned an error
	Refused   int64 // besides Count: calls that were refused while recording, by a filter or a tracer
	Processes int64 // programs (a process until it executes another) that called it
	FirstNS   int64 // capture time of the first call
	FirstIn   string
	FirstPID  int32
	FirstComm string

	registers [6]int64 // of the first call
	args      [6]int64 // the same as the kernel takes them
	varies    [6]bool  // more than one value, or not known
	by        [2]int64 // the first programs that called it
	constant  []Constant
}

// Constant is an argument that was the same in every call.
type Constant struct {
	Index int    `json:"index"`
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

// Constants returns the arguments that were the same in all of at least two
// calls. Addresses are left out: they mean nothing in another process.
func (s *Seen) Constants() []Constant { return s.constant }

// Observer gathers which calls were made.
type Observer struct {
	seen  map[key]*Seen
	live  map[int32]*program
	next  int64 // number of the next program
	order []*Seen
	calls int64
	fresh struct { // the last call that was new
		at   int64 // calls before it
		seen *Seen
	}
}

type key struct {
	abi abi.ABI
	nr  int32
}

// program is one process until it executes something else.
type program struct {
	number int64
	called map[*Seen]bool
}

// NewObserver returns an observer that has seen nothing.
func NewObserver() *Observer {
	return &Observer{seen: map[key]*Seen{}, live: map[int32]*program{}}
}

// made reports whether the thread itself made the call; what else comes back
// from the kernel (the child's side of a fork) was made by another.
func made(c *replay.Call) bool {
	return c.Status != replay.ChildReturn && c.Nr >= 0
}

// Add takes calls of the capture called source, whose names are in names.
func (o *Observer) Add(source string, calls []replay.Call, names *format.SymbolTable) {
	for i := range calls {
		c := &calls[i]
		if c.Status == replay.ChildReturn && c.PID == c.TID {
			delete(o.live, c.PID) // a new process, also if it has an old number
		}
		if !made(c) {
			continue
		}
		s := o.seen[key{c.ABI, c.Nr}]
		if s == nil {
			s = &Seen{ABI: c.ABI, Nr: c.Nr, FirstNS: c.StartNS, FirstIn: source, FirstPID: c.PID, FirstComm: names.String(c.Comm)}
			s.Name, s.Named = abi.Name(c.ABI, c.Nr)
			if !s.Named {
				s.Name = abi.NameOr(c.ABI, c.Nr)
			}
			o.seen[key{c.ABI, c.Nr}] = s
			o.order = append(o.order, s)
		}
		if c.Status == replay.Denied {
			s.Refused++
			continue
		}
		if s.Count == 0 {
			o.fresh.at, o.fresh.seen = o.calls, s
		}
		o.calls++
		s.count(c)
		o.program(c).call(s)
		if c.Status == replay.OK && c.Ret == 0 && (s.Name == "execve" || s.Name == "execveat") {
			delete(o.live, c.PID)
		}
	}
}

// EndCapture is told that what follows is of another recording, whose process
// ids mean other processes.
func (o *Observer) EndCapture() { clear(o.live) }

func (o *Observer) program(c *replay.Call) *program {
	p := o.live[c.PID]
	if p == nil {
		p = &program{number: o.next, called: map[*Seen]bool{}}
		o.next++
		o.live[c.PID] = p
	}
	return p
}

func (p *program) call(s *Seen) {
	if !p.called[s] {
		p.called[s] = true
		if s.Processes < 2 {
			s.by[s.Processes] = p.number
		}
		s.Processes++
	}
}

func (s *Seen) count(c *replay.Call) {
	s.Count++
	if c.Errno() != 0 {
		s.Errors++
	}
	for n, register := range c.Args {
		switch {
		case s.varies[n] || s.Count > 1 && s.registers[n] == register && c.Status.HasEnter() && c.Told == "":
		case !c.Status.HasEnter() || format.ArgumentUnknown(c.Told, n, register):
			s.varies[n] = true
		case s.Count == 1:
			s.registers[n], s.args[n] = register, decode.Value(c.ABI, c.Nr, &c.Args, n)
		default:
			s.varies[n] = s.args[n] != decode.Value(c.ABI, c.Nr, &c.Args, n)
		}
	}
}

// Calls returns what was seen, by ABI and name.
func (o *Observer) Calls() []*Seen {
	for _, s := range o.order {
		s.constant = nil
		params := decode.Prototype(s.Name)
		for n := range min(abi.NumArgs(s.ABI, s.Nr), len(params)) {
			if s.Count > 1 && !s.varies[n] && !params[n].Pointer() {
				s.constant = append(s.constant, Constant{n, params[n].Name, s.args[n]})
			}
		}
	}
	return slices.SortedFunc(slices.Values(o.order), func(a, b *Seen) int {
		return cmp.Or(cmp.Compare(a.ABI, b.ABI), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Nr, b.Nr))
	})
}
