package seccomp

import (
	"math"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// Filter is a profile as it takes effect on one host.
type Filter struct {
	fallback Verdict
	abis     map[abi.ABI]bool
	rules    map[string][]condition
}

// condition is a rule for one call: all of args must hold.
type condition struct {
	verdict Verdict
	args    []Arg
}

// Verdict is what becomes of a call.
type Verdict struct {
	Action string
	Errno  uint   // of SCMP_ACT_ERRNO
	Why    string // "default", "rule", "architecture", "no such call"
}

// Allowed reports whether the call is carried out.
func (v Verdict) Allowed() bool { return Allows(v.Action) }

// String is the verdict in words, such as "errno EPERM".
func (v Verdict) String() string {
	s := ShortAction(v.Action)
	if v.Action == "SCMP_ACT_ERRNO" {
		s += " " + abi.ErrnoName(abi.X86_64, int(v.Errno))
	}
	return s
}

func verdictOf(action string, errno *uint, why string) Verdict {
	v := Verdict{Action: action, Why: why}
	if action == "SCMP_ACT_ERRNO" {
		v.Errno = 1 // EPERM, which runtimes take without errnoRet
		if errno != nil {
			v.Errno = *errno
		}
	}
	return v
}

// For returns the filter that a runtime would install on h.
func (p *Profile) For(h Host) *Filter {
	name := archOf(h.Native)
	f := &Filter{fallback: verdictOf(p.DefaultAction, p.DefaultErrnoRet, "default"), abis: map[abi.ABI]bool{h.Native: true}, rules: map[string][]condition{}}
	wanted := p.Architectures
	for _, m := range p.ArchMap {
		if m.Architecture == name.scmp {
			wanted = m.SubArchitectures
		}
	}
	for _, w := range wanted {
		for _, a := range arches {
			if a.scmp == w {
				f.abis[a.abi] = true
			}
		}
	}
	for i := range p.Syscalls {
		if r := &p.Syscalls[i]; r.holds(h, name.docker) {
			f.add(r)
		}
	}
	return f
}

// add takes a rule as runc and crun give it to libseccomp: one that does what
// happens anyway is left out; conditions on the same argument are alternatives,
// those on different ones must all hold (libcontainer/seccomp matchCall).
func (f *Filter) add(r *Rule) {
	v := verdictOf(r.Action, r.ErrnoRet, "rule")
	if v.Action == f.fallback.Action && v.Errno == f.fallback.Errno {
		return
	}
	sets := [][]Arg{r.Args}
	seen := map[uint]bool{}
	for _, a := range r.Args {
		if seen[a.Index] {
			sets = nil
			for _, b := range r.Args {
				sets = append(sets, []Arg{b})
			}
			break
		}
		seen[a.Index] = true
	}
	for _, n := range r.names() {
		for _, args := range sets {
			f.rules[n] = append(f.rules[n], condition{v, args})
		}
	}
}

// OfName returns what becomes of a call whatever its arguments; decided is
// false if they matter.
func (f *Filter) OfName(a abi.ABI, name string) (v Verdict, decided bool) {
	if !f.abis[a] {
		return Verdict{Action: "SCMP_ACT_KILL", Why: "architecture"}, true
	}
	rules := f.rules[name]
	for _, c := range rules {
		if len(c.args) == 0 {
			return c.verdict, true // the more general rule takes the place of the others (libseccomp)
		}
	}
	return f.fallback, len(rules) == 0
}

// Of returns what becomes of a call; known is false if that depends on an
// argument that the capture does not tell.
func (f *Filter) Of(c *replay.Call, name string) (v Verdict, known bool) {
	if sub := multiplexed(c, name); sub != "" && f.rules[name] == nil {
		v, decided := f.OfName(c.ABI, sub)
		return v, decided
	}
	v, decided := f.OfName(c.ABI, name)
	if decided {
		return v, true
	}
	mask := uint64(math.MaxUint64)
	if c.ABI == abi.I386 || c.ABI == abi.ARM {
		mask = math.MaxUint32
	}
	known = true
	for _, r := range f.rules[name] {
		holds := true
		for _, a := range r.args {
			if !c.Status.HasEnter() || format.ArgumentUnknown(c.Told, int(a.Index), c.Args[a.Index]) {
				holds, known = false, false
				continue
			}
			holds = holds && compare[a.Op](uint64(c.Args[a.Index])&mask, a.Value&mask, a.ValueTwo&mask)
		}
		if holds {
			return r.verdict, true
		}
	}
	return f.fallback, known
}

// What i386 calls through ipc, by its first argument (include/uapi/linux/ipc.h).
var ipcCalls = map[int64]string{1: "semop", 2: "semget", 3: "semctl", 4: "semtimedop", 11: "msgsnd", 12: "msgrcv", 13: "msgget", 14: "msgctl", 21: "shmat",
	22: "shmdt", 23: "shmget", 24: "shmctl"}

// multiplexed returns the call that i386 made through socketcall or ipc: libseccomp
// makes rules for both ways.
func multiplexed(c *replay.Call, name string) string {
	if c.ABI != abi.I386 || !c.Status.HasEnter() {
		return ""
	}
	if name == "socketcall" {
		call, _ := abi.SocketCallOf(c.Args[0])
		return call.Name
	}
	if name == "ipc" {
		return ipcCalls[c.Args[0]]
	}
	return ""
}
