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
	case flags&uint32(bpf.TextCut) != 0:
		return format.AppendArgument(dst, n, string(wholeRunes(bytes))+"…")
	}
	return format.AppendArgument(dst, n, string(bytes))
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
	afUnix  = 1
	afInet  = 2
	afInet6 = 10
)

// socketAddress reads a socket address as it is in memory: "192.0.2.1:80",
// "[::1]:53", a path, or "@" and an abstract name; "" for other families.
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
			return netip.AddrPortFrom(netip.AddrFrom16([16]byte(rest[6:22])), binary.BigEndian.Uint16(rest)).String()
		}
	}
	return ""
}
