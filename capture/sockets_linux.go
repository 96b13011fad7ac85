package capture

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// socketTables are the tables of a network namespace below /proc/PID/net that
// tell a socket by its inode, each with how one of its lines is read: the inode
// and what the socket is called (as the followers of package files call one). "" is a
// socket without an address.
var socketTables = []struct {
	table string
	read  func(fields []string) (inode, name string)
}{
	{"tcp", internet("TCP")}, {"tcp6", internet("TCPv6")},
	{"udp", internet("UDP")}, {"udp6", internet("UDPv6")},
	{"raw", internet("RAW")}, {"raw6", internet("RAWv6")},
	{"netlink", netlinkSocket},
	{"packet", packetSocket},
}

// socketsOf returns the names of the sockets of a process's network namespace,
// by what /proc/PID/fd calls them ("socket:[INODE]"). Names that programs choose
// stand in the table of Unix sockets as they are, line feeds too: an inode that is
// there twice is told nothing of.
func (p *procFS) socketsOf(process string) map[string]string {
	names := map[string]string{}
	add := func(inode, name string) {
		if inode == "" || inode == "0" {
			return
		}
		link := "socket:[" + inode + "]"
		if _, twice := names[link]; twice {
			name = ""
		}
		names[link] = name
	}
	for _, t := range socketTables {
		text, _ := os.ReadFile(p.path(process, "net", t.table)) // a kernel may have none of a kind
		_, text, _ = bytes.Cut(text, []byte("\n"))
		for line := range strings.Lines(string(text)) {
			add(t.read(strings.Fields(line)))
		}
	}
	text, _ := os.ReadFile(p.path(process, "net", "unix"))
	unixSockets(text, add)
	return names
}

// nameSockets gives the sockets among what is open the addresses that they have.
func (p *procFS) nameSockets(open []openFile) {
	spaces := map[string]map[string]string{} // by network namespace
	sockets, of := map[string]string(nil), int32(-1)
	for i, o := range open {
		if !strings.HasPrefix(o.name, "socket:[") {
			continue
		}
		if o.pid != of {
			process := strconv.Itoa(int(o.pid))
			space, err := os.Readlink(p.path(process, "ns", "net"))
			if err != nil {
				space = process
			}
			if spaces[space] == nil {
				spaces[space] = p.socketsOf(process)
			}
			sockets, of = spaces[space], o.pid
		}
		name, there := sockets[o.name]
		if !there { // bound to nothing
			name = p.protocol(o)
		}
		if name != "" {
			open[i].name = name
		}
	}
}

// internet reads a line of a table of TCP, UDP or raw sockets: its number, its own
// address, the other's, the state, queues, timer, retransmits, user, timeout and
// inode (net/ipv4/tcp_ipv4.c, get_tcp4_sock, at 6.12; the others likewise).
func internet(kind string) func([]string) (string, string) {
	return func(f []string) (inode, name string) {
		if len(f) < 10 {
			return "", ""
		}
		local, ok := procAddress(f[1])
		peer, ok2 := procAddress(f[2])
		switch {
		case !ok || !ok2:
			return "", ""
		case peer.Port() == 0:
			return f[9], kind + ":[" + local.String() + "]"
		}
		return f[9], kind + ":[" + local.String() + "->" + peer.String() + "]"
	}
}

// procAddress reads "0100007F:1F90": words of the address in the machine's order of
// bytes, and the port.
func procAddress(s string) (netip.AddrPort, bool) {
	words, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(words)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for ; len(words) >= 8; words = words[8:] {
		at := len(raw) - len(words)/2
		binary.NativeEndian.PutUint32(raw[at:], binary.BigEndian.Uint32(raw[at:]))
	}
	a, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(a, uint16(n)), ok
}

// protocol names a socket that stands in no table by its protocol and inode, as
// strace -yy does; "" where the kernel does not tell (net/socket.c,
// sockfs_xattr_handler, at 6.12).
func (p *procFS) protocol(o openFile) string {
	var name [64]byte
	fd := p.path(strconv.Itoa(int(o.pid)), "task", strconv.Itoa(int(o.tid)), "fd", strconv.FormatInt(o.fd, 10))
	n, err := unix.Getxattr(fd, "system.sockprotoname", name[:])
	if still, _ := os.Readlink(fd); err != nil || still != o.name {
		return ""
	}
	switch kind := unix.ByteSliceToString(name[:n]); kind {
	case "TCP", "TCPv6", "UDP", "UDPv6", "RAW", "RAWv6", "UNIX", "UNIX-STREAM", "NETLINK":
		return kind + strings.TrimPrefix(o.name, "socket")
	}
	return ""
}

// netlinkSocket reads a line of /proc/net/netlink: an address of the kernel's, the
// protocol, the port id, groups, memory, dump, locks, drops and inode
// (net/netlink/af_netlink.c, netlink_native_seq_show, at 6.12).
func netlinkSocket(f []string) (inode, name string) {
	if len(f) < 10 {
		return "", ""
	}
	port, err := strconv.ParseUint(f[2], 10, 32)
	bits, err2 := strconv.ParseUint(f[3], 16, 32)
	if err != nil || err2 != nil {
		return "", ""
	}
	return f[9], "NETLINK:[netlink:" + number(uint32(port)) + groups(uint32(bits)) + "]"
}

// packetSocket reads a line of /proc/net/packet: an address of the kernel's,
// references, type, protocol, interface, running, memory, user and inode
// (net/packet/af_packet.c, packet_seq_show, at 6.12).
func packetSocket(f []string) (inode, name string) {
	if len(f) < 9 {
		return "", ""
	}
	return f[8], "socket:[packet:" + f[4] + "]"
}
