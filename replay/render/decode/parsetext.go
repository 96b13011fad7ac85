package decode

import (
	"bytes"
	"strconv"
	"strings"
)

// This file reads what all texts have in common: comments, numbers, quotes,
// addresses.

// stripComments takes " /* … */" off a text: strace explains numbers so.
func stripComments(t []byte) []byte {
	t = bytes.TrimSpace(t)
	if len(t) > 0 && t[0] == '"' {
		return t
	}
	if i := bytes.Index(t, []byte(" /*")); i > 0 {
		t = t[:i]
	}
	return t
}

// annotated takes off what strace says of a descriptor or process behind its
// number: 3</etc/passwd>, 17<bash>.
func annotated(t []byte) []byte {
	if i := bytes.IndexByte(t, '<'); i > 0 {
		return t[:i]
	}
	return t
}

// descriptorName reads what strace -y and -yy say of a descriptor: the name in
// 3</etc/passwd>, in 4</gone>(deleted), which /proc calls "/gone (deleted)", in
// 0</dev/null<char 1:3>> and in 5<TCP:[127.0.0.1:80->192.0.2.1:4000]>. Within
// names, angle brackets are escapes.
func descriptorName(t []byte) (string, bool) {
	_, t, ok := bytes.Cut(t, []byte("<"))
	t, deleted := bytes.CutSuffix(t, []byte("(deleted)"))
	t, end := bytes.CutSuffix(t, []byte(">"))
	if !ok || !end || len(t) == 0 {
		return "", false
	}
	t, _, _ = bytes.Cut(t, []byte("<")) // what kind of device it is, how much is in an eventfd
	var name []byte
	for i := 0; i < len(t); i++ {
		c, n := t[i], 0
		if c == '\\' {
			if n, c = unescape(t[i+1:]); n == 0 {
				return "", false
			}
		}
		name = append(name, c)
		i += n
	}
	if deleted && !bytes.HasPrefix(name, []byte("/memfd:")) { // which all are
		name = append(name, " (deleted)"...)
	}
	return string(name), true
}

// DescriptorName returns what strace -y says of the descriptor that a call
// returned, which is what follows its number: "</etc/passwd>". ok is false for
// anything else.
func DescriptorName(after []byte) (name string, ok bool) {
	if len(after) == 0 || after[0] != '<' {
		return "", false
	}
	return descriptorName(after)
}

// parseNumber reads what tools print for numbers: decimal, 0x…, and 0… for
// octal modes; unsigned 64-bit values are bit-cast. A descriptor's annotation
// does not count.
func parseNumber(t []byte) (int64, bool) {
	t = annotated(t)
	if string(t) == "NULL" {
		return 0, true
	}
	if len(t) == 0 || len(t) > 24 || t[0] != '-' && (t[0] < '0' || t[0] > '9') || bytes.IndexByte(t, '_') >= 0 {
		return 0, false
	}
	str := string(t)
	if n, err := strconv.ParseInt(str, 0, 64); err == nil {
		return n, true
	}
	n, err := strconv.ParseUint(str, 0, 64)
	return int64(n), err == nil
}

// Unquote reads a C string between quotes as strace and babeltrace write it. ok
// is false for what is none, and for one that was cut short ("abc"...).
func Unquote(t []byte) (s string, ok bool) {
	if len(t) < 2 || t[0] != '"' || t[len(t)-1] != '"' {
		return "", false
	}
	t = t[1 : len(t)-1]
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		switch c := t[i]; c {
		case '"':
			return "", false
		case '\\':
			n, r := unescape(t[i+1:])
			if n == 0 {
				return "", false
			}
			b.WriteByte(r)
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// unescape reads what follows a backslash and returns its length.
func unescape(t []byte) (n int, c byte) {
	if len(t) == 0 {
		return 0, 0
	}
	const from, to = `"\/tnrvfab?'e`, "\"\\/\t\n\r\v\f\a\b?'\x1b"
	if i := strings.IndexByte(from, t[0]); i >= 0 {
		return 1, to[i]
	}
	if t[0] == 'x' {
		for n = 1; n < 3 && n < len(t); n++ {
			d, err := strconv.ParseUint(string(t[n]), 16, 8)
			if err != nil {
				break
			}
			c = c<<4 | byte(d)
		}
		if n == 1 {
			return 0, 0
		}
		return n, c
	}
	for n < 3 && n < len(t) && t[n] >= '0' && t[n] <= '7' {
		c = c<<3 | (t[n] - '0')
		n++
	}
	return n, c
}

// sockAddr reads {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}
// and its like as an address: a path, @ and a name, or host:port. "" for others.
func sockAddr(t []byte) string {
	s := string(t)
	arg := func(key, open string) (string, bool) {
		_, rest, ok := strings.Cut(s, key)
		if !ok {
			return "", false
		}
		if i := strings.Index(rest, open); i >= 0 && i <= len(`inet_pton(AF_INET6, `) {
			return rest[i+len(open):], true
		}
		return "", false
	}
	text := func(rest string) (string, bool) {
		for i := 0; i < len(rest); i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return Unquote([]byte(`"` + rest[:i+1]))
			}
		}
		return "", false
	}
	switch {
	case strings.Contains(s, "AF_INET,"), strings.Contains(s, "AF_INET6,"):
		key, portKey := "sin_addr=", "sin_port="
		if strings.Contains(s, "AF_INET6,") {
			key, portKey = "sin6_addr", "sin6_port="
			if i := strings.Index(s, "inet_pton(AF_INET6, "); i >= 0 {
				s = s[:i] + key + s[i:]
			}
		}
		rest, ok := arg(key, `"`)
		port, ok2 := arg(portKey, "htons(")
		if !ok || !ok2 {
			return ""
		}
		host, ok := text(rest)
		port, _, ok2 = strings.Cut(port, ")")
		if _, err := strconv.ParseUint(port, 10, 16); !ok || !ok2 || err != nil {
			return ""
		}
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return host + ":" + port
	case strings.Contains(s, "AF_UNIX,"), strings.Contains(s, "AF_LOCAL,"), strings.Contains(s, "AF_FILE,"):
		rest, ok := arg("sun_path=", `"`)
		if !ok {
			rest, ok = arg("path=", `"`)
		}
		if !ok {
			return ""
		}
		name, ok := text(rest)
		if !ok {
			return ""
		}
		if strings.Contains(s, `path=@"`) {
			name = "@" + name
		}
		return name
	}
	return ""
}

// fdPair reads the two descriptors that pipe and socketpair made, "[3, 4]",
// with what strace -y says of each left out.
func fdPair(t []byte) (string, bool) {
	list, ok := bytes.CutPrefix(t, []byte("["))
	list, end := bytes.CutSuffix(list, []byte("]"))
	first, second, both := bytes.Cut(list, []byte(", "))
	if !ok || !end || !both {
		return "", false
	}
	text := "[" + string(annotated(first)) + ", " + string(annotated(second)) + "]"
	return text, isPair(text)
}
