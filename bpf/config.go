package bpf

import "time"

// Config says what is to be recorded. It is fixed at load: the verifier
// removes the code of every filter that is not used.
type Config struct {
	BufferBytes    int                 // of each CPU; a power of two, at least 64 KiB
	FilterPIDs     bool                // only processes given to AddTarget, and the launched command
	FollowChildren bool                // processes that a target starts become targets
	Comms          []string            // only threads of these names
	CommPatterns   []string            // likewise of names like these, with * for any letters; see CompilePatterns
	UIDs           []uint32            // only threads of these users
	Cgroups        []string            // only threads below these cgroup v2 directories, at most 16
	CgroupsV1      []string            // only threads below these directories of one hierarchy of cgroup v1, at most 64
	Controller     string              // of that hierarchy, such as "pids"
	Syscalls       *SyscallFilter      // nil: all
	Sample         bool                // calls are drawn by lot; see Kernel.SetShare
	SampleSeed     uint64              // the draws of a thread follow from it, the thread's id and the instant of its first call
	Failed         bool                // only calls that return an error, told at their exit
	LeastDuration  time.Duration       // only calls that last so long, told at their exit; 0: all
	Arguments      [2][TableSize]uint8 // how many arguments each call takes, native and compat
	Texts          TextRule            // when what arguments point to is read
	TextBytes      int                 // of a file name at most, from 8 to TextMax
	TextArguments  [2][TableSize]TextArguments
	SocketTexts    [SocketCalls]TextArguments // what the arguments point to that socketcall passes on, by its first: its second, fourth or fifth
	NoBTF          bool                       // use the variant for kernels without BTF even if this one has it
	Writers        *Writers                   // for tests; nil: what the kernel needs
	PartBytes      int                        // for tests: parts of buffers are no larger; 0: what the kernel allows
	RecordSelf     bool                       // for tests: the recorder's own events, too
}

// TextArguments says what the arguments of a call point to, one bit for each,
// the lowest for the first.
type TextArguments struct {
	Names     uint8 // a file name
	Addresses uint8 // a socket address, whose length is the next argument
	Messages  uint8 // a message with a socket address

	// What the call itself writes there:
	Pairs         uint8 // two descriptors
	AddressesBack uint8 // a socket address; the next argument points to its length
	MessagesBack  uint8 // a message with a socket address

	Words uint8 // arguments of 64 bits, whose length is the next argument
	Calls uint8 // the arguments of socketcall
}

func (t TextArguments) bits() (bits uint64) {
	for kind, arguments := range map[textKind]uint8{
		withBTFTextKindTEXTS_NAME:         t.Names,
		withBTFTextKindTEXTS_ADDRESS:      t.Addresses,
		withBTFTextKindTEXTS_MESSAGE:      t.Messages,
		withBTFTextKindTEXTS_PAIR:         t.Pairs,
		withBTFTextKindTEXTS_ADDRESS_BACK: t.AddressesBack,
		withBTFTextKindTEXTS_MESSAGE_BACK: t.MessagesBack,
		withBTFTextKindTEXTS_WORDS:        t.Words,
		withBTFTextKindTEXTS_CALL:         t.Calls,
	} {
		bits |= uint64(arguments) << kind
	}
	return bits
}

// textArguments are those of all calls as the constant "text_arguments".
func (c *Config) textArguments() (bits [2 * TableSize]uint64) {
	for abi := range c.TextArguments {
		for nr, t := range c.TextArguments[abi] {
			if t != (TextArguments{}) {
				bits[abi*TableSize+nr] = t.bits()
			}
		}
	}
	return bits
}

// socketTexts are SocketTexts as the constant "socket_texts".
func (c *Config) socketTexts() (bits [SocketCalls]uint64) {
	const each = 0x0101010101010101
	for what, t := range c.SocketTexts {
		all := t.bits()
		bits[what] = all>>1&each<<6 | (all>>3|all>>4)&each<<7
	}
	return bits
}

// Counted reports whether calls pass unrecorded that [Kernel.Counts] tells of.
func (c *Config) Counted() bool { return c.filters()&withBTFFilterCOUNTED != 0 }

// SyscallFilter says which numbers are recorded.
type SyscallFilter struct {
	Wanted   [2][TableSize]bool // native and compat
	Unlisted bool               // numbers of TableSize and more
	Negative bool               // number -1: exits of rt_sigreturn and of refused calls
}

func (c *Config) filters() filterBits {
	var bits filterBits
	for bit, on := range map[filterBits]bool{
		withBTFFilterFILTER_PIDS:          c.FilterPIDs,
		withBTFFilterFILTER_COMMS:         len(c.Comms) > 0,
		withBTFFilterFILTER_COMM_PATTERNS: len(c.CommPatterns) > 0,
		withBTFFilterFILTER_CGROUP_IDS:    len(c.CgroupsV1) > 0,
		withBTFFilterFILTER_SAMPLE:        c.Sample,
		withBTFFilterFILTER_FAILED:        c.Failed,
		withBTFFilterFILTER_DURATION:      c.LeastDuration > 0,
		withBTFFilterFILTER_UIDS:          len(c.UIDs) > 0,
		withBTFFilterFILTER_CGROUPS:       len(c.Cgroups) > 0,
		withBTFFilterFILTER_SYSCALLS:      c.Syscalls != nil,
		withBTFFilterFOLLOW_CHILDREN:      c.FollowChildren,
		withBTFFilterWANT_UNLISTED:        c.Syscalls != nil && c.Syscalls.Unlisted,
		withBTFFilterWANT_NEGATIVE:        c.Syscalls != nil && c.Syscalls.Negative,
	} {
		if on {
			bits |= bit
		}
	}
	return bits
}

// wanted are the calls of the filter as the bits of the constant "wanted".
func (f *SyscallFilter) wanted() (bits [2 * TableSize / 64]uint64) {
	for abi := range f.Wanted {
		for nr, want := range f.Wanted[abi] {
			if want {
				i := abi*TableSize + nr
				bits[i/64] |= 1 << (i % 64)
			}
		}
	}
	return bits
}
