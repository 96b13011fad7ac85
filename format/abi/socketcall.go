package abi

import "sync"

// What socketcall of i386 calls by its first argument (include/uapi/linux/net.h, SYS_SOCKET…).
var socketCalls = []string{1: "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername", "socketpair", "send", "recv",
	"sendto", "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg"}

// Calls that i386 has not by itself do what these do where the last arguments are 0.
var sameSocketCall = map[string]string{"accept": "accept4", "send": "sendto", "recv": "recvfrom"}

// How many arguments calls take of the six that those have which do the same.
var fewerSocketArgs = map[string]int{"accept": 3, "send": 4, "recv": 4}

// SocketCall is what a socketcall of i386 does.
type SocketCall struct {
	Name string // such as "connect"; "send", which i386 has not by itself, too
	Nr   int32  // of the call of i386 that does the same
	Args int    // how many it takes of those in memory
}

var socketCallTable = sync.OnceValue(func() []SocketCall {
	table := make([]SocketCall, len(socketCalls))
	for what, name := range socketCalls {
		same := name
		if s := sameSocketCall[name]; s != "" {
			same = s
		}
		nr, ok := Number(I386, same)
		if !ok {
			continue
		}
		args := NumArgs(I386, nr)
		if few, is := fewerSocketArgs[name]; is {
			args = few
		}
		table[what] = SocketCall{name, nr, args}
	}
	return table
})

// SocketCallOf returns what a socketcall does whose first argument is what; ok is
// false for a number that it does not take.
func SocketCallOf(what int64) (c SocketCall, ok bool) {
	table := socketCallTable()
	if what < 1 || what >= int64(len(table)) || table[what].Name == "" {
		return SocketCall{}, false
	}
	return table[what], true
}

// PassedText is the argument as which the detail of a socketcall tells what its
// arguments in memory point to: it takes two itself.
const PassedText = 2
