package capture

import (
	"regexp"
	"strings"
)

// unixLine is a line of /proc/net/unix: an address of the kernel's, references,
// protocol, flags, type, state, inode and, where the socket is bound, its path or "@"
// and name (net/unix/af_unix.c, unix_seq_show, at 6.12).
var unixLine = regexp.MustCompile(`^[0-9a-fA-F]{8,16}: [0-9A-F]{8} [0-9A-F]{8} [0-9A-F]{8} ([0-9A-F]{4}) [0-9A-F]{2} +([0-9]+)(?: ((?s:.*)))?$`)

var unixKinds = map[string]string{"0001": "UNIX-STREAM", "0002": "UNIX-DGRAM", "0005": "UNIX-SEQPACKET"}

// unixSockets gives add what each socket of the table is called. Where no line begins a
// name goes on that has a line feed. A zero in an abstract name stands there as
// "@", so of one that has such none is told, but the inode, as of a socket without one.
func unixSockets(text []byte, add func(inode, name string)) {
	_, lines, _ := strings.Cut(strings.TrimSuffix(string(text), "\n"), "\n")
	var last []string // the parts of the line before
	tell := func() {
		if last == nil {
			return
		}
		kind, inode, name := unixKinds[last[1]], last[2], last[3]
		switch {
		case kind == "":
			add(inode, "")
		case name == "", name[0] == '@' && strings.Contains(name[1:], "@"):
			add(inode, kind+":["+inode+"]")
		default:
			add(inode, kind+":["+name+"]")
		}
	}
	for line := range strings.SplitSeq(lines, "\n") {
		if parts := unixLine.FindStringSubmatch(line); parts != nil {
			tell()
			last = parts
		} else if last != nil {
			last[3] += "\n" + line
		}
	}
	tell()
}
