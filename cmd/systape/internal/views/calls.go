package views

import (
	"io"
	"slices"
	"strconv"

	"systape/cmd/systape/internal/out"
	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/render/decode"
)

// CallFields is the calls table. Its time is what the clock of the recorded
// machine showed.
func CallFields(names *format.SymbolTable, wall format.WallClock) []out.Field[replay.Call] {
	type call = replay.Call
	n := newCallNames(names)
	delta := func(f out.Field[call]) out.Field[call] { f.Delta = true; return f }
	fields := []out.Field[call]{
		delta(out.Int("start_ns", func(c *call) int64 { return c.StartNS })),
		out.Int("dur_ns", func(c *call) int64 { return c.DurNS }),
		delta(out.Time("time", func(c *call) int64 { return wall.At(c.StartNS) })),
		out.Int32("pid", func(c *call) int64 { return int64(c.PID) }),
		out.Int32("tid", func(c *call) int64 { return int64(c.TID) }),
		out.Symbol("comm", func(c *call) format.Symbol { return c.Comm }),
		out.Symbol("container", func(c *call) format.Symbol { return c.Container }),
		out.Symbol("syscall", func(c *call) format.Symbol { return c.Syscall }),
		out.Symbol("abi", func(c *call) format.Symbol { return n.abis[c.ABI] }),
		out.Int32("nr", func(c *call) int64 { return int64(c.Nr) }),
		callArg(0), callArg(1), callArg(2), callArg(3), callArg(4), callArg(5), callRet(),
		out.Symbol("errno", n.errno),
		out.Symbol("status", func(c *call) format.Symbol { return n.statuses[c.Status] }),
		out.Int32("cpu_enter", func(c *call) int64 { return int64(c.CPUEnter) }),
		out.Int32("cpu_exit", func(c *call) int64 { return int64(c.CPUExit) }),
		delta(out.Int("enter_seq", func(c *call) int64 { return c.EnterSeq })),
		delta(out.Int("exit_seq", func(c *call) int64 { return c.ExitSeq })),
		out.Text("detail", callDetail),
		out.Int("continues", func(c *call) int64 { return c.Continues }),
		fdPathField(itself), pathField("path", 0, itself), pathField("path2", 1, itself),
	}
	fields[0].Sorted = true // what NewCalls is given is in the order of starts
	for i := range fields {
		fields[i].Stats = true // whatever people filter by, readers can skip row groups
	}
	return fields
}

// fdPathField is the column of what the call's first descriptor stands for.
func fdPathField[T any](of func(*T) *replay.Call) out.Field[T] {
	return out.Text("fd_path", func(r *T) string {
		if f := of(r).Files.Descriptor(); f != nil {
			return f.Name
		}
		return ""
	})
}

// pathField is the column of a path or socket address among the arguments.
func pathField[T any](name string, i int, of func(*T) *replay.Call) out.Field[T] {
	return out.Text(name, func(r *T) string {
		if n := of(r).Files; n != nil {
			return n.Paths[i]
		}
		return ""
	})
}

// argField is the column of an argument, as the kernel takes it.
func argField[T any](i int, of func(*T) *replay.Call) out.Field[T] {
	f := out.Int("arg"+strconv.Itoa(i), func(r *T) int64 { c := of(r); return decode.Value(c.ABI, c.Nr, &c.Args, i) })
	f.Unknown = func(r *T) bool { c := of(r); return c.Told != "" && format.ArgumentUnknown(c.Told, i, c.Args[i]) }
	return f
}

// retField is the column of what a call returned.
func retField[T any](of func(*T) *replay.Call) out.Field[T] {
	f := out.Int("ret", func(r *T) int64 { return of(r).Ret })
	f.Unknown = func(r *T) bool { c := of(r); return c.ExitSeq >= 0 && !c.HasResult() }
	return f
}

// callArg and callRet are argField and retField of the calls table, which has
// more rows than any other.
func callArg(i int) out.Field[replay.Call] {
	f := argField(i, itself)
	f.Fill = func(values []int64, rows []replay.Call) {
		for k := range values {
			c := &rows[k]
			values[k] = decode.Value(c.ABI, c.Nr, &c.Args, i)
			if c.Told != "" && format.ArgumentUnknown(c.Told, i, c.Args[i]) {
				values[k] = 0
			}
		}
	}
	return f
}

func callRet() out.Field[replay.Call] {
	f := retField(itself)
	f.Fill = func(values []int64, rows []replay.Call) {
		for k := range values {
			c := &rows[k]
			values[k] = c.Ret
			if c.Status != replay.OK && f.Unknown(c) || c.NoRet {
				values[k] = 0
			}
		}
	}
	return f
}

func itself(c *replay.Call) *replay.Call { return c }

// callDetail is what is known of a call beside numbers: what its exit or its
// exec told, and otherwise the texts of its arguments.
func callDetail(c *replay.Call) string {
	if c.Detail != "" {
		return c.Detail
	}
	return c.Told
}

// NewCalls begins a calls table in one of the forms of out.Records, with meta as
// its metadata.
func NewCalls(w io.Writer, form string, c Capture, meta map[string]string) (*out.Records[replay.Call], error) {
	calls, _, err := NewCallsFrom(w, form, c, meta)
	return calls, err
}

// NewCallsFrom is NewCalls, and of [Machines] the table has columns that tell of which machine and recording each
// call is; from is called with the number of the recording before its calls.
func NewCallsFrom(w io.Writer, form string, c Capture, meta map[string]string) (calls *out.Records[replay.Call], from func(recording int), err error) {
	of, names := []*format.Meta{c.Meta()}, c.Symbols()
	fields := CallFields(names, c.Meta().Clock.Wall())
	if several, is := c.(Machines); is {
		of = several.Each()
	}
	now := 0
	if len(of) > 1 {
		column := func(name string, value func(*format.Meta) string) out.Field[replay.Call] {
			symbols := make([]format.Symbol, len(of))
			for i, m := range of {
				symbols[i] = names.InternString(value(m))
			}
			f := out.Symbol(name, func(*replay.Call) format.Symbol { return symbols[now] })
			f.Stats = true
			return f
		}
		fields = append(fields, column("node", func(m *format.Meta) string { return m.Host.Name }), column("capture", func(m *format.Meta) string { return m.CaptureID }))
	}
	untimed := make([]bool, len(of))
	for i, m := range of {
		untimed[i] = !replay.Timed(m)
	}
	if slices.Contains(untimed, true) {
		for i := range fields {
			if fields[i].Name == "dur_ns" {
				fields[i].Unknown = func(*replay.Call) bool { return untimed[now] }
			}
		}
	}
	calls, err = out.NewRecords(w, form, fields, out.Document{Name: "calls", Meta: meta, Symbols: names})
	return calls, func(recording int) { now = recording }, err
}

// callNames are the Symbols of what is a number in a call.
type callNames struct {
	names    *format.SymbolTable
	statuses [replay.NumStatuses]format.Symbol
	abis     []format.Symbol // by abi.ABI
	errnos   map[errnoKey]format.Symbol
}

type errnoKey struct {
	abi   abi.ABI
	errno int
}

func newCallNames(names *format.SymbolTable) *callNames {
	n := &callNames{names: names, abis: make([]format.Symbol, 256), errnos: map[errnoKey]format.Symbol{}}
	for s := range n.statuses {
		n.statuses[s] = names.InternString(replay.Status(s).String())
	}
	for _, a := range abi.All() {
		n.abis[a] = names.InternString(a.String())
	}
	return n
}

func (n *callNames) errno(c *replay.Call) format.Symbol {
	e := c.Errno()
	if e == 0 {
		return 0
	}
	key := errnoKey{c.ABI, e}
	s, ok := n.errnos[key]
	if !ok {
		s = n.names.InternString(ErrnoName(c))
		n.errnos[key] = s
	}
	return s
}

// ErrnoName is how a failed call's error is told: its name, or its number if
// it has none; "" if it did not fail.
func ErrnoName(c *replay.Call) string {
	e := c.Errno()
	if e == 0 {
		return ""
	}
	if n := abi.ErrnoName(c.ABI, e); n != "" {
		return n
	}
	return strconv.Itoa(e)
}
