package redact

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"systape/format"
	"systape/format/abi"
	"systape/replay/files"
	"systape/replay/render/decode"
)

// Redactor redacts one capture after another, or only looks at them.
type Redactor struct {
	key       Key
	opt       Options
	shift     int64
	found     Inventory
	out       *format.SymbolTable
	from      *format.SymbolTable
	comms     map[format.Symbol]format.Symbol
	boxes     map[format.Symbol]format.Symbol
	syscalls  map[format.Symbol]format.Symbol
	addresses map[uint64]int64
	classes   map[callKey]*[6]decode.Class
	drops     map[decode.Class]bool
	dropRet   bool
	rows      format.Batch
}

type callKey struct {
	abi    abi.ABI
	nr     int32
	option uint32 // of a call whose first argument says what the others are
}

// maxAddresses bounds what is remembered of blurred addresses; those beyond
// are computed again.
const maxAddresses = 1 << 18

// dropClasses are what the words of [Droppable] mean.
var dropClasses = map[string]decode.Class{"descriptors": decode.Descriptor, "identities": decode.Identity, "sizes": decode.Size,
	"constants": decode.Constant, "numbers": decode.Number}

// New returns a redactor under a key.
func New(key Key, opt Options) *Redactor {
	r := &Redactor{key: key, opt: opt, shift: key.shift(), addresses: map[uint64]int64{}, classes: map[callKey]*[6]decode.Class{},
		drops: map[decode.Class]bool{}}
	for _, d := range opt.Drop {
		if c, ok := dropClasses[d]; ok {
			r.drops[c] = true
		}
		r.dropRet = r.dropRet || d == "results"
	}
	return r
}

// Batch returns b redacted. It is valid until the next call.
func (r *Redactor) Batch(b *format.Batch) (*format.Batch, error) {
	if r.from != b.Symbols {
		r.from, r.out = b.Symbols, format.NewSymbolTable()
		r.comms, r.boxes, r.syscalls = map[format.Symbol]format.Symbol{}, map[format.Symbol]format.Symbol{}, map[format.Symbol]format.Symbol{}
	}
	o := &r.rows
	o.Symbols = r.out
	o.Reset()
	o.N = b.N
	o.Seq, o.Kind, o.CPU, o.PID, o.TID = append(o.Seq, b.Seq...), append(o.Kind, b.Kind...), append(o.CPU, b.CPU...), append(o.PID, b.PID...), append(o.TID, b.TID...)
	o.ABI, o.Nr, o.Ret, o.Detail = append(o.ABI, b.ABI...), append(o.Nr, b.Nr...), append(o.Ret, b.Ret...), append(o.Detail, b.Detail...)
	for k := range o.Args {
		o.Args[k] = append(o.Args[k], b.Args[k]...)
	}
	for i := range b.N {
		ts, err := r.time(b.TS[i])
		if err != nil {
			return nil, fmt.Errorf("seq %d: %w", b.Seq[i], err)
		}
		o.TS = append(o.TS, ts)
		o.Comm = append(o.Comm, r.symbol(r.comms, b.Comm[i], "names of threads", r.comm))
		o.Container = append(o.Container, r.symbol(r.boxes, b.Container[i], "containers", r.container))
		o.Syscall = append(o.Syscall, r.symbol(r.syscalls, b.Syscall[i], "", func(s string) string { return s }))
		if err := r.row(o, i); err != nil {
			return nil, fmt.Errorf("seq %d: %w", b.Seq[i], err)
		}
	}
	return o, nil
}

func (r *Redactor) time(ns int64) (int64, error) {
	if ns > math.MaxInt64-r.shift {
		return 0, fmt.Errorf("a time of %d ns is too near the end of time to be shifted", ns)
	}
	return ns + r.shift, nil
}

func (r *Redactor) symbol(seen map[format.Symbol]format.Symbol, s format.Symbol, kind string, f func(string) string) format.Symbol {
	to, ok := seen[s]
	if !ok {
		name := r.from.String(s)
		new := f(name)
		if kind != "" {
			r.found.add(kind, name, new)
		}
		to = r.out.InternString(new)
		seen[s] = to
	}
	return to
}

// timesOf are the arguments that are capture times, by kind of row.
var timesOf = map[format.Kind][]int{
	format.Lost:  {format.LostFirst, format.LostLast},
	format.Mark:  {format.MarkFirst, format.MarkLast},
	format.Count: {format.CountFirst, format.CountLast},
}

// row redacts row i but for its names.
func (r *Redactor) row(b *format.Batch, i int) (err error) {
	switch kind := b.Kind[i]; kind {
	case format.Enter:
		r.enter(b, i)
	case format.Exit:
		if b.Args[format.ExitEntered][i] != 0 { // the enter's row tells
			if b.Args[format.ExitEntered][i], err = r.time(b.Args[format.ExitEntered][i]); err != nil {
				return err
			}
		}
		r.exit(b, i)
	case format.Exec, format.FD:
		kind, text := r.text(format.UnescapeText(b.Detail[i]))
		if kind != "" && b.Kind[i] == format.Exec {
			kind = "executed files"
		}
		r.found.add(kind, b.Detail[i], text)
		b.Detail[i] = format.EscapeText(text)
	default:
		for _, k := range timesOf[kind] {
			if b.Args[k][i], err = r.time(b.Args[k][i]); err != nil {
				return err
			}
		}
		if b.Detail[i] != "" {
			b.Detail[i] = r.part(b.Detail[i])
		}
	}
	return nil
}

func (r *Redactor) enter(b *format.Batch, i int) {
	var args [6]int64
	for k := range args {
		args[k] = b.Args[k][i]
	}
	told := b.Detail[i]
	var detail []byte
	classes, refs := r.classesOf(b.ABI[i], b.Nr[i], &args), abi.RefsOf(b.ABI[i], b.Nr[i])
	for k := range args {
		text, unknown, is := "", false, false
		if told != "" {
			text, unknown, is = format.Argument(told, k)
		}
		detail = r.descriptor(detail, told, k)
		switch {
		case unknown:
			detail = format.AppendUnknownArgument(detail, k)
			continue
		case is && refs.Calls>>k&1 == 1:
			detail = r.passedOn(detail, &args, told, k)
		case is && refs.Words>>k&1 == 1:
			detail = format.AppendArgument(detail, k, r.words(b.ABI[i], b.Nr[i], text))
		case is:
			detail = format.AppendArgument(detail, k, r.replaced(text))
		case r.drops[classes[k]] || classes[k] == decode.Unknown && args[k] != 0:
			b.Args[k][i] = 0
			detail = format.AppendUnknownArgument(detail, k)
			continue
		}
		if args[k] != 0 {
			b.Args[k][i] = r.argument(b.ABI[i], b.Nr[i], &args, k, classes[k])
		}
	}
	b.Detail[i] = string(detail)
}

// descriptor appends what is told of the descriptor in argument k.
func (r *Redactor) descriptor(detail []byte, told string, k int) []byte {
	if name, is := format.Descriptor(told, k); is {
		return format.AppendDescriptor(detail, k, r.replaced(name))
	}
	return detail
}

// words is what may be told of arguments in memory: flags, not the addresses
// that clone3 has among them (struct clone_args, include/uapi/linux/sched.h).
func (r *Redactor) words(a abi.ABI, nr int32, text string) string {
	words, n, ok := format.Words(text)
	if !ok {
		return r.replaced(text)
	}
	if name, _ := abi.Name(a, nr); name == "clone3" {
		words[1], words[2], words[3] = 0, 0, 0
	}
	return string(format.AppendWords(nil, words[:n]))
}

// passedOn appends what may be told of the arguments that socketcall has in memory:
// of each what may be told where the call has it in a register. Of a call that is
// not known nothing is.
func (r *Redactor) passedOn(detail []byte, args *[6]int64, told string, k int) []byte {
	call, passed, _, ok := files.PassedOn(args, told)
	if !ok {
		return detail
	}
	var words [6]uint64
	for i := range passed {
		passed[i] = int64(uint32(passed[i])) // as in a register of i386
	}
	classes := r.classesOf(abi.I386, call.Nr, &passed)
	for i := range words[:call.Args] {
		if passed[i] != 0 && !r.drops[classes[i]] && classes[i] != decode.Unknown {
			words[i] = uint64(uint32(r.argument(abi.I386, call.Nr, &passed, i, classes[i])))
		}
	}
	return format.AppendArgument(detail, k, string(format.AppendWords(nil, words[:])))
}

// replaced is the pseudonym of a text, which is entered into what was found.
func (r *Redactor) replaced(text string) string {
	kind, new := r.text(text)
	r.found.add(kind, text, new)
	return new
}

func (r *Redactor) classesOf(a abi.ABI, nr int32, args *[6]int64) *[6]decode.Class {
	key := callKey{abi: a, nr: nr}
	name, _ := abi.Name(a, nr)
	ids, some := identified[name]
	if some || decode.HasOptions(a, nr) {
		key.option = uint32(args[0])
	}
	c := r.classes[key]
	if c == nil {
		c = new([6]decode.Class)
		for k := range c {
			c[k] = decode.ClassOf(a, nr, args, k)
		}
		for _, id := range ids {
			if id.option == key.option || id.option == anyOption {
				c[id.argument] = decode.Identity
			}
		}
		if len(r.classes) < 1<<14 {
			r.classes[key] = c
		}
	}
	return c
}

// argument is the register as it may be given away. Half a register that the
// kernel does not look at may hold anything, and is not kept.
func (r *Redactor) argument(a abi.ABI, nr int32, args *[6]int64, k int, c decode.Class) int64 {
	v := args[k]
	switch c {
	case decode.Address:
		return r.blur(a, v)
	case decode.Identity:
		if looksLikeAddress(a, v) {
			return r.blur(a, v)
		}
		return r.identity(decode.Value(a, nr, args, k))
	}
	v = decode.Value(a, nr, args, k)
	if name, _ := abi.Name(a, nr); looksLikeAddress(a, v) || c == decode.Number && slices.Contains(mayPoint, name) && (v >= 1<<22 || v < -4096) {
		return r.blur(a, v)
	}
	return v
}

// mayPoint are the calls that take numbers or addresses, as another argument says;
// no number of theirs that means something elsewhere comes to 4 Mi.
var mayPoint = []string{"prctl", "ptrace", "semctl", "fcntl", "fcntl64", "sysfs", "keyctl"}

// looksLikeAddress reports whether a number of a 64-bit call may be the address
// of something: no flag, descriptor or size is that large, and small negative
// numbers are what they seem.
func looksLikeAddress(a abi.ABI, v int64) bool {
	return a != abi.I386 && a != abi.ARM && (v >= 1<<40 || v < -1<<31)
}

// blur maps addresses to addresses, one to one: what was the same stays the
// same, and nothing else can be told from it.
func (r *Redactor) blur(a abi.ABI, v int64) int64 {
	if v == 0 || v == -1 {
		return v
	}
	u := uint64(v)
	r.found.Addresses++
	if new, ok := r.addresses[u]; ok {
		return new
	}
	var new int64
	switch {
	case a == abi.I386 || a == abi.ARM || u <= math.MaxUint32:
		new = int64(r.walk("address32", u&math.MaxUint32, 16, math.MaxUint32))
	case u < 1<<48:
		new = int64(r.walk("address48", u, 24, 1<<48-1))
	default:
		new = int64(r.walk("address64", u, 32, math.MaxUint64-1))
	}
	if len(r.addresses) < maxAddresses {
		r.addresses[u] = new
	}
	return new
}

// walk permutes until the result may stand for an address: 0 and -1 have a
// meaning of their own.
func (r *Redactor) walk(sort string, v uint64, half uint, most uint64) uint64 {
	for {
		if v = r.key.permute(sort, v, half); v != 0 && v <= most {
			return v
		}
	}
}

// identity is the pseudonym of a user or group: those of the system stay.
func (r *Redactor) identity(v int64) int64 {
	if v < 1000 || v >= 65534 && v <= 65535 || v == math.MaxUint32 {
		return v
	}
	new := int64(r.walkID(uint64(v)))
	r.found.add("users and keys", fmt.Sprint(v), fmt.Sprint(new))
	return new
}

func (r *Redactor) walkID(v uint64) uint64 {
	for {
		if v = r.key.permute("identity", v&math.MaxUint32, 16); v >= 1000 && v < math.MaxInt32 && v != 65534 && v != 65535 {
			return v
		}
	}
}

// returnsAddress are the calls whose result is an address; restart codes and
// errors stay what they are.
var returnsAddress = []string{"mmap", "mmap2", "brk", "mremap", "shmat"}

// returnsID are the calls whose result is a user, a group or a key.
var returnsID = []string{"getuid", "geteuid", "getgid", "getegid", "setfsuid", "setfsgid", "getuid32", "geteuid32", "getgid32", "getegid32",
	"setfsuid32", "setfsgid32", "add_key", "request_key", "keyctl"}

// identified are the arguments that are a user, a group or a key for one value of
// the first argument (include/uapi/linux/resource.h, ioprio.h, ipc.h, keyctl.h at 6.12).
var identified = map[string][]struct {
	option   uint32
	argument int
}{
	"getpriority": {{2, 1}}, "setpriority": {{2, 1}}, // PRIO_USER
	"ioprio_get": {{3, 1}}, "ioprio_set": {{3, 1}}, // IOPRIO_WHO_USER
	"ipc":      {{2, 1}, {13, 1}, {23, 1}}, // SEMGET, MSGGET, SHMGET
	"quotactl": {{anyOption, 2}}, "quotactl_fd": {{anyOption, 2}},
	"keyctl": {{anyOption, 1}, {4, 2}, {4, 3}, {8, 2}, {9, 2}, {22, 2}, {28, 2}, {28, 3}}, // CHOWN, LINK, UNLINK, GET_PERSISTENT, MOVE
}

const anyOption = math.MaxUint32

// pairingNeeds are the calls whose result tells threads apart.
var pairingNeeds = []string{"clone", "clone3", "fork", "vfork", "execve", "execveat"}

func (r *Redactor) exit(b *format.Batch, i int) {
	ret, name := b.Ret[i], r.out.String(b.Syscall[i])
	if b.Detail[i] != "" {
		b.Detail[i] = r.returned(b.Detail[i])
	}
	failed := ret < 0 && ret >= -4095
	switch {
	case failed:
	case slices.Contains(returnsID, name):
		b.Ret[i] = r.identity(ret)
	case name == "time":
		b.Ret[i] = ret + r.shift/1e9
	case name == "times": // since the machine began, or nearly so: its own way to tell the time
		b.Ret[i], b.Detail[i] = 0, format.UnknownResult
	case b.Nr[i] < 0 && (ret < -4095 || ret > 4095): // what a signal's handler gives back: a register of the program
		b.Ret[i] = r.blur(b.ABI[i], ret)
	case slices.Contains(returnsAddress, name) || looksLikeAddress(b.ABI[i], ret):
		b.Ret[i] = r.blur(b.ABI[i], ret)
	case r.dropRet && !slices.Contains(pairingNeeds, name):
		b.Ret[i], b.Detail[i] = 0, format.UnknownResult
	}
}

// returned is the detail of an exit: what arguments pointed to when the call
// returned, and what is told of the result.
func (r *Redactor) returned(told string) string {
	var detail []byte
	for k := range 6 {
		text, unknown, is := format.Argument(told, k)
		_, _, pair := files.Pair(text)
		switch {
		case unknown, pair && r.drops[decode.Descriptor]:
			detail = format.AppendUnknownArgument(detail, k)
		case pair:
			detail = format.AppendArgument(detail, k, text)
		case is:
			detail = format.AppendArgument(detail, k, r.replaced(text))
		}
	}
	detail = r.descriptor(detail, told, format.Result)
	for line := range strings.SplitSeq(told, "\n") {
		text, is := strings.CutPrefix(line, "ret=")
		if !is {
			continue
		}
		if line != format.UnknownResult {
			line = "ret=" + format.EscapeText(r.replaced(format.UnescapeText(text)))
		}
		if len(detail) > 0 {
			detail = append(detail, '\n')
		}
		detail = append(detail, line...)
	}
	return string(detail)
}
