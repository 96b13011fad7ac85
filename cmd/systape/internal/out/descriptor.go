package out

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

var standardNames = map[string]int{"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}

var descriptorNames = regexp.MustCompile(`^(?:/dev/fd|/proc/(self|thread-self|[0-9]+)(?:/task/[0-9]+)?/fd)/([0-9]+)$`)

// Descriptor reports whether a name means an open descriptor of this process:
// /dev/stdout, /dev/fd/3, /proc/self/fd/3, or a link to one of them. To open
// such a name would begin at the start of what may be half a log.
func Descriptor(name string) (n int, ok bool) {
	for range 40 { // as many links as Linux follows
		path, err := filepath.Abs(name)
		if err != nil {
			return 0, false
		}
		if n, ok = standardNames[path]; ok {
			return n, true
		}
		if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil && !descriptorNames.MatchString(path) {
			path = filepath.Join(dir, filepath.Base(path))
		}
		if m := descriptorNames.FindStringSubmatch(path); m != nil {
			own := m[1] == "" || strings.HasSuffix(m[1], "self") || m[1] == strconv.Itoa(os.Getpid())
			n, err = strconv.Atoi(m[2])
			return n, own && err == nil
		}
		if name, err = os.Readlink(path); err != nil {
			return 0, false
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
	}
	return 0, false
}

// inProc reports whether a file is one that the kernel makes up.
func inProc(name string) bool {
	path, err := filepath.Abs(name)
	if err == nil {
		var dir string
		if dir, err = filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			return strings.HasPrefix(dir+"/", "/proc/")
		}
	}
	return false
}
