package files

import (
	"slices"
	"sync"

	"systape/format/abi"
)

// effect is what a call does to descriptors, directories or threads.
type effect struct {
	what   action
	typ    Type   // makes: of what it makes
	name   string // makes: what /proc/PID/fd calls it
	before string // makes: what stands there before the name that the call gives; "": it gives none
	flags  int8   // argument with the flags, -1: none
	bit    int64  // of the flags: closed by exec; with flags -1: whether it is
	unsure bool   // the flags are in memory, see howOf
	tree   bool   // it may open a copy of what is mounted, which has no place
}

type action uint8

const (
	nothing    action = iota
	makes             // returns a new descriptor
	opens             // returns a descriptor of the path it names
	duplicates        // dup
	replaces          // dup2, dup3
	controls          // fcntl
	iocontrols        // ioctl
	closes
	closesRange
	makesSocket
	makesSockets // socketpair
	accepts
	connects
	binds
	tellsLocal // getsockname
	tellsPeer
	pipes
	changesDir
	changesRoot
	pivots
	renames
	clones
	forks // fork, vfork: nothing is shared
	unshares
	entersNamespace
	makesBPF
	leaves // does not come back
	rings  // io_uring_setup: from now on descriptors change unseen
)

// Flags and commands, the same on every ABI of systape (include/uapi/linux and
// asm-generic: fcntl.h, sched.h, close_range.h, ioctls.h, bpf.h).
const (
	oCloexec          = 0o2000000
	fdCloexec         = 1
	fDupFD            = 0
	fSetFD            = 2
	fDupFDCloexec     = 1030
	fioNClex          = 0x5450
	fioClex           = 0x5451
	cloneFS           = 0x200
	cloneFiles        = 0x400
	cloneNewNS        = 0x20000
	closeRangeUnshare = 2
	openTreeClone     = 1 // include/uapi/linux/mount.h
	renameExchange    = 2 // include/uapi/linux/fs.h
	closeRangeCloexec = 4
)

var effects = map[string]effect{
	"open":              {what: opens, flags: 1, bit: oCloexec},
	"openat":            {what: opens, flags: 2, bit: oCloexec},
	"openat2":           {what: opens, flags: -1, unsure: true}, // the flags are in memory
	"creat":             {what: opens, flags: -1},
	"open_tree":         {what: opens, flags: 2, bit: oCloexec, tree: true},
	"open_tree_attr":    {what: opens, flags: 2, bit: oCloexec, tree: true},
	"open_by_handle_at": {what: makes, typ: Regular, flags: 2, bit: oCloexec},

	"epoll_create":            {what: makes, typ: Epoll, name: "anon_inode:[eventpoll]", flags: -1},
	"epoll_create1":           {what: makes, typ: Epoll, name: "anon_inode:[eventpoll]", flags: 0, bit: oCloexec},
	"eventfd":                 {what: makes, typ: Eventfd, name: "anon_inode:[eventfd]", flags: -1},
	"eventfd2":                {what: makes, typ: Eventfd, name: "anon_inode:[eventfd]", flags: 1, bit: oCloexec},
	"signalfd":                {what: makes, typ: Signalfd, name: "anon_inode:[signalfd]", flags: -1},
	"signalfd4":               {what: makes, typ: Signalfd, name: "anon_inode:[signalfd]", flags: 3, bit: oCloexec},
	"timerfd_create":          {what: makes, typ: Timerfd, name: "anon_inode:[timerfd]", flags: 1, bit: oCloexec},
	"inotify_init":            {what: makes, typ: Inotify, name: "anon_inode:inotify", flags: -1},
	"inotify_init1":           {what: makes, typ: Inotify, name: "anon_inode:inotify", flags: 0, bit: oCloexec},
	"fanotify_init":           {what: makes, typ: Fanotify, name: "anon_inode:[fanotify]", flags: 0, bit: 1},
	"pidfd_open":              {what: makes, typ: Pidfd, name: "anon_inode:[pidfd]", flags: -1, bit: 1},
	"memfd_create":            {what: makes, typ: Memfd, name: "memfd", before: "/memfd:", flags: 1, bit: 1},
	"memfd_secret":            {what: makes, typ: Memfd, name: "/secretmem (deleted)", flags: 0, bit: oCloexec},
	"userfaultfd":             {what: makes, typ: Userfaultfd, name: "anon_inode:[userfaultfd]", flags: 0, bit: oCloexec},
	"perf_event_open":         {what: makes, typ: Perf, name: "anon_inode:[perf_event]", flags: 4, bit: 8},
	"landlock_create_ruleset": {what: makes, typ: Other, name: "anon_inode:[landlock-ruleset]", flags: -1, bit: 1},
	"fsopen":                  {what: makes, typ: Other, name: "anon_inode:[fscontext]", flags: 1, bit: 1},
	"fspick":                  {what: makes, typ: Other, name: "anon_inode:[fscontext]", flags: 2, bit: 1},
	"mq_open":                 {what: makes, typ: Other, name: "mqueue", before: "mqueue:/", flags: -1, bit: 1},
	"bpf":                     {what: makesBPF, typ: BPF},
	"io_uring_setup":          {what: rings, typ: IOUring, name: "anon_inode:[io_uring]", flags: -1, bit: 1},

	"dup":         {what: duplicates},
	"dup2":        {what: replaces, flags: -1},
	"dup3":        {what: replaces, flags: 2, bit: oCloexec},
	"fcntl":       {what: controls},
	"fcntl64":     {what: controls},
	"ioctl":       {what: iocontrols},
	"close":       {what: closes},
	"close_range": {what: closesRange},
	"pipe":        {what: pipes, flags: -1},
	"pipe2":       {what: pipes, flags: 1, bit: oCloexec},

	"socket":      {what: makesSocket, flags: 1, bit: oCloexec},
	"socketpair":  {what: makesSockets, flags: 1, bit: oCloexec},
	"accept":      {what: accepts, flags: -1},
	"accept4":     {what: accepts, flags: 3, bit: oCloexec},
	"connect":     {what: connects},
	"bind":        {what: binds},
	"getsockname": {what: tellsLocal},
	"getpeername": {what: tellsPeer},

	"chdir":      {what: changesDir},
	"fchdir":     {what: changesDir},
	"chroot":     {what: changesRoot},
	"pivot_root": {what: pivots},
	"rename":     {what: renames, flags: -1},
	"renameat":   {what: renames, flags: -1},
	"renameat2":  {what: renames, flags: 4},
	"clone":      {what: clones, flags: 0},
	"clone3":     {what: clones, flags: -1},
	"fork":       {what: forks},
	"vfork":      {what: forks},
	"unshare":    {what: unshares},
	"setns":      {what: entersNamespace},
	"exit":       {what: leaves},
	"exit_group": {what: leaves},
}

// Calls that change what a number or a relative path stands for, and without
// which nothing can be followed. The names that a capture's ABI does not have
// are no loss.
var (
	descriptorCalls = []string{"close", "close_range", "dup2", "dup3", "unshare"}
	directoryCalls  = []string{"chdir", "fchdir", "chroot", "pivot_root", "unshare", "setns"}
)

// Needed returns the calls that a capture must have for descriptors to be
// followed.
func Needed() []string { return slices.Clone(descriptorCalls) }

var byNumber = sync.OnceValue(func() (tables [5][]effect) {
	for _, a := range abi.All() {
		for name, e := range effects {
			nr, ok := abi.Number(a, name)
			if !ok {
				continue
			}
			if a == abi.X32 {
				nr &^= x32Bit
			}
			for len(tables[a]) <= int(nr) {
				tables[a] = append(tables[a], effect{})
			}
			tables[a][nr] = e
		}
	}
	return tables
})

const x32Bit = 0x40000000 // arch/x86/include/uapi/asm/unistd.h

// effectOf returns what call nr of a does.
func (f *Follower) effectOf(a abi.ABI, nr int32) effect {
	if int(a) >= len(f.effects) {
		return effect{}
	}
	if a == abi.X32 {
		if nr&x32Bit == 0 {
			return effect{}
		}
		nr &^= x32Bit
	}
	if t := f.effects[a]; uint(nr) < uint(len(t)) {
		return t[nr]
	}
	return effect{}
}

// closedByExec reads from the arguments whether exec closes what a call makes.
func (e *effect) closedByExec(args *[6]int64) closing {
	switch {
	case e.flags < 0 && e.bit != 0, e.flags >= 0 && args[e.flags]&e.bit != 0:
		return yes
	}
	return no
}
