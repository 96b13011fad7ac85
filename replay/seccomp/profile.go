package seccomp

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"systape/format/abi"
)

// Profile is a seccomp profile as its file has it.
type Profile struct {
	DefaultAction   string    `json:"defaultAction"`
	DefaultErrnoRet *uint     `json:"defaultErrnoRet,omitempty"` // nil: EPERM
	Architectures   []string  `json:"architectures,omitempty"`
	ArchMap         []ArchMap `json:"archMap,omitempty"` // Docker: architectures by that of the host
	Flags           []string  `json:"flags,omitempty"`
	Syscalls        []Rule    `json:"syscalls"`
}

// ArchMap is what a host of one architecture lets run.
type ArchMap struct {
	Architecture     string   `json:"architecture"`
	SubArchitectures []string `json:"subArchitectures"`
}

// Rule is what becomes of some calls.
type Rule struct {
	Names    []string `json:"names,omitempty"`
	Name     string   `json:"name,omitempty"` // Docker, before it had Names
	Action   string   `json:"action"`
	ErrnoRet *uint    `json:"errnoRet,omitempty"`
	Args     []Arg    `json:"args,omitempty"`
	Comment  string   `json:"comment,omitempty"`  // Docker
	Includes *Where   `json:"includes,omitempty"` // Docker: the rule holds only there
	Excludes *Where   `json:"excludes,omitempty"` // Docker: it does not hold there
}

// Arg is a condition on an argument. With SCMP_CMP_MASKED_EQ, Value is the
// mask and ValueTwo what must be left.
type Arg struct {
	Index    uint   `json:"index"`
	Value    uint64 `json:"value"`
	ValueTwo uint64 `json:"valueTwo,omitempty"`
	Op       string `json:"op"`
}

// Where says on which hosts a rule of Docker's holds.
type Where struct {
	Arches    []string `json:"arches,omitempty"`
	Caps      []string `json:"caps,omitempty"`
	MinKernel string   `json:"minKernel,omitempty"`
}

// actions are what runtime-spec knows, and whether the call is carried out.
var actions = map[string]bool{
	"SCMP_ACT_KILL": false, "SCMP_ACT_KILL_PROCESS": false, "SCMP_ACT_KILL_THREAD": false, "SCMP_ACT_TRAP": false, "SCMP_ACT_ERRNO": false,
	"SCMP_ACT_TRACE": false, "SCMP_ACT_NOTIFY": false, "SCMP_ACT_ALLOW": true, "SCMP_ACT_LOG": true,
}

// compare are the operators; with 64 bits, all unsigned, as the kernel's
// filter sees registers.
var compare = map[string]func(v, value, two uint64) bool{
	"SCMP_CMP_NE":        func(v, value, _ uint64) bool { return v != value },
	"SCMP_CMP_LT":        func(v, value, _ uint64) bool { return v < value },
	"SCMP_CMP_LE":        func(v, value, _ uint64) bool { return v <= value },
	"SCMP_CMP_EQ":        func(v, value, _ uint64) bool { return v == value },
	"SCMP_CMP_GE":        func(v, value, _ uint64) bool { return v >= value },
	"SCMP_CMP_GT":        func(v, value, _ uint64) bool { return v > value },
	"SCMP_CMP_MASKED_EQ": func(v, value, two uint64) bool { return v&value == two },
}

// Parse reads a profile, or the one in a container's config.json.
func Parse(text []byte) (*Profile, error) {
	var file struct {
		Profile
		Linux *struct {
			Seccomp *Profile `json:"seccomp"`
		} `json:"linux"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("read profile: %w", jsonError(err))
	}
	p := &file.Profile
	if file.Linux != nil && file.Linux.Seccomp != nil {
		p = file.Linux.Seccomp
	} else if file.Linux != nil && p.DefaultAction == "" {
		return nil, errors.New("read profile: the container has none (linux.seccomp), so nothing is refused")
	}
	if err := p.valid(); err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	return p, nil
}

// jsonError says where JSON is wrong without speaking of Go.
func jsonError(err error) error {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s is a %s, at byte %d", t.Field, t.Value, t.Offset)
	}
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("it is no JSON, at byte %d", s.Offset)
	}
	return err
}

func (p *Profile) valid() error {
	if p.DefaultAction == "" {
		return errors.New("it has no defaultAction: is it a seccomp profile?")
	}
	if _, ok := actions[p.DefaultAction]; !ok {
		return fmt.Errorf("unknown action %q", p.DefaultAction)
	}
	if len(p.Architectures) > 0 && len(p.ArchMap) > 0 {
		return errors.New("it has architectures and archMap; runtimes take one of them")
	}
	for i, r := range p.Syscalls {
		if err := r.valid(); err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return nil
}

func (r *Rule) valid() error {
	if _, ok := actions[r.Action]; !ok {
		return fmt.Errorf("unknown action %q", r.Action)
	}
	if r.Name != "" && len(r.Names) > 0 {
		return errors.New("it has name and names; runtimes take one of them")
	}
	if r.Name == "" && len(r.Names) == 0 {
		return errors.New("it names no calls")
	}
	for _, a := range r.Args {
		if a.Index > 5 {
			return fmt.Errorf("index %d: calls have arguments 0 to 5", a.Index)
		}
		if compare[a.Op] == nil {
			return fmt.Errorf("unknown operator %q", a.Op)
		}
	}
	for _, w := range []*Where{r.Includes, r.Excludes} {
		if w != nil && w.MinKernel != "" {
			if _, ok := kernelVersion(w.MinKernel); !ok {
				return fmt.Errorf("minKernel %q is no version such as 4.8", w.MinKernel)
			}
		}
	}
	return nil
}

// Host is where a profile is to be used.
type Host struct {
	Native abi.ABI  // of programs made for the machine
	Kernel string   // uname -r; "" newer than all that a profile may ask for
	Caps   []string // capabilities of the container, as CAP_CHOWN
}

// DockerCaps are the capabilities that a container has if nothing else is
// asked for (moby oci/caps/defaults.go).
var DockerCaps = []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"}

// holds decides on includes and excludes as Docker does when a container
// starts (moby profiles/seccomp/seccomp_linux.go).
func (r *Rule) holds(h Host, docker string) bool {
	has := func(c string) bool { return slices.Contains(h.Caps, c) }
	if x := r.Excludes; x != nil {
		if slices.Contains(x.Arches, docker) || slices.ContainsFunc(x.Caps, has) || x.MinKernel != "" && h.atLeast(x.MinKernel) {
			return false
		}
	}
	if n := r.Includes; n != nil {
		if len(n.Arches) > 0 && !slices.Contains(n.Arches, docker) || n.MinKernel != "" && !h.atLeast(n.MinKernel) {
			return false
		}
		for _, c := range n.Caps {
			if !has(c) {
				return false
			}
		}
	}
	return true
}

func (h Host) atLeast(want string) bool {
	have, ok := kernelVersion(h.Kernel)
	w, _ := kernelVersion(want)
	return !ok || slices.Compare(have[:], w[:]) >= 0
}

// kernelVersion reads the two numbers that Docker compares.
func kernelVersion(s string) (v [2]int, ok bool) {
	n, _ := fmt.Sscanf(s, "%d.%d", &v[0], &v[1])
	return v, n == 2
}

// names are those of the rule, whichever way it gives them.
func (r *Rule) names() []string {
	if r.Name != "" {
		return []string{r.Name}
	}
	return r.Names
}

// Allows reports whether an action lets the call be carried out. What a tracer
// or an agent decides (TRACE, NOTIFY) does not count.
func Allows(action string) bool { return actions[action] }

// ShortAction is an action in words: "errno" for SCMP_ACT_ERRNO.
func ShortAction(action string) string {
	return strings.ToLower(strings.TrimPrefix(action, "SCMP_ACT_"))
}

// AllCaps are the capabilities of Linux (include/uapi/linux/capability.h at
// 6.12).
var AllCaps = capNames("CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST " +
	"NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME " +
	"SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF " +
	"CHECKPOINT_RESTORE")

func capNames(words string) []string {
	names := strings.Fields(words)
	for i := range names {
		names[i] = "CAP_" + names[i]
	}
	return names
}
