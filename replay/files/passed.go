package files

import (
	"sync"

	"systape/format/abi"
)

// What socketcall of i386 calls by its first argument (include/uapi/linux/net.h,
// SYS_SOCKET…); calls that i386 has not by itself are those that do the same
// where the last arguments are 0.
var socketCalls = []string{1: "socket", "bind", "connect", "listen", "accept4", "getsockname", "getpeername", "socketpair", "sendto", "recvfrom",
	"sendto", "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg"}

// Of accept, send and recv, how many arguments there are.
var fewer = map[int64]int{5: 3, 9: 4, 10: 4}

var socketCallNumbers = sync.OnceValue(func() (numbers []int32) {
	for _, name := range socketCalls {
		nr, ok := abi.Number(abi.I386, name)
		if !ok {
			nr = -1
		}
		numbers = append(numbers, nr)
	}
	return numbers
})

// passedOn returns the number and the arguments of the call that a socketcall
// is; ok is false where that is not known. What its arguments point to is not.
func passedOn(args *[6]int64, told string) (nr int32, passed [6]int64, ok bool) {
	what := args[0]
	if what < 1 || what >= int64(len(socketCalls)) {
		return 0, passed, false
	}
	words, ok := wordsOf(told, 1)
	if nr = socketCallNumbers()[what]; !ok || nr < 0 {
		return 0, passed, false
	}
	n, few := fewer[what]
	for i, w := range words {
		if !few || i < n {
			passed[i] = int64(int32(uint32(w)))
		}
	}
	return nr, passed, true
}

// howOf returns what openat2 was told in memory (struct open_how,
// include/uapi/linux/openat2.h).
func howOf(told string) (flags int64, inRoot, ok bool) {
	const resolveInRoot = 0x10
	words, ok := wordsOf(told, 2)
	return int64(words[0]), words[2]&resolveInRoot != 0, ok
}
