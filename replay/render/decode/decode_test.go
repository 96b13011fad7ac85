package decode_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/replay/render/decode"
)

// Each case is one enter in the text form of format.ParseText, without what
// is the same for all.
func TestArgs(t *testing.T) {
	for _, c := range []struct{ call, want string }{
		{"openat(0xffffff9c, 0x7ffe0000, 0x80000)", "AT_FDCWD, 0x7ffe0000, O_RDONLY|O_CLOEXEC"},
		{"openat(-100, 0x7ffe0040, 0x80000, 0x1b6)", "AT_FDCWD, 0x7ffe0040, O_RDONLY|O_CLOEXEC"},
		{"openat(3, 0, 0x241, 0x1b6)", "3, NULL, O_WRONLY|O_CREAT|O_TRUNC, 0666"},
		{"open(0x40, 0x90800)", "0x40, O_RDONLY|O_NONBLOCK|O_DIRECTORY|O_CLOEXEC"},
		{"open(0x40, 0x8001)", "0x40, O_WRONLY|O_LARGEFILE"},
		{"open(0x40, 0x4000) abi=arm64", ""},
		{"openat(-100, 0x40, 0x24000) abi=arm64", "AT_FDCWD, 0x40, O_RDONLY|O_LARGEFILE|O_DIRECTORY"},
		{"openat(-100, 0x40, 0x14000) abi=arm", "AT_FDCWD, 0x40, O_RDONLY|O_DIRECT|O_DIRECTORY"},
		{"openat(-100, 0x40, 0x14000)", "AT_FDCWD, 0x40, O_RDONLY|O_DIRECT|O_DIRECTORY"},
		{"openat(-100, 0x40, 0x410002, 0x180)", "AT_FDCWD, 0x40, O_RDWR|O_TMPFILE, 0600"},
		{"openat(-100, 0x40, 0x101001)", "AT_FDCWD, 0x40, O_WRONLY|O_SYNC"},
		{"openat(-100, 0x40, 0x1001)", "AT_FDCWD, 0x40, O_WRONLY|O_DSYNC"},
		{"openat(-100, 0x40, 0x40000000)", "AT_FDCWD, 0x40, O_RDONLY|0x40000000"},
		{"mmap(0, 8192, 3, 0x22, -1, 0)", "NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0"},
		{"mmap(0x7f0000000000, 4096, 1, 0x812, 3, 0x1000)", "0x7f0000000000, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE, 3, 0x1000"},
		{"mmap(0xffff0000) abi=i386", "0xffff0000"},
		{"mmap2(0, 4096, 5, 2, 3, 2) abi=i386", "NULL, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3, 0x2000"},
		{"mmap(0, 8192, 3, 0x22, 0xffffffff, 0)", "NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0"},
		{"mprotect(0x1000, 4096, 0)", "0x1000, 4096, PROT_NONE"},
		{"mremap(0x1000, 4096, 8192, 1, 99)", "0x1000, 4096, 8192, MREMAP_MAYMOVE"},
		{"mremap(0x1000, 4096, 8192, 3, 0x9000)", "0x1000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x9000"},
		{"madvise(0x1000, 4096, 4)", "0x1000, 4096, MADV_DONTNEED"},
		{"madvise(0x1000, 4096, 77)", "0x1000, 4096, 77"},
		{"futex(0x1000, 128, 2, 0)", "0x1000, FUTEX_WAIT_PRIVATE, 2, NULL"},
		{"futex(0x1000, 129, 1, 5, 6, 7)", "0x1000, FUTEX_WAKE_PRIVATE, 1"},
		{"futex(0x1000, 393, 0, 0, 0, 0xffffffff)", "0x1000, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 0, NULL, FUTEX_BITSET_MATCH_ANY"},
		{"futex(0x1000, 4, 1, 2147483647, 0x2000, 3)", "0x1000, FUTEX_CMP_REQUEUE, 1, 2147483647, 0x2000, 3"},
		{"futex(0x1000, 7)", "0x1000, FUTEX_UNLOCK_PI"},
		{"clone(0x3d0f00, 0x7f0000, 0x10, 0x20, 0x30)", "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM|CLONE_SETTLS|CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID, 0x7f0000, 0x10, 0x20, 0x30"},
		{"clone(0x1200011, 0, 0, 0x7f10)", "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, NULL, 0x7f10"},
		{"clone(17)", "SIGCHLD, NULL"},
		{"kill(-1, 9)", "-1, SIGKILL"},
		{"tgkill(1, 2, 34)", "1, 2, SIGRT_2"},
		{"kill(5, 0)", "5, 0"},
		{"rt_sigaction(13, 0x10, 0, 8)", "SIGPIPE, 0x10, NULL, 8"},
		{"rt_sigprocmask(2, 0x10, 0, 8)", "SIG_SETMASK, 0x10, NULL, 8"},
		{"fcntl(3, 1, 99)", "3, F_GETFD"},
		{"fcntl(3, 2, 1)", "3, F_SETFD, FD_CLOEXEC"},
		{"fcntl(3, 4, 0x802)", "3, F_SETFL, O_RDWR|O_NONBLOCK"},
		{"fcntl(3, 1030, 10)", "3, F_DUPFD_CLOEXEC, 10"},
		{"fcntl64(3, 13, 0x10) abi=i386", "3, F_SETLK64, 0x10"},
		{"fcntl(3, 6, 0x10)", "3, F_SETLK, 0x10"},
		{"ioctl(0, 0x5401, 0x10)", "0, TCGETS, 0x10"},
		{"ioctl(0, 0x5413, 0x10)", "0, TIOCGWINSZ, 0x10"},
		{"ioctl(0, 0x4008fe6a, 0x10)", "0, _IOC(_IOC_WRITE, 0xfe, 0x6a, 0x8), 0x10"},
		{"lseek(3, -16, 2)", "3, -16, SEEK_END"},
		{"lseek(3, 0xfffffff0, 2) abi=i386", "3, -16, SEEK_END"},
		{"socket(2, 0x80801, 6)", "AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_TCP"},
		{"socket(1, 0x80001, 0)", "AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0"},
		{"socket(16, 3, 0)", "AF_NETLINK, SOCK_RAW, NETLINK_ROUTE"},
		{"setsockopt(3, 1, 2, 0x10, 4)", "3, SOL_SOCKET, SO_REUSEADDR, 0x10, 4"},
		{"setsockopt(3, 6, 1, 0x10, 4)", "3, SOL_TCP, TCP_NODELAY, 0x10, 4"},
		{"sendto(3, 0x10, 5, 0x4000, 0, 0)", "3, 0x10, 5, MSG_NOSIGNAL, NULL, 0"},
		{"shutdown(3, 1)", "3, SHUT_WR"},
		{"epoll_ctl(4, 1, 5, 0x10)", "4, EPOLL_CTL_ADD, 5, 0x10"},
		{"epoll_create1(0x80000)", "EPOLL_CLOEXEC"},
		{"poll(0x10, 1, -1)", "0x10, 1, -1"},
		{"clock_gettime(1, 0x10)", "CLOCK_MONOTONIC, 0x10"},
		{"clock_gettime(-6, 0x10)", "MAKE_PROCESS_CPUCLOCK(0, CPUCLOCK_SCHED), 0x10"},
		{"clock_nanosleep(0, 1, 0x10, 0)", "CLOCK_REALTIME, TIMER_ABSTIME, 0x10, NULL"},
		{"access(0x10, 4)", "0x10, R_OK"},
		{"access(0x10, 0)", "0x10, F_OK"},
		{"faccessat2(-100, 0x10, 1, 0x200)", "AT_FDCWD, 0x10, X_OK, AT_EACCESS"},
		{"newfstatat(3, 0x10, 0x20, 0x1000)", "3, 0x10, 0x20, AT_EMPTY_PATH"},
		{"statx(-100, 0x10, 0x2800, 0x7ff, 0x20)", "AT_FDCWD, 0x10, AT_STATX_FORCE_SYNC|AT_NO_AUTOMOUNT, STATX_BASIC_STATS, 0x20"},
		{"statx(-100, 0x10, 0x100, 0x900, 0x20)", "AT_FDCWD, 0x10, AT_STATX_SYNC_AS_STAT|AT_SYMLINK_NOFOLLOW, STATX_INO|STATX_BTIME, 0x20"},
		{"mknodat(-100, 0x10, 0x11b6, 0)", "AT_FDCWD, 0x10, S_IFIFO|0666"},
		{"fchmod(3, 0x9ed)", "3, 04755"},
		{"umask(18)", "022"},
		{"umask(0xffff1234)", "011064"},
		{"chown(0x10, -1, 1000)", "0x10, -1, 1000"},
		{"wait4(-1, 0x10, 3, 0)", "-1, 0x10, WNOHANG|WUNTRACED, NULL"},
		{"waitid(1, 7, 0x10, 4, 0)", "P_PID, 7, 0x10, WEXITED, NULL"},
		{"prctl(15, 0x10, 0, 0, 0)", "PR_SET_NAME, 0x10"},
		{"prctl(38, 1, 0, 0, 0)", "PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0"},
		{"prctl(3, 1, 2, 3, 4)", "PR_GET_DUMPABLE"},
		{"prctl(15, 0x10, 7, 7, 7)", "PR_SET_NAME, 0x10"},
		{"prctl(22, 2, 0x10, 0, 0)", "PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0x10"},
		{"mknodat(-100, 0x10, 0x21b6, 0x103)", "AT_FDCWD, 0x10, S_IFCHR|0666, 0x103"},
		{"membarrier(0, 0, 5)", "MEMBARRIER_CMD_QUERY, 0"},
		{"kcmp(1, 2, 1, 3, 4)", "1, 2, KCMP_VM"},
		{"prctl(1, 9)", "PR_SET_PDEATHSIG, SIGKILL"},
		{"personality(0xffffffff)", "0xffffffff"},
		{"personality(0x40000)", "PER_LINUX|ADDR_NO_RANDOMIZE"},
		{"arch_prctl(0x1002, 0x7f00)", "ARCH_SET_FS, 0x7f00"},
		{"prlimit64(0, 7, 0, 0x10)", "0, RLIMIT_NOFILE, NULL, 0x10"},
		{"getrusage(-1, 0x10)", "RUSAGE_CHILDREN, 0x10"},
		{"getrusage(0xffffffff, 0x10)", "RUSAGE_CHILDREN, 0x10"},
		{"getrandom(0x10, 8, 1)", "0x10, 8, GRND_NONBLOCK"},
		{"pread64(3, 0x10, 4096, 0x100000000)", "3, 0x10, 4096, 4294967296"},
		{"pread64(3, 0x10, 4096, 1, 1) abi=i386", "3, 0x10, 4096, 4294967297"},
		{"pread64(3, 0x10, 4096, 0, 1, 1) abi=arm", "3, 0x10, 4096, 4294967297"},
		{"fallocate(3, 3, 0, 0, 4096, 0) abi=i386", "3, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096"},
		{"preadv2(3, 0x10, 1, 0, 9, 1)", "3, 0x10, 1, 0, RWF_HIPRI"},
		{"shmget(0, 4096, 0x3b6)", "IPC_PRIVATE, 4096, IPC_CREAT|0666"},
		{"flock(3, 6)", "3, LOCK_EX|LOCK_NB"},
		{"rseq(0x10, 32, 0, 0x53053053)", "0x10, 32, 0, 0x53053053"},
		{"socketcall(3, 0xff00) abi=i386", "SYS_CONNECT, 0xff00"},
		{"exit_group(-1)", "-1"},
		{"bpf(5, 0x10, 144)", "BPF_PROG_LOAD, 0x10, 144"},
		{"reboot(0xfee1dead, 672274793, 0x4321fedc, 0)", "LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF, NULL"},
		{"lsm_get_self_attr(100, 0x7f0000000000, 0x7fff, 1)", "LSM_ATTR_CURRENT, 0x7f0000000000, 0x7fff, LSM_FLAG_SINGLE"},

		// clone takes its last arguments in another order where the kernel has
		// CONFIG_CLONE_BACKWARDS: the fork of every 32-bit program.
		{"clone(0x1200011, 0, 0, 0, 0xf7fa35e8) abi=i386", "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, NULL, 0xf7fa35e8"},
		{"clone(0x1200011, 0, 0, 0, 0x7f1122334455) abi=arm64", "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, NULL, 0x7f1122334455"},
		{"clone(0x1200011, 0, 0, 0, 0xb6f0) abi=arm", "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, NULL, 0xb6f0"},
		{"clone(0x3d0f00, 0x10, 0x20, 0x30, 0x40) abi=i386", "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM|CLONE_SETTLS|CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID, 0x10, 0x20, 0x30, 0x40"},

		// Shared memory, queues and semaphores have commands of their own.
		{"shmctl(0, 11, 0)", "0, SHM_LOCK, NULL"},
		{"shmctl(0, 13, 0)", "0, SHM_STAT, NULL"},
		{"shmctl(0, 14, 0)", "0, SHM_INFO, NULL"},
		{"shmctl(0, 15, 0)", "0, SHM_STAT_ANY, NULL"},
		{"shmctl(5, 0x102, 0x10) abi=i386", "5, IPC_STAT|IPC_64, 0x10"},
		{"msgctl(0, 11, 0)", "0, MSG_STAT, NULL"},
		{"msgctl(0, 12, 0)", "0, MSG_INFO, NULL"},
		{"semctl(0, 1, 18, 0)", "0, 1, SEM_STAT, 0"},
		{"semctl(0, 0, 19, 0x10)", "0, 0, SEM_INFO, 0x10"},
		{"semctl(0, 0, 11, 0)", "0, 0, GETPID, 0"},

		// prctl, keyctl and ptrace are many calls in one; a zero that means
		// something is there.
		{"prctl(0x53564d41, 0, 0x7f00, 0x1000, 0x10)", "PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x7f00, 4096, 0x10"},
		{"prctl(23, 21, 0, 0, 0)", "PR_CAPBSET_READ, CAP_SYS_ADMIN"},
		{"prctl(24, 0, 0, 0, 0)", "PR_CAPBSET_DROP, CAP_CHOWN"},
		{"prctl(4, 0, 0, 0, 0)", "PR_SET_DUMPABLE, SUID_DUMP_DISABLE"},
		{"prctl(47, 2, 10, 0, 0)", "PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0"},
		{"prctl(28, 0x13, 0, 0, 0)", "PR_SET_SECUREBITS, SECBIT_NOROOT|SECBIT_NOROOT_LOCKED|SECBIT_KEEP_CAPS"},
		{"prctl(53, 0, 4, 0, 0)", "PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0"},
		{"prctl(777, 1, 2, 0, 0)", "777, 0x1, 0x2, 0, 0"},
		{"keyctl(11, -3, 0x10, 4096)", "KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, 0x10, 4096"},
		{"keyctl(5, 0x3b9aca00, 0x3f010000)", "KEYCTL_SETPERM, 1000000000, KEY_POS_VIEW|KEY_POS_READ|KEY_POS_WRITE|KEY_POS_SEARCH|KEY_POS_LINK|KEY_POS_SETATTR|KEY_USR_VIEW"},
		{"ptrace(7, 100, 0, 18)", "PTRACE_CONT, 100, NULL, SIGCONT"},
		{"ptrace(0x4200, 100, 0, 0x100009)", "PTRACE_SETOPTIONS, 100, NULL, PTRACE_O_TRACESYSGOOD|PTRACE_O_TRACECLONE|PTRACE_O_EXITKILL"},
		{"ptrace(0x4204, 100, 1, 0x10)", "PTRACE_GETREGSET, 100, NT_PRSTATUS, 0x10"},
		{"ptrace(31, 100, 0, 0)", "PTRACE_SYSEMU, 100, NULL, 0"},

		// mount(2) took a magic number once.
		{"mount(0, 0x10, 0, 0xc0ed0002, 0)", "NULL, 0x10, NULL, MS_MGC_VAL|MS_NOSUID, NULL"},
		{"mount(0, 0x10, 0, 0xc0ed0000, 0)", "NULL, 0x10, NULL, MS_MGC_VAL, NULL"},
		{"mount(0, 0x10, 0, 0x44000, 0)", "NULL, 0x10, NULL, MS_REC|MS_PRIVATE, NULL"},

		// The kernel reads an int from a register of 64 bits: the rest does
		// not show. It reads the whole of a long.
		{"dup3(0, 1, 0x1234500080000)", "0, 1, O_CLOEXEC"},
		{"fsconfig(3, 0x1234500000001, 0, 0, 0)", "3, FSCONFIG_SET_STRING, NULL, NULL, 0"},
		{"setsockopt(3, 0x7fff00000001, 0x7fff00000002, 0x10, 4)", "3, SOL_SOCKET, SO_REUSEADDR, 0x10, 4"},
		{"faccessat(-100, 0x10, 0x1234500000004)", "AT_FDCWD, 0x10, R_OK"},
		{"getdents64(3, 0x10, 0x1234500008000)", "3, 0x10, 32768"},
		{"mkdir(0x10, -1)", "0x10, 0177777"},
		{"openat(0x12345ffffff9c, 0x10, 0x1234500000000)", "AT_FDCWD, 0x10, O_RDONLY"},
		{"mprotect(0x1000, 4096, 0xdeadfeed00000001)", "0x1000, 4096, PROT_READ|0xdeadfeed00000000"},
		{"mmap(0, 4096, 1, 0x1234500000022, -1, 0)", "NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|0x1234500000000, -1, 0"},
		{"read(0x1234500000003, 0x10, 0x1234500000004)", "3, 0x10, 320254236426244"},

		// A futex is a word without a sign.
		{"futex(0x1000, 128, 2147483649, 0)", "0x1000, FUTEX_WAIT_PRIVATE, 2147483649, NULL"},
		{"futex(0x1000, 5, 1, 1, 0x2000, 0x14000001)", "0x1000, FUTEX_WAKE_OP, 1, 1, 0x2000, FUTEX_OP_ADD<<28|0<<12|FUTEX_OP_CMP_GT<<24|0x1"},
		{"futex(0x1000, 5, 1, 1, 0x2000, 0xa0003002)", "0x1000, FUTEX_WAKE_OP, 1, 1, 0x2000, FUTEX_OP_OPARG_SHIFT<<28|FUTEX_OP_OR<<28|0x3<<12|FUTEX_OP_CMP_EQ<<24|0x2"},

		// What strace shows from registers alone.
		{"fanotify_mark(3, 1, 0x38, -100, 0x10)", "3, FAN_MARK_ADD, FAN_CLOSE_WRITE|FAN_CLOSE_NOWRITE|FAN_OPEN, AT_FDCWD, 0x10"},
		{"fanotify_mark(3, 1, 0x38, 0, -100, 0x10) abi=i386", "3, FAN_MARK_ADD, FAN_CLOSE_WRITE|FAN_CLOSE_NOWRITE|FAN_OPEN, AT_FDCWD, 0x10"},
		{"fsmount(3, 1, 0x11)", "3, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOATIME|MOUNT_ATTR_RDONLY"},
		{"quotactl(0x80000700, 0x10, 1000, 0x20)", "QCMD(Q_GETQUOTA, USRQUOTA), 0x10, 1000, 0x20"},
		{"ioprio_set(1, 0, 0x4004)", "IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4)"},
		{"swapon(0x10, 0x18005)", "0x10, SWAP_FLAG_PREFER|SWAP_FLAG_DISCARD|5<<SWAP_FLAG_PRIO_SHIFT"},
		{"mbind(0x1000, 4096, 2, 0x10, 8, 3)", "0x1000, 4096, MPOL_BIND, 0x10, 8, MPOL_MF_STRICT|MPOL_MF_MOVE"},
		{"memfd_create(0x10, 0x54000004)", "0x10, MFD_HUGETLB|21<<MFD_HUGE_SHIFT"},
		{"mmap(0, 0x200000, 3, 0x54040022, -1, 0)", "NULL, 2097152, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT, -1, 0"},
		{"setsockopt(3, 0, 42, 0x10, 136)", "3, SOL_IP, MCAST_JOIN_GROUP, 0x10, 136"},
		{"_llseek(3, 1, 2, 0x10, 0) abi=i386", "3, 4294967298, 0x10, SEEK_SET"},
		{"fcntl(3, 1026, 0x80000004)", "3, F_NOTIFY, DN_CREATE|DN_MULTISHOT"},
		{"setxattrat(-100, 0x10, 0x1000, 0x20, 0x30, 16)", "AT_FDCWD, 0x10, AT_EMPTY_PATH, 0x20, 0x30, 16"},
		{"removexattrat(0xffffff9c, 0x10, 0, 0x20)", "AT_FDCWD, 0x10, 0, 0x20"},
		{"listmount(0x10, 0x20, 8, 1)", "0x10, 0x20, 8, LISTMOUNT_REVERSE"},
		{"map_shadow_stack(0, 0x1000, 1)", "NULL, 4096, SHADOW_STACK_SET_TOKEN"},
		{"kexec_file_load(3, -1, 5, 0x10, 6)", "3, -1, 5, 0x10, KEXEC_FILE_ON_CRASH|KEXEC_FILE_NO_INITRAMFS"},
		{"setresuid32(-1, 1000, -1) abi=i386", "-1, 1000, -1"},
		{"nr=999(1, 2, 3, 4, 5, 0x7f0000000000)", "1, 2, 3, 4, 5, 0x7f0000000000"},
	} {
		events, err := format.ParseText(strings.NewReader("1 enter 1 " + c.call))
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: no error", c.call) // arm64 has no open
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.call, err)
			continue
		}
		e := events[0]
		if got := string(decode.AppendArgs(nil, e.ABI, e.Nr, &e.Args, "")); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.call, got, c.want)
		}
	}
}

func TestResult(t *testing.T) {
	for _, c := range []struct {
		call string
		ret  int64
		want string
	}{
		{"read", 12, "12"},
		{"read", -2, "-1 ENOENT (No such file or directory)"},
		{"read", -11, "-1 EAGAIN (Resource temporarily unavailable)"},
		{"read", -5, "-1 EIO (Input/output error)"},
		{"read", -95, "-1 EOPNOTSUPP (Operation not supported)"},
		{"read", -512, "? ERESTARTSYS (To be restarted if SA_RESTART is set)"},
		{"read", -516, "? ERESTART_RESTARTBLOCK (Interrupted by signal)"},
		{"read", -524, "-1 ENOTSUPP"},
		{"read", -4000, "-1 errno 4000"},
		{"read", -4096, "-4096"},
		{"modify_ldt abi=i386", 4294967258, "-1 ENOSYS (Function not implemented)"},
		{"ioprio_get(1, 0)", 0x4004, "16388 (IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4))"},
		{"mmap(0)", 0x7f0000000000, "0x7f0000000000"},
		{"mmap(0)", -12, "-1 ENOMEM (Cannot allocate memory)"},
		{"mmap2(0) abi=i386", -0x1000000, "0xff000000"},
		{"brk(0)", 0x5000, "0x5000"},
		{"umask(0)", 18, "022"},
		{"fcntl(3, 3)", 0x8802, "0x8802 (flags O_RDWR|O_NONBLOCK|O_LARGEFILE)"},
		{"fcntl(3, 3) abi=arm64", 0x20002, "0x20002 (flags O_RDWR|O_LARGEFILE)"},
		{"fcntl(3, 1)", 1, "0x1 (flags FD_CLOEXEC)"},
		{"fcntl(3, 1)", 0, "0"},
		{"fcntl(3, 0)", 4, "4"},
		{"nr=-1", 7, "7"},
	} {
		events := format.MustParseText("1 enter 1 " + c.call)
		e := events[0]
		if got := string(decode.AppendResult(nil, e.ABI, e.Nr, &e.Args, c.ret)); got != c.want {
			t.Errorf("%s = %d\ngot  %s\nwant %s", c.call, c.ret, got, c.want)
		}
	}
}

// Whatever the registers hold, decoding ends, and allocates nothing.
func TestAnyRegisters(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	known := map[string]bool{}
	buf := make([]byte, 0, 4096)
	for _, a := range append(abi.All(), 77) {
		for _, base := range []int32{0, 0x40000000, 0x0f0000, -5, 0x7ffffff0} {
			for i := range int32(600) {
				nr := base + i
				if name, ok := abi.Name(a, nr); ok && decode.Known(a, nr) {
					known[name] = true
				}
				for range 5 {
					var args [6]int64
					for k := range args {
						args[k] = int64(r.Uint64() >> r.IntN(64) & (r.Uint64() | 0xff))
					}
					ret := int64(r.Uint64() >> r.IntN(64))
					buf = decode.AppendArgs(buf[:0], a, nr, &args, "")
					buf = decode.AppendResult(buf, a, nr, &args, ret)
					buf = decode.AppendResult(buf, a, nr, &args, -ret%600)
					if bytes.ContainsAny(buf, "\x00\n\r\x1b") {
						t.Fatalf("%v %d %v: %q", a, nr, args, buf)
					}
				}
			}
		}
	}
	if len(known) < 150 {
		t.Errorf("only %d calls are known", len(known))
	}
	t.Logf("%d calls are known", len(known))
	e := format.MustParseText("1 enter 1 openat(-100, 0x7ffe0000, 0x80241, 0x1b6)")[0]
	if n := testing.AllocsPerRun(100, func() {
		buf = decode.AppendArgs(buf[:0], e.ABI, e.Nr, &e.Args, "")
		buf = decode.AppendResult(buf, e.ABI, e.Nr, &e.Args, -2)
	}); n != 0 {
		t.Errorf("%v allocations for a call, want none", n)
	}
}

// An argument that is read is shown: the entry of each call covers all its
// registers, but for those that a condition holds back.
func TestEveryArgumentIsThere(t *testing.T) {
	for _, a := range abi.All() {
		for nr := int32(0); nr < 600; nr++ {
			n := nr
			if a == abi.X32 {
				n |= 0x40000000
			}
			if !decode.Known(a, n) {
				continue
			}
			if got, want := decode.Registers(a, n), abi.NumArgs(a, n); got != want {
				name, _ := abi.Name(a, n)
				t.Errorf("%v %s: the entry reads %d registers, the call %d", a, name, got, want)
			}
		}
	}
}

// The generator goes through go/parser; this reads x/sys as lines of text.
func TestConstantsAgainstXSys(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Skip("SKIPPED: golang.org/x/sys is not in the module cache")
	}
	text, err := os.ReadFile("gen/sets.txt")
	if err != nil {
		t.Fatal(err)
	}
	bare := map[string]bool{} // names without a value of their own
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Fields(line)
		if len(f) < 3 || strings.HasPrefix(f[0], "#") {
			continue
		}
		for _, w := range f[2:] {
			if !strings.ContainsAny(w, "=") && w[0] != '0' {
				bare[w] = true
			}
		}
	}
	def := regexp.MustCompile(`(?m)^\s+(\w+)\s+= (-?)(0x[0-9a-f]+)$`)
	for a, goarch := range map[abi.ABI]string{abi.X86_64: "amd64", abi.I386: "386", abi.X32: "amd64", abi.ARM64: "arm64", abi.ARM: "arm"} {
		checked := 0
		for _, f := range []string{"zerrors_linux.go", "zerrors_linux_" + goarch + ".go", "ztypes_linux.go", "ztypes_linux_" + goarch + ".go"} {
			src, err := os.ReadFile(filepath.Join(dir, "unix", f))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range def.FindAllStringSubmatch(string(src), -1) {
				if !bare[m[1]] {
					continue
				}
				want, err := strconv.ParseUint(m[3], 0, 64)
				if err != nil {
					t.Fatal(err)
				}
				if m[2] == "-" {
					want = -want
				}
				checked++
				for _, got := range decode.Values(a, m[1]) {
					if got != want {
						t.Errorf("%v %s = %#x, x/sys says %#x", a, m[1], got, want)
					}
				}
			}
		}
		if checked < 800 {
			t.Errorf("%v: only %d constants found in x/sys", a, checked)
		}
	}
}

func TestConstantsAreFresh(t *testing.T) {
	out := filepath.Join(t.TempDir(), "constants.go")
	if b, err := exec.Command("go", "run", "gen/main.go", "-o", out).CombinedOutput(); err != nil {
		if _, missing := exec.LookPath("go"); missing != nil {
			t.Skip("SKIPPED: no go command")
		}
		t.Fatalf("go run gen/main.go: %v\n%s", err, b)
	}
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("constants.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("constants.go is not what gen/main.go writes: run go generate ./replay/render/decode")
	}
}

func BenchmarkArgs(b *testing.B) {
	events := format.MustParseText(`1 enter 1 openat(-100, 0x7ffe00001234, 0x80000)
2 enter 1 read(3, 0x7ffe00001234, 4096)
3 enter 1 futex(0x7ffe00001234, 128, 2, 0)
4 enter 1 mmap(0, 8192, 3, 0x22, -1, 0)`)
	var buf []byte
	for b.Loop() {
		for i := range events {
			e := &events[i]
			buf = decode.AppendArgs(buf[:0], e.ABI, e.Nr, &e.Args, "")
			buf = decode.AppendResult(buf, e.ABI, e.Nr, &e.Args, 3)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4, "ns/call")
}

// Arguments in memory are written as strace does.
func TestArgumentsInMemory(t *testing.T) {
	for line, want := range map[string]string{
		`clone3(0x10, 88) "0={0x4100, 0x0, 0x0, 0x0, 0x11}"`:                                    "{flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD, ...}, 88",
		`clone3(0x10, 88) "0={}"`:                                                               `"{}", 88`,
		`openat2(3, 0x10, 0x20, 24) "1=a\n2={0x80000, 0x0, 0x10}"`:                              `3, "a", {flags=O_RDONLY|O_CLOEXEC, resolve=RESOLVE_IN_ROOT}, 24`,
		`openat2(3, 0x10, 0x20, 24) "1=a\n2={0x41, 0x1a4, 0x0}"`:                                `3, "a", {flags=O_WRONLY|O_CREAT, mode=0644, resolve=0}, 24`,
		`socketcall(3, 0xff00) abi=i386 "1={0x5, 0xffa0, 0x10, 0, 0x0, 0x0}"`:                   `SYS_CONNECT, "{0x5, 0xffa0, 0x10, 0, 0x0, 0x0}"`,
		`socketcall(3, 0xff00) abi=i386 "1={0x5, 0xffa0, 0x10, 0x9, 0x9, 0x9}\n2=192.0.2.1:80"`: "SYS_CONNECT, [5, 192.0.2.1:80, 16]",
		`socketcall(11, 0xff00) abi=i386 "1={0x5, 0xffa0, 0x1, 0x0, 0xffb0, 0x10}\n2=@a b"`:     "SYS_SENDTO, [5, 0xffa0, 1, 0, @a b, 16]",
		`socketcall(9, 0xff00) abi=i386 "1={0x5, 0xffa0, 0x1, 0x0, 0xffb0, 0x10}"`:              "SYS_SEND, [5, 0xffa0, 1, 0]",
		`socketcall(5, 0xff00) abi=i386 "1={0x5, 0x0, 0x0, 0x800, 0xffb0, 0x10}"`:               "SYS_ACCEPT, [5, NULL, NULL]",
		`socketcall(8, 0xff00) abi=i386 "1={0x1, 0x1, 0x0, 0xffb0, 0x0, 0x0}\n2=[3, 4]"`:        "SYS_SOCKETPAIR, [AF_UNIX, SOCK_STREAM, 0, [3, 4]]",
		`socketcall(99, 0xff00) abi=i386 "1={0x1, 0x1, 0x0, 0xffb0, 0x0, 0x0}"`:                 "99, [1, 1, 0, 65456, 0, 0]",
		`socketcall(3, 0xff00) abi=i386 "1={0x5, 0xffa0, 0x10}"`:                                "SYS_CONNECT, [5, 0xffa0, 16]",
	} {
		events, err := format.ParseText(strings.NewReader("1 enter 7 " + line))
		if err != nil {
			t.Fatal(err)
		}
		e := &events[0]
		if got := string(decode.AppendArgs(nil, e.ABI, e.Nr, &e.Args, e.Detail)); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}
