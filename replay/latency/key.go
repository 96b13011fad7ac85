package latency

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/files"
)

// Key is one property that calls are grouped by.
type Key uint8

// The keys. ByCPU is the CPU of the enter, because a call that slept may
// return on another. ByErrno groups by the error that the call returned,
// successes together; ByPath and ByFDType by what the call is about, see
// [files.Named.Path] and [files.Named.Type]; ByNode by the machine, which is
// that of Options.Nodes that was last told with From.
const (
	BySyscall Key = iota
	ByPID
	ByTID
	ByComm
	ByContainer
	ByErrno
	ByCPU
	ByABI
	ByStatus
	ByPath
	ByFDType
	ByNode
	numKeys
)

var keyNames = [numKeys]string{"syscall", "pid", "tid", "comm", "container", "errno", "cpu", "abi", "status", "path", "fd-type", "node"}

// String returns the column name of the key, such as "syscall".
func (k Key) String() string {
	if k < numKeys {
		return keyNames[k]
	}
	return "unknown"
}

// KeyNames lists the names of all keys, in the order that tables show them.
func KeyNames() []string { return slices.Clone(keyNames[:]) }

// ParseKeys reads names of keys. Their order is kept; a name may not occur twice.
func ParseKeys(names []string) ([]Key, error) {
	var keys []Key
	for _, n := range names {
		n = strings.TrimSpace(n)
		i := slices.Index(keyNames[:], n)
		if i < 0 {
			return nil, fmt.Errorf("unknown key %q; there are %s", n, strings.Join(keyNames[:], ", "))
		}
		if slices.Contains(keys, Key(i)) {
			return nil, fmt.Errorf("key %q given twice", n)
		}
		keys = append(keys, Key(i))
	}
	return keys, nil
}

// packed is the value of every key of one call; keys that are not grouped by
// are zero.
type packed [5]uint64

// keyer packs the keys of calls: all properties are put in their place and
// those not asked for are masked off, without a branch for each.
type keyer struct {
	mask  packed
	errno bool
	files bool
	paths *pathTable // nil: not grouped by path
	nodes []string   // Options.Nodes
	node  uint64     // number in it of the machine whose calls come
}

func newKeyer(by []Key, waits bool, nodes []string) keyer {
	const high, low = 0xffffffff << 32, 0xffffffff
	place := [numKeys]packed{
		BySyscall: {0: high}, ByComm: {0: low}, ByPID: {1: high}, ByTID: {1: low}, ByContainer: {2: high}, ByCPU: {2: low},
		ByErrno: {3: high}, ByABI: {3: 0xff << 16}, ByStatus: {3: 0xff << 8},
		ByPath: {4: high}, ByNode: {4: 0xffffff << 8}, ByFDType: {4: 0xff},
	}
	k := keyer{nodes: nodes}
	for _, b := range by {
		for i := range k.mask {
			k.mask[i] |= place[b][i]
		}
		k.errno = k.errno || b == ByErrno
		k.files = k.files || b == ByPath || b == ByFDType
		if b == ByPath {
			k.paths = newPathTable()
		}
	}
	if waits {
		k.mask[3] |= 0xff
	}
	return k
}

func (k *keyer) pack(c *replay.Call, waits bool) packed {
	w := uint64(c.ABI)<<16 | uint64(c.Status)<<8
	if waits {
		w |= 1
	}
	if k.errno {
		w |= uint64(c.Errno()) << 32
	}
	about := k.node << 8
	if k.files {
		about |= uint64(c.Files.Type())
		if k.paths != nil {
			about |= uint64(k.paths.number(c.Files.Path())) << 32
		}
	}
	return packed{
		(uint64(c.Syscall)<<32 | uint64(c.Comm)) & k.mask[0],
		(uint64(uint32(c.PID))<<32 | uint64(uint32(c.TID))) & k.mask[1],
		(uint64(c.Container)<<32 | uint64(uint32(c.CPUEnter))) & k.mask[2],
		w & k.mask[3],
		about & k.mask[4],
	}
}

// Values are the properties that the calls of a group share. Only those that
// were grouped by are set.
type Values struct {
	Syscall   string
	PID, TID  int32
	Comm      string
	Container string
	Errno     string // name of the error, "" for success
	CPU       int32
	ABI       abi.ABI
	Status    replay.Status
	Path      string // "" when it is not known, or the call is about none
	FDType    files.Type
	Node      string // "" when the capture does not tell
}

// values returns what p was packed of.
func (k *keyer) values(p *packed, names *format.SymbolTable) Values {
	v := Values{
		Syscall: names.String(format.Symbol(p[0] >> 32)), Comm: names.String(format.Symbol(p[0])),
		PID: int32(p[1] >> 32), TID: int32(p[1]),
		Container: names.String(format.Symbol(p[2] >> 32)), CPU: int32(p[2]),
		ABI: abi.ABI(p[3] >> 16), Status: replay.Status(p[3] >> 8),
		FDType: files.Type(p[4]),
	}
	if n := p[4] >> 8 & 0xffffff; n < uint64(len(k.nodes)) {
		v.Node = k.nodes[n]
	}
	if k.paths != nil {
		v.Path = k.paths.texts[p[4]>>32]
	}
	if e := int(p[3] >> 32); e != 0 {
		v.Errno = abi.ErrnoName(v.ABI, e)
	}
	return v
}

// Of returns the value of one key: a string, or an int64 for pid, tid and cpu.
func (v *Values) Of(k Key) any {
	switch k {
	case BySyscall:
		return v.Syscall
	case ByPID:
		return int64(v.PID)
	case ByTID:
		return int64(v.TID)
	case ByComm:
		return v.Comm
	case ByContainer:
		return v.Container
	case ByErrno:
		return v.Errno
	case ByCPU:
		return int64(v.CPU)
	case ByABI:
		return v.ABI.String()
	case ByStatus:
		return v.Status.String()
	case ByPath:
		return v.Path
	case ByFDType:
		return v.FDType.String()
	case ByNode:
		return v.Node
	}
	return ""
}

// index numbers packed keys from 0 in the order of their first occurrence. It
// is an open-addressing table of 8 bytes a slot, because a map costs more
// than all the rest of the work on a call.
type index struct {
	slots []uint64 // hash<<32 | number+1; 0 is free
	keys  []packed
	last  int // number of the key found last: calls come in runs
}

func hash(k *packed) uint64 {
	h1, l1 := bits.Mul64(k[0]^0x9e3779b97f4a7c15, k[1]^0xbf58476d1ce4e5b9)
	h2, l2 := bits.Mul64(k[2]^0x94d049bb133111eb, k[3]^0xd6e8feb86659fd93)
	h := h1 ^ l1 ^ bits.RotateLeft64(h2^l2, 29) ^ k[4]*0xd6e8feb86659fd93
	return h ^ h>>32
}

// find returns the number of k. It is len(x.keys)-1 after the call and fresh
// is true if k is new.
func (x *index) find(k packed) (n int, fresh bool) {
	if x.last < len(x.keys) && x.keys[x.last] == k {
		return x.last, false
	}
	if len(x.keys)*4 >= len(x.slots)*3 {
		x.grow()
	}
	h := hash(&k)
	mask := uint64(len(x.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := x.slots[i]
		if s == 0 {
			x.slots[i] = h<<32 | uint64(len(x.keys)+1)
			x.keys = append(x.keys, k)
			x.last = len(x.keys) - 1
			return x.last, true
		}
		if s>>32 == h&0xffffffff && x.keys[uint32(s)-1] == k {
			x.last = int(uint32(s) - 1)
			return x.last, false
		}
	}
}

func (x *index) grow() {
	x.slots = make([]uint64, max(64, 2*len(x.slots)))
	mask := uint64(len(x.slots) - 1)
	for n := range x.keys {
		h := hash(&x.keys[n])
		i := h & mask
		for x.slots[i] != 0 {
			i = (i + 1) & mask
		}
		x.slots[i] = h<<32 | uint64(n+1)
	}
}

// has returns the number of k without adding it.
func (x *index) has(k packed) (int, bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	h := hash(&k)
	mask := uint64(len(x.slots) - 1)
	for i := h & mask; x.slots[i] != 0; i = (i + 1) & mask {
		if s := x.slots[i]; s>>32 == h&0xffffffff && x.keys[uint32(s)-1] == k {
			return int(uint32(s) - 1), true
		}
	}
	return 0, false
}

func (x *index) reset() {
	clear(x.slots)
	x.keys, x.last = x.keys[:0], 0
}
