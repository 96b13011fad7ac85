package files

import (
	"math/bits"

	"systape/format"
	"systape/format/abi"
)

// PassedOn returns the call of i386 that a socketcall is, its arguments, and what is
// told of them, as told says it of socketcall; ok is false where that is not known.
func PassedOn(args *[6]int64, told string) (call abi.SocketCall, passed [6]int64, toldOf string, ok bool) {
	call, is := abi.SocketCallOf(args[0])
	words, ok := wordsOf(told, 1)
	if !ok || !is {
		return call, passed, "", false
	}
	for i, w := range words[:call.Args] {
		passed[i] = int64(int32(uint32(w)))
	}
	if text, unknown, is := format.Argument(told, abi.PassedText); is && !unknown {
		refs := abi.RefsOf(abi.I386, call.Nr)
		if where := refs.Sockets() | refs.Pairs; where != 0 {
			toldOf = string(format.AppendArgument(nil, bits.TrailingZeros8(where), text))
		}
	}
	return call, passed, toldOf, true
}

// howOf returns what openat2 was told in memory (struct open_how,
// include/uapi/linux/openat2.h).
func howOf(told string) (flags int64, inRoot, ok bool) {
	const resolveInRoot = 0x10
	words, ok := wordsOf(told, 2)
	return int64(words[0]), words[2]&resolveInRoot != 0, ok
}
