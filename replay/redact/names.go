package redact

import (
	_ "embed"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"

	"systape/replay/files"
)

// known.txt lists names that every system has and that tell nobody apart.
//
//go:embed known.txt
var knownText string

var known = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(knownText) {
		line, _, _ = strings.Cut(line, "#")
		for _, w := range strings.Fields(line) {
			m[w] = true
		}
	}
	return m
})

var (
	// Libraries that come with a system, in any version.
	systemLibrary = regexp.MustCompile(`^(ld-linux|ld-musl|ld|libc|libm|libdl|libpthread|librt|libresolv|libnsl|libutil|libcrypt|libstdc\+\+|libgcc_s|libz|liblzma|libzstd|libbz2|liblz4|` +
		`libssl|libcrypto|libselinux|libpcre2?(-8)?|libcap|libacl|libattr|libtinfo|libncursesw?|libreadline|libnss_[a-z]+|libsystemd|libudev|libmount|libblkid|libuuid|libffi|libexpat)([-.][-._a-z0-9]*)?\.so(\.[0-9]+)*$|^ld-linux-[-_a-z0-9]+\.so\.[0-9]$`)
	// Threads of the kernel's own.
	kernelThread = regexp.MustCompile(`^(kworker|ksoftirqd|migration|rcu_[a-z_]+|rcu[a-z]+|cpuhp|idle_inject|kthreadd|kswapd|khugepaged|kcompactd|ksmd|irq|watchdog|jbd2|kdevtmpfs|kauditd|oom_reaper|writeback|swapper)([/:-].*)?$`)
	number       = regexp.MustCompile(`^[0-9]{1,10}$`)
	suffix       = regexp.MustCompile(`\.(so(\.[0-9]+)*|conf|cfg|ini|json|ya?ml|toml|xml|txt|log|csv|db|sqlite|parquet|py|pyc|sh|pl|rb|js|c|h|o|a|go|rs|jar|class|gz|xz|zst|zip|tar|html?|css|png|jpg|pem|key|crt|pid|lock|sock|socket|service|scope|slice|mo|cache|tmp|bak)$`)
)

// part is the pseudonym of one part of a path, of a thread's name, or of any
// other name. What every system has is kept, and so is a common ending.
func (r *Redactor) part(s string) string {
	if s == "" || s == "." || s == ".." || known()[s] || systemLibrary.MatchString(s) {
		return s
	}
	end := suffix.FindString(s)
	if end == s {
		end = ""
	}
	return r.key.name(s[:len(s)-len(end)]) + end
}

// Comm is the pseudonym of a thread's name.
func (r *Redactor) comm(s string) string {
	if kernelThread.MatchString(s) {
		return s
	}
	if _, ok := known()[s]; ok || s == "" {
		return s
	}
	return r.key.name(s) // without an ending: the kernel may have cut it
}

// path is the pseudonym of a path, part by part.
func (r *Redactor) path(s string) string {
	parts := strings.Split(s, "/")
	for i, p := range parts {
		under := func(dir string) bool { return i > 0 && parts[i-1] == dir }
		if number.MatchString(p) && (under("proc") || under("task") || under("fd") || under("pts")) {
			continue // ids of threads are in the columns, too
		}
		parts[i] = r.part(p)
	}
	return strings.Join(parts, "/")
}

var (
	unnamed = regexp.MustCompile(`^(socket|pipe|net|mnt|pid|user|uts|ipc|cgroup|time):\[[0-9]+\]$|^anon_inode:(\[[a-z_]+\]|[a-z_-]+)$`)
	// Port ids of netlink are those of threads, interfaces and groups are numbers.
	netlink = regexp.MustCompile(`^(netlink:[0-9]+(:0x[0-9a-f]+)?|packet:[0-9]+)$`)
	vsock   = regexp.MustCompile(`^vsock:([0-9]+):([0-9]+)$`)
)

// text is the pseudonym of what an argument points to or a descriptor is: a
// path, a socket's address, or something that the kernel names.
func (r *Redactor) text(s string) (kind, pseudonym string) {
	switch {
	case s == "" || s == "?" || unnamed.MatchString(s):
		return "", s
	case s[0] == '@':
		return "addresses", "@" + r.path(s[1:])
	}
	if netlink.MatchString(s) {
		return "addresses", s
	}
	if m := vsock.FindStringSubmatch(s); m != nil {
		return "addresses", "vsock:" + r.machine(m[1]) + ":" + m[2]
	}
	if kind, addresses, ok := files.SocketAddresses(s); ok {
		for i, a := range addresses {
			_, addresses[i] = r.text(a)
		}
		return "addresses", kind + ":[" + strings.Join(addresses, "->") + "]"
	}
	if a, err := netip.ParseAddrPort(s); err == nil {
		return "addresses", r.address(a.Addr()) + s[strings.LastIndexByte(s, ':'):]
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return "addresses", r.address(a)
	}
	return "paths", r.path(s)
}

// address is the pseudonym of an IP address; those that mean this machine, or
// none, or everyone are kept.
func (r *Redactor) address(a netip.Addr) string {
	text := a.String()
	switch {
	case a.IsLoopback() || a.IsUnspecified() || a.IsMulticast():
		if a.Is6() {
			return "[" + text + "]"
		}
		return text
	case a.Is4():
		return "ip4-" + r.key.hex("address", text, 8)
	}
	return "ip6-" + r.key.hex("address", text, 16)
}

// machine is the pseudonym of a virtual machine's id (a cid, vsock(7)): the
// hypervisor, the host and oneself have numbers of their own, any is -1.
func (r *Redactor) machine(cid string) string {
	switch cid {
	case "0", "1", "2", "4294967295":
		return cid
	}
	return r.key.hex("address", "vsock:"+cid, 8)
}

var hexID = regexp.MustCompile(`^[0-9a-f]{12,64}$`)

// container is the pseudonym of a container's id, or of a cgroup's name.
func (r *Redactor) container(s string) string {
	if hexID.MatchString(s) {
		return r.key.hex("container", s[:12], 12)
	}
	return r.path(s)
}

// kernelFlavours are the words of kernel releases that distributions use.
var kernelFlavours = strings.Fields("generic lowlatency amd64 arm64 cloud aws azure gcp oracle kvm virt rt lts zen arch1 hardened pve cip el7 el8 el9 el10 x86_64 aarch64 fc39 fc40 fc41 fc42 amzn2 amzn2023 default raspi")

var releaseWord = regexp.MustCompile(`^[0-9.]+$`)

// release keeps of a kernel's release what many machines have.
func (r *Redactor) release(s string) string {
	words := strings.FieldsFunc(s, func(c rune) bool { return c == '-' || c == '+' || c == '~' })
	for i, w := range words {
		ok := releaseWord.MatchString(w) || i > 0
		for piece := range strings.SplitSeq(w, ".") {
			ok = ok && (releaseWord.MatchString(piece) || slices.Contains(kernelFlavours, piece))
		}
		if !ok {
			return strings.Join(append(words[:i:i], r.key.name(s)), "-")
		}
	}
	return s
}

var distributions = regexp.MustCompile(`^(Debian|Ubuntu|Fedora|CentOS|Red Hat|Rocky|AlmaLinux|Amazon Linux|Alpine|Arch Linux|openSUSE|SUSE|Oracle Linux|NixOS|Gentoo|Raspbian|Linux Mint|Flatcar|Bottlerocket)\b`)
