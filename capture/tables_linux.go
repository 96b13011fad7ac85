package capture

import (
	"fmt"
	"os"
	"runtime"

	"systape/bpf"
	"systape/format/abi"
)

func argumentCounts() (counts [2][bpf.TableSize]uint8) {
	tables := [2]abi.ABI{nativeABI(), compatABI()}
	for i, a := range tables {
		for nr := range counts[i] {
			counts[i][nr] = uint8(abi.NumArgs(a, int32(nr)))
		}
	}
	if nativeABI() == abi.X86_64 {
		// The calls that only x32 has stand above those of x86_64.
		for nr := int32(512); nr < 548; nr++ {
			counts[0][nr] = uint8(abi.NumArgs(abi.X32, nr|0x40000000))
		}
	}
	return counts
}

// textArguments says of every call what its arguments point to.
func textArguments() (texts [2][bpf.TableSize]bpf.TextArguments) {
	of := func(a abi.ABI, nr int32) bpf.TextArguments {
		r := abi.RefsOf(a, nr)
		return bpf.TextArguments{
			Names: r.Paths | r.Names, Addresses: r.Addresses, Messages: r.Messages,
			Pairs: r.Pairs, AddressesBack: r.AddressesBack, MessagesBack: r.MessagesBack,
			Words: r.Words, Calls: r.Calls,
		}
	}
	for i, a := range [2]abi.ABI{nativeABI(), compatABI()} {
		for nr := range texts[i] {
			texts[i][nr] = of(a, int32(nr))
		}
	}
	if nativeABI() == abi.X86_64 {
		for nr := int32(512); nr < 548; nr++ {
			texts[0][nr] = of(abi.X32, nr|0x40000000)
		}
	}
	return texts
}

func compatABI() abi.ABI {
	if nativeABI() == abi.ARM64 {
		return abi.ARM
	}
	return abi.I386
}

func syscallFilter(set *abi.Set) *bpf.SyscallFilter {
	f := &bpf.SyscallFilter{}
	for i, a := range [2]abi.ABI{nativeABI(), compatABI()} {
		for nr := range f.Wanted[i] {
			f.Wanted[i][nr] = set.Has(a, int32(nr))
		}
	}
	// The kernel side does not tell apart what is beyond its tables.
	f.Unlisted = set.HasUnlisted(nativeABI())
	// The exit of rt_sigreturn shows no number on x86 (arch/x86/kernel/signal_64.c,
	// restore_sigcontext: orig_ax = -1).
	f.Negative = set.HasNegative(nativeABI()) || set.HasName("rt_sigreturn")
	return f
}

func possibleCPUs() int {
	var first, last int
	text, err := os.ReadFile("/sys/devices/system/cpu/possible")
	if err != nil {
		return runtime.NumCPU()
	}
	if n, _ := fmt.Sscanf(string(text), "%d-%d", &first, &last); n == 2 {
		return last + 1
	}
	return first + 1
}
