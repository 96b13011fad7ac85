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
	for i, a := range [2]abi.ABI{nativeABI(), compatABI()} {
		for nr := range texts[i] {
			texts[i][nr] = textsOf(a, int32(nr), 6)
		}
	}
	if nativeABI() == abi.X86_64 {
		for nr := int32(512); nr < 548; nr++ {
			texts[0][nr] = textsOf(abi.X32, nr|0x40000000, 6)
		}
	}
	return texts
}

// textsOf says what the first arguments of a call point to, n of them.
func textsOf(a abi.ABI, nr int32, n int) bpf.TextArguments {
	r, first := abi.RefsOf(a, nr), uint8(1)<<n-1
	return bpf.TextArguments{
		Names: (r.Paths | r.Names) & first, Addresses: r.Addresses & first, Messages: r.Messages & first,
		Pairs: r.Pairs & first, AddressesBack: r.AddressesBack & first, MessagesBack: r.MessagesBack & first,
		Words: r.Words & first, Calls: r.Calls & first,
	}
}

// socketTexts says of every call of socketcall what the arguments point to that it passes on.
func socketTexts() (texts [bpf.SocketCalls]bpf.TextArguments) {
	if compatABI() != abi.I386 {
		return texts
	}
	for what := range texts {
		if call, ok := abi.SocketCallOf(int64(what)); ok {
			texts[what] = textsOf(abi.I386, call.Nr, call.Args)
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
