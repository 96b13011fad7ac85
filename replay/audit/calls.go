// Package audit picks out of a capture the calls that matter to security: what
// was executed, who became whom, what was loaded, mounted, traced, refused; and
// holds them against rules for what deserves a look. It names what happened and
// judges nobody.
package audit

import (
	"slices"
	"strings"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// Columns are those that an audit looks at.
const Columns = format.AllColumns

// Category is a sort of security-relevant calls.
type Category struct {
	Name  string
	Calls []string
	// When, if set, takes only some of the calls.
	When func(c *replay.Call) bool
	// Only, if set, is the outcome that all of them have.
	Only string
	// ECS are the event's category and type in the Elastic Common Schema.
	ECS [2]string
}

// What arguments mean (include/uapi/linux/mman-common.h, sched.h).
const (
	protWrite, protExec = 2, 4
	newNamespaces       = 0x7e020080 // CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME
)

// Options of prctl that change what a thread may do or who may trace it
// (include/uapi/linux/prctl.h).
const (
	prSetKeepCaps   = 8
	prCapBSetDrop   = 24
	prSetSecureBits = 28
	prSetNoNewPrivs = 38
	prCapAmbient    = 47
	prCapAmbientIs  = 1 // asks, and changes nothing
	prSetPtracer    = 0x59616d61
)

func changesRights(c *replay.Call) bool {
	if !c.Status.HasEnter() {
		return false
	}
	switch c.Args[0] {
	case prSetKeepCaps, prCapBSetDrop, prSetSecureBits, prSetNoNewPrivs:
		return true
	case prCapAmbient:
		return c.Args[1] != prCapAmbientIs
	}
	return false
}

func failed(c *replay.Call) bool { return c.Errno() != 0 }

// Categories are all of them, in the order in which a call is put into the
// first that takes it.
var Categories = []Category{
	{Name: "denied", When: func(c *replay.Call) bool { return c.Status == replay.Denied }, ECS: [2]string{"process", "denied"}},
	{Name: "exec", Calls: words("execve execveat"), ECS: [2]string{"process", "start"}},
	{Name: "identity", Calls: words("setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups setuid32 setgid32 setreuid32 setregid32 setresuid32 setresgid32 " +
		"setfsuid32 setfsgid32 setgroups32 capset"), ECS: [2]string{"iam", "change"}},
	{Name: "identity", Calls: words("prctl"), When: changesRights, ECS: [2]string{"iam", "change"}},
	{Name: "trace", Calls: words("prctl"), When: func(c *replay.Call) bool { return c.Status.HasEnter() && uint32(c.Args[0]) == prSetPtracer }, ECS: [2]string{"process", "access"}},
	{Name: "trace", Calls: words("ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp"), ECS: [2]string{"process", "access"}},
	{Name: "kernel", Calls: words("init_module finit_module delete_module kexec_load kexec_file_load bpf perf_event_open reboot iopl ioperm swapon swapoff acct " +
		"settimeofday clock_settime"), ECS: [2]string{"driver", "change"}},
	{Name: "mount", Calls: words("mount umount umount2 pivot_root chroot move_mount fsmount fsconfig open_tree mount_setattr"), ECS: [2]string{"configuration", "change"}},
	{Name: "namespace", Calls: words("unshare setns"), ECS: [2]string{"process", "change"}},
	{Name: "namespace", Calls: words("clone"), When: func(c *replay.Call) bool { return c.Args[0]&newNamespaces != 0 && c.Status.HasEnter() }, ECS: [2]string{"process", "change"}},
	{Name: "signal", Calls: words("kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal"), ECS: [2]string{"process", "change"}},
	{Name: "network", Calls: words("connect bind listen accept accept4 socketcall"), ECS: [2]string{"network", "connection"}},
	{Name: "open_failed", Calls: words("open openat openat2 creat open_by_handle_at"), When: failed, Only: "failure", ECS: [2]string{"file", "access"}},
	{Name: "memory", Calls: words("mmap mmap2 mprotect pkey_mprotect"), ECS: [2]string{"process", "change"},
		When: func(c *replay.Call) bool {
			return c.Status.HasEnter() && c.Args[2]&protWrite != 0 && c.Args[2]&protExec != 0
		}},
	{Name: "fork", Calls: words("fork vfork clone clone3"), When: func(c *replay.Call) bool { return c.Status == replay.OK && c.Ret > 0 }, Only: "success", ECS: [2]string{"process", "start"}},
}

func words(s string) []string { return strings.Fields(s) }

// CategoryNames are the names, each once.
func CategoryNames() []string {
	var names []string
	for _, c := range Categories {
		if !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// sorter finds the category of a call quickly.
type sorter struct {
	byCall map[callKey][]*Category
	always []*Category // of whatever call
}

type callKey struct {
	abi abi.ABI
	nr  int32
}

func newSorter() *sorter {
	s := &sorter{byCall: map[callKey][]*Category{}}
	for i := range Categories {
		c := &Categories[i]
		if len(c.Calls) == 0 {
			s.always = append(s.always, c)
		}
		for _, a := range abi.All() {
			for _, n := range c.Calls {
				if nr, ok := abi.Number(a, n); ok {
					s.byCall[callKey{a, nr}] = append(s.byCall[callKey{a, nr}], c)
				}
			}
		}
	}
	return s
}

// of returns the category of a call, nil if it has none.
func (s *sorter) of(c *replay.Call) *Category {
	if c.Status == replay.ChildReturn {
		return nil
	}
	for _, k := range s.always {
		if k.When(c) {
			return k
		}
	}
	for _, k := range s.byCall[callKey{c.ABI, c.Nr}] {
		if k.When == nil || k.When(c) {
			return k
		}
	}
	return nil
}
