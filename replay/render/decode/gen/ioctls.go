//go:build ignore

// Ioctls writes gen/ioctls.txt, the commands of ioctl by name, from kernel
// headers:
//
//	go run gen/ioctls.go -headers DIR
//
// DIR is where Debian's packages linux-libc-dev-{amd64,i386,arm64,armhf}-cross
// have been unpacked (dpkg-deb -x). It takes clang, which knows how large the
// structures are on each of these machines.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// machines are the ABIs by the names of abi.ABI, without x32, which has the
// commands of x86_64.
var machines = []struct{ abi, target, dir string }{
	{"x86_64", "x86_64-linux-gnu", "x86_64-linux-gnu"},
	{"i386", "i386-linux-gnu", "i686-linux-gnu"},
	{"arm64", "aarch64-linux-gnu", "aarch64-linux-gnu"},
	{"arm", "arm-linux-gnueabihf", "arm-linux-gnueabihf"},
}

// headers are the files whose commands are wanted; plain matches those that
// are mere numbers there.
var headers = []struct{ file, plain string }{
	{"asm-generic/ioctls.h", `^(TC|TIO|FIO)`},
	{"linux/fs.h", `^(BLK|FI[A-Z]|FS_IOC)`},
	{"asm-generic/sockios.h", `^SIOC`},
	{"linux/sockios.h", `^SIOC`},
	{"linux/kd.h", `^(KD|GIO_|PIO_)`},
	{"linux/vt.h", `^VT_[A-Z]+$`},
	{"linux/loop.h", `^LOOP_(SET|CLR|GET|CHANGE|CTL|CONFIGURE)`},
	{"linux/hdreg.h", `^HDIO_(GET|SET|DRIVE|SCAN|UN|OBSOLETE|TRISTATE)`},
	{"linux/cdrom.h", `^(CDROM[A-Z_0-9]+|DVD_(READ|WRITE|AUTH)[A-Z_]*)$`},
	{"linux/kvm.h", ""},
	{"linux/btrfs.h", ""},
	{"drm/drm.h", ""},
	{"linux/blkpg.h", ""},
	{"linux/blkzoned.h", ""},
	{"linux/nbd.h", ""},
	{"linux/dm-ioctl.h", ""},
	{"linux/fscrypt.h", ""},
	{"linux/fsverity.h", ""},
	{"linux/fuse.h", ""},
	{"linux/if_tun.h", ""},
	{"linux/ppp-ioctl.h", ""},
	{"linux/vfio.h", ""},
	{"linux/vhost.h", ""},
	{"linux/userfaultfd.h", ""},
	{"linux/perf_event.h", ""},
	{"linux/seccomp.h", ""},
	{"linux/nsfs.h", ""},
	{"linux/random.h", ""},
	{"linux/rtc.h", ""},
	{"linux/watchdog.h", ""},
	{"linux/dma-buf.h", ""},
	{"linux/dma-heap.h", ""},
	{"linux/sync_file.h", ""},
}

// leastPlain is below all commands that are mere numbers.
const leastPlain = 0x300

// Names of the headers that are no command: bounds, masks, groups, and
// commands that exist no longer.
var no = regexp.MustCompile(`^FILE_|(_BASE|_MASK|_SHIFT|_TYPE|_MAGIC|_MAX|_FIRST|_LAST|_NR|_IOCTL_BASE|_COMMAND_END)$|^(KVM_(PPC|S390|IA64|ALLOCATE_RMA|CREATE_SPAPR)|TIOCM_|TIOCPKT_|TIOCSER_|FS_IOC_FSGETXATTR_|KD_FONT|SIOCDEVPRIVATE$|SIOCPROTOPRIVATE$|SIOC_IOC|CDROM_(LBA|MSF|DATA|AUDIO|PACKET|XA|GENERIC|LEADOUT|MEDIA)|CDROMAUDIOBUFSIZ$|SIOCGSTAMP(NS)?$)`)

var (
	define = regexp.MustCompile(`(?m)^[ \t]*#[ \t]*define[ \t]+([A-Za-z_][A-Za-z_0-9]*)[ \t]+(.*(?:\\\n.*)*)`)
	coded  = regexp.MustCompile(`\b([A-Z]+_IO|_IO)(R|W|WR)? ?\(`)
)

func main() {
	log.SetFlags(0)
	dir := flag.String("headers", "", "unpacked packages, `directory`")
	out := flag.String("o", "gen/ioctls.txt", "write the commands to `file`")
	flag.Parse()
	libc := stubs()
	defer os.RemoveAll(libc)
	var b bytes.Buffer
	b.WriteString("# Commands of ioctl, made by gen/ioctls.go from the headers of linux-libc-dev. See sets.txt; NAME=-\n# is not on an ABI. Commands of several drivers with one number become one name, A or B.\n")
	seen := map[string]bool{}
	for _, h := range headers {
		values := map[string]map[string]uint64{}
		for _, m := range machines {
			include := filepath.Join(*dir, "usr", m.dir, "include")
			for name, v := range commands(libc, include, m.target, h.file, h.plain) {
				if v < leastPlain && h.plain != "" && h.file != "linux/fs.h" { // a mode or a flag
					continue
				}
				if values[name] == nil {
					values[name] = map[string]uint64{}
				}
				values[name][m.abi] = v
			}
		}
		fmt.Fprintf(&b, "\n# include/uapi/%s\nioctl enum", h.file)
		n := 0
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if !seen[name] {
				seen[name] = true
				b.WriteString(" " + name + "=" + word(values[name]))
				n++
			}
		}
		b.WriteString("\n")
		if n == 0 {
			log.Fatalf("%s has no command: it has another shape than expected", h.file)
		}
	}
	if err := os.WriteFile(*out, b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// word writes the values of a command, V,abi=V,…; - where there is none.
func word(values map[string]uint64) string {
	text := func(abi string) string {
		if v, ok := values[abi]; ok {
			return fmt.Sprintf("%#x", v)
		}
		return "-"
	}
	first := text("x86_64")
	w := first
	for _, m := range machines[1:] {
		// arm stands for arm64, too, unless that is named.
		if t := text(m.abi); t != first || m.abi == "arm64" && text("arm") != first {
			w += "," + m.abi + "=" + t
		}
	}
	return w
}

// commands returns the commands that a header defines, by name.
func commands(libc, include, target, file, plain string) map[string]uint64 {
	text, err := os.ReadFile(filepath.Join(include, file))
	if os.IsNotExist(err) { // kvm.h: not on every machine
		return nil
	}
	if err != nil {
		log.Fatal(err)
	}
	isPlain := regexp.MustCompile(plain)
	var names []string
	for _, m := range define.FindAllStringSubmatch(string(text), -1) {
		name, value := m[1], m[2]
		if no.MatchString(name) || !coded.MatchString(value) && (plain == "" || !isPlain.MatchString(name) || !regexp.MustCompile(`^(0x)?[0-9A-Fa-f]+\b|^\(`).MatchString(value)) {
			continue
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	ir, said, err := compile(program(file, names), target, libc, include)
	if err != nil {
		// Commands of other machines: what they pass is not there.
		for _, m := range regexp.MustCompile(`(?s)incomplete type[^\n]*\nunsigned int value_(\w+)`).FindAllStringSubmatch(said, -1) {
			names = slices.DeleteFunc(names, func(n string) bool { return n == m[1] })
		}
		ir, said, err = compile(program(file, names), target, libc, include)
	}
	if err != nil {
		log.Fatalf("%s for %s: %v\n%s", file, target, err, said)
	}
	found := map[string]uint64{}
	for _, m := range regexp.MustCompile(`(?m)^@value_(\w+) = .*global i32 (-?\d+)`).FindAllStringSubmatch(ir, -1) {
		v, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil {
			log.Fatal(err)
		}
		found[m[1]] = uint64(uint32(v))
	}
	return found
}

// program is one with a variable for each command.
func program(file string, names []string) string {
	var c strings.Builder
	// linux/if.h wants sys/socket.h of a libc for one structure.
	c.WriteString("#define _SYS_SOCKET_H\nstruct sockaddr { unsigned short sa_family; char sa_data[14]; };\ntypedef unsigned long size_t;\n#define __user\n")
	for _, h := range append([]string{"linux/types.h", "linux/ioctl.h", "linux/serial.h", "linux/blktrace_api.h", "linux/fiemap.h", "linux/filter.h",
		"asm/termbits.h", "asm/ioctls.h"}, file) {
		fmt.Fprintf(&c, "#include <%s>\n", h)
	}
	for _, n := range names {
		fmt.Fprintf(&c, "#ifdef %s\nunsigned int value_%s = (unsigned int)(%s);\n#endif\n", n, n, n)
	}
	return c.String()
}

// compile returns what clang makes of a program, or what it says.
func compile(program, target, libc, include string) (ir, said string, err error) {
	run := exec.Command("clang", "-target", target, "-nostdlibinc", "-isystem", libc, "-isystem", include, "-isystem", filepath.Join(include, "drm"),
		"-w", "-ferror-limit=0", "-S", "-emit-llvm", "-o", "-", "-x", "c", "-")
	run.Stdin = strings.NewReader(program)
	var errs bytes.Buffer
	run.Stderr = &errs
	out, err := run.Output()
	return string(out), errs.String(), err
}

// stubs makes a folder with the headers of a libc that kernel headers name,
// empty.
func stubs() string {
	dir, err := os.MkdirTemp("", "stubs")
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "sys"), 0o755)
	}
	for _, h := range []string{"socket.h", "ioctl.h", "types.h", "time.h"} {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "sys", h), nil, 0o644)
		}
	}
	if err != nil {
		log.Fatal(err)
	}
	return dir
}
