package capture

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"systape/bpf"
	"systape/format"
)

// appendText appends the line of a row's detail that says what an argument
// points to (format/FORMAT.md, §10); none where it could not be read.
func appendText(dst []byte, t bpf.Text, bytes []byte) []byte {
	n := int(t.Argument)
	flags := t.Length &^ uint32(bpf.TextLength)
	switch {
	case flags&uint32(bpf.TextUnread) != 0:
		return dst
	case flags&uint32(bpf.TextSocket) != 0:
		if text := socketAddress(bytes); text != "" {
			return format.AppendArgument(dst, n, text)
		}
		return dst
	case flags&uint32(bpf.TextPair) != 0:
		if len(bytes) < 8 {
			return dst
		}
		text := append(make([]byte, 0, 32), '[')
		text = strconv.AppendInt(text, int64(int32(binary.NativeEndian.Uint32(bytes))), 10)
		text = strconv.AppendInt(append(text, ", "...), int64(int32(binary.NativeEndian.Uint32(bytes[4:]))), 10)
		return format.AppendArgument(dst, n, string(append(text, ']')))
	case flags&uint32(bpf.TextWords|bpf.TextHalves) != 0:
		return format.AppendArgument(dst, n, string(format.AppendWords(nil, words(bytes, flags&uint32(bpf.TextHalves) != 0))))
	case flags&uint32(bpf.TextCut) != 0:
		return format.AppendArgument(dst, n, string(wholeRunes(bytes))+"…")
	}
	return format.AppendArgument(dst, n, string(bytes))
}

// words reads arguments of 64 bits, or of 32, in the order of this machine.
func words(b []byte, halves bool) (list []uint64) {
	if halves {
		for ; len(b) >= 4; b = b[4:] {
			list = append(list, uint64(binary.NativeEndian.Uint32(b)))
		}
		return list
	}
	for ; len(b) >= 8; b = b[8:] {
		list = append(list, binary.NativeEndian.Uint64(b))
	}
	return list
}

// wholeRunes takes off the end what may be the beginning of a rune that was cut.
func wholeRunes(b []byte) []byte {
	for n := 1; n <= 3 && n <= len(b); n++ {
		c := b[len(b)-n]
		if c < 0x80 {
			break
		}
		if c >= 0xc0 { // the first byte of a rune
			size := 2
			if c >= 0xe0 {
				size = 3
			}
			if c >= 0xf0 {
				size = 4
			}
			if n < size {
				return b[:len(b)-n]
			}
			break
		}
	}
	return b
}

// Families of sockets (include/linux/socket.h).
const (
	afUnix    = 1
	afInet    = 2
	afInet6   = 10
	afNetlink = 16
	afPacket  = 17
	afVsock   = 40
)

// socketAddress reads a socket address as it is in memory: "192.0.2.1:80",
// "[::1]:53", "[fe80::1%2]:546", a path, "@" and an abstract name, "netlink:PID"
// and "netlink:PID:GROUPS", "packet:INTERFACE", "vsock:CID:PORT"; "" for other
// families and where there is no address.
func socketAddress(b []byte) string {
	if len(b) < 2 {
		return ""
	}
	switch rest := b[2:]; binary.NativeEndian.Uint16(b) {
	case afUnix: // struct sockaddr_un: a path that ends with a zero or with the address, or a zero and a name
		if len(rest) == 0 {
			return ""
		}
		if rest[0] == 0 {
			return "@" + string(rest[1:])
		}
		return text(rest)
	case afInet: // struct sockaddr_in: port and address, in the order of the net
		if len(rest) >= 6 {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte(rest[2:6])), binary.BigEndian.Uint16(rest)).String()
		}
	case afInet6: // struct sockaddr_in6: port, flow, address
		if len(rest) >= 22 {
			address := netip.AddrFrom16([16]byte(rest[6:22]))
			if len(rest) >= 26 {
				if scope := binary.NativeEndian.Uint32(rest[22:]); scope != 0 {
					address = address.WithZone(strconv.FormatUint(uint64(scope), 10))
				}
			}
			return netip.AddrPortFrom(address, binary.BigEndian.Uint16(rest)).String()
		}
	case afNetlink: // struct sockaddr_nl: padding, port id, groups
		if len(rest) >= 10 {
			return "netlink:" + number(binary.NativeEndian.Uint32(rest[2:])) + groups(binary.NativeEndian.Uint32(rest[6:]))
		}
	case afPacket: // struct sockaddr_ll: protocol, interface
		if len(rest) >= 6 {
			return "packet:" + number(binary.NativeEndian.Uint32(rest[2:]))
		}
	case afVsock: // struct sockaddr_vm: reserved, port, cid
		if len(rest) >= 10 {
			return "vsock:" + number(binary.NativeEndian.Uint32(rest[6:])) + ":" + number(binary.NativeEndian.Uint32(rest[2:]))
		}
	}
	return ""
}

func number(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// groups writes the multicast groups of a netlink address, one bit for each.
func groups(bits uint32) string {
	if bits == 0 {
		return ""
	}
	return ":0x" + strconv.FormatUint(uint64(bits), 16)
}
