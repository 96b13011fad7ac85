package files

import (
	"strings"
)

// Families and types of sockets (include/linux/socket.h, include/linux/net.h).
const (
	afUnix    = 1
	afInet    = 2
	afInet6   = 10
	afNetlink = 16

	sockTypeMask  = 0xf
	sockStream    = 1
	sockDatagram  = 2
	sockRaw       = 3
	sockSeqPacket = 5
)

// socketName names a new socket as strace -yy does, without the inode that
// only the kernel knows.
func socketName(family, typ int64) string {
	kind := int32(typ) & sockTypeMask
	switch int32(family) {
	case afUnix:
		switch kind {
		case sockStream:
			return "UNIX-STREAM"
		case sockDatagram:
			return "UNIX-DGRAM"
		case sockSeqPacket:
			return "UNIX-SEQPACKET"
		}
	case afInet, afInet6:
		six := ""
		if int32(family) == afInet6 {
			six = "v6"
		}
		switch kind {
		case sockStream:
			return "TCP" + six
		case sockDatagram:
			return "UDP" + six
		case sockRaw:
			return "RAW" + six
		}
	case afNetlink:
		return "NETLINK"
	}
	return "socket"
}

// SocketAddresses takes apart the name of a socket that has an address, such as
// "TCP:[127.0.0.1:80->192.0.2.1:4000]": its kind, its own address and that of its
// peer, if it has one; either may be "". ok is false for any other name.
func SocketAddresses(name string) (kind string, addresses []string, ok bool) {
	kind, rest, ok := strings.Cut(name, ":[")
	if !ok || !strings.HasSuffix(rest, "]") || !socketWord(kind) {
		return "", nil, false
	}
	return kind, strings.SplitN(strings.TrimSuffix(rest, "]"), "->", 2), true
}

// withPeer adds to a socket's name what it is connected to.
func withPeer(name, address string) string {
	kind, local, _ := splitSocket(name)
	return kind + ":[" + local + "->" + address + "]"
}

// withLocal adds to a socket's name its own address.
func withLocal(name, address string) string {
	kind, _, peer := splitSocket(name)
	if peer != "" {
		address += "->" + peer
	}
	return kind + ":[" + address + "]"
}

// withoutAddresses takes from a socket's name what it is connected to, and its
// own address, which the kernel may have given it for that peer alone.
func withoutAddresses(name string) string {
	if kind, _, peer := splitSocket(name); peer != "" {
		return kind
	}
	return name
}

// splitSocket takes a name apart into the kind and the addresses.
func splitSocket(name string) (kind, local, peer string) {
	kind, rest, _ := strings.Cut(name, ":[")
	local, peer, _ = strings.Cut(strings.TrimSuffix(rest, "]"), "->")
	if strings.Trim(local, "0123456789") == "" { // the inode of one that had no address
		local = ""
	}
	return kind, local, peer
}
