package files_test

import (
	"testing"

	"systape/format/abi"
	"systape/replay/files"
)

// What a socket is called, call by call.
func TestSocketsHaveTheAddressesThatCallsTell(t *testing.T) {
	m := newMachine(t, 1)
	const tid = 10
	for _, step := range []struct {
		call, told string // told: of the enter, or where the kernel writes it, of the exit
		ret        int64
		args       []int64
		about      string // what the call is about
		want       string // what descriptor 3, or the one that the call returned, is called then
	}{
		{"socket", "", 3, []int64{2, 1, 0}, "", "TCP"},
		{"bind", "1=127.0.0.1:0", 0, []int64{3, 0x7000, 16}, "127.0.0.1:0", "TCP:[127.0.0.1:0]"},
		{"getsockname", "1=127.0.0.1:8080", 0, []int64{3, 0x7000, 0x7010}, "127.0.0.1:8080", "TCP:[127.0.0.1:8080]"},
		{"accept4", "1=192.0.2.1:4000", 4, []int64{3, 0x7000, 0x7010, 0}, "192.0.2.1:4000", "TCP:[127.0.0.1:8080->192.0.2.1:4000]"},
		{"accept", "", 5, []int64{3, 0, 0}, "TCP:[127.0.0.1:8080]", "TCP:[127.0.0.1:8080->?]"},
		{"getpeername", "1=192.0.2.1:4001", 0, []int64{5, 0x7000, 0x7010}, "192.0.2.1:4001", "TCP:[127.0.0.1:8080]"},
		{"close", "", 0, []int64{3}, "TCP:[127.0.0.1:8080]", ""},

		{"socket", "", 3, []int64{10, 2, 0}, "", "UDPv6"},
		{"sendto", "4=[::1]:53", 9, []int64{3, 0x7000, 9, 0, 0x7100, 28}, "[::1]:53", "UDPv6"},
		{"recvfrom", "4=[::1]:53", 9, []int64{3, 0x7000, 9, 0, 0x7100, 0x7200}, "[::1]:53", "UDPv6"},
		{"sendmsg", "1=[::1]:54", 9, []int64{3, 0x7000, 0}, "[::1]:54", "UDPv6"},
		{"recvmsg", "1=[::1]:54", 9, []int64{3, 0x7000, 0}, "[::1]:54", "UDPv6"},
		{"recvmsg", "", 9, []int64{3, 0x7000, 0}, "UDPv6", "UDPv6"},
		{"connect", "1=[::1]:53", 0, []int64{3, 0x7000, 28}, "[::1]:53", "UDPv6:[->[::1]:53]"},
		{"getsockname", "1=[::1]:4001", 0, []int64{3, 0x7000, 0x7010}, "[::1]:4001", "UDPv6:[[::1]:4001->[::1]:53]"},
		{"getpeername", "1=[::1]:53", 0, []int64{3, 0x7000, 0x7010}, "[::1]:53", "UDPv6:[[::1]:4001->[::1]:53]"},
		// To AF_UNSPEC: it is connected to nobody then, and has given up its address.
		{"connect", "", 0, []int64{3, 0x7000, 16}, "UDPv6:[[::1]:4001->[::1]:53]", "UDPv6"},
		{"connect", "1=[::1]:1", -111, []int64{3, 0x7000, 28}, "[::1]:1", "UDPv6"},
		{"connect", "1=[::1]:2", -115, []int64{3, 0x7000, 28}, "[::1]:2", "UDPv6:[->[::1]:2]"},
	} {
		_, ended := m.call(tid, step.call, step.told, step.ret, step.args...)
		if got := ended.Path(); got != step.about {
			t.Errorf("%s is about %q, want %q", step.call, got, step.about)
		}
		now := ended.Ret
		if now == nil {
			now = asked(m, tid, 3)
		}
		name := ""
		if now != nil {
			name = now.Name
		}
		if name != step.want {
			t.Errorf("after %s(%s) = %d the socket is %q, want %q", step.call, step.told, step.ret, name, step.want)
		}
	}
}

// asked returns what a descriptor stands for.
func asked(m *machine, tid int32, fd int64) *files.File {
	n, _ := m.call(tid, "fstat", "", 0, fd, 0x7000)
	return n.FDs[0]
}

// The registers that lead to socket addresses, on every ABI that has the calls.
func TestCallsWithSocketAddresses(t *testing.T) {
	for _, a := range abi.All() {
		for name, register := range map[string]int{"connect": 1, "bind": 1, "sendto": 4, "sendmsg": 1, "recvfrom": 4, "recvmsg": 1, "accept4": 1, "getsockname": 1, "getpeername": 1} {
			nr, ok := abi.Number(a, name)
			if !ok {
				t.Errorf("%v has no %s", a, name)
				continue
			}
			if got := abi.RefsOf(a, nr).Sockets(); got != 1<<register {
				t.Errorf("%v %s: registers %06b, want %06b", a, name, got, 1<<register)
			}
		}
	}
}
