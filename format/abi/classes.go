package abi

import "strings"

// classes names the groups that an expression may ask for with a percent
// sign, and the calls of each. They are drawn from what the calls take and do
// by the kernel's prototypes (include/linux/syscalls.h) and man pages; a name
// that an ABI does not have is simply not in that ABI's set.
var classes = map[string][]string{
	// Calls that take the name of a file.
	"file": strings.Fields(`access acct chdir chmod chown chown32 chroot creat execve execveat faccessat faccessat2
		fanotify_mark fchmodat fchmodat2 fchownat file_getattr file_setattr fspick fstatat64 futimesat getcwd getxattr getxattrat
		inotify_add_watch lchown lchown32 lgetxattr link linkat listxattr listxattrat llistxattr lookup_dcookie
		lremovexattr lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat mount mount_setattr move_mount
		name_to_handle_at newfstatat oldlstat oldstat open open_tree open_tree_attr openat openat2 pivot_root
		quotactl readlink readlinkat removexattr removexattrat rename renameat renameat2 rmdir setxattr setxattrat
		stat stat64 statfs statfs64 statx swapoff swapon symlink symlinkat truncate truncate64 umount umount2 unlink
		unlinkat uselib utime utimensat utimensat_time64 utimes`),

	// Calls that take or return a file descriptor.
	"desc": strings.Fields(`_llseek _newselect accept accept4 arm_fadvise64_64 arm_sync_file_range bind bpf cachestat close
		close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
		epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execveat faccessat faccessat2 fadvise64
		fadvise64_64 fallocate fanotify_init fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat
		fcntl fcntl64 fdatasync fgetxattr file_getattr file_setattr finit_module flistxattr flock fremovexattr fsconfig
		fsetxattr fsmount fsopen fspick fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat
		getdents getdents64 getpeername getsockname getsockopt getxattrat inotify_add_watch inotify_init inotify_init1
		inotify_rm_watch io_uring_enter io_uring_register io_uring_setup ioctl kexec_file_load landlock_add_rule
		landlock_create_ruleset landlock_restrict_self linkat listen listxattrat lseek memfd_create memfd_secret mkdirat
		mknodat mmap mmap2 mount_setattr move_mount mq_getsetattr mq_notify mq_open mq_timedreceive
		mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 name_to_handle_at newfstatat oldfstat open
		open_by_handle_at open_tree open_tree_attr openat openat2 perf_event_open pidfd_getfd pidfd_open
		pidfd_send_signal pipe pipe2 poll ppoll ppoll_time64 pread64 preadv preadv2 process_madvise process_mrelease
		pselect6 pselect6_time64 pwrite64 pwritev pwritev2 quotactl_fd read readahead readdir readlinkat readv recv
		recvfrom recvmmsg recvmmsg_time64 recvmsg removexattrat renameat renameat2 select send sendfile sendfile64
		sendmmsg sendmsg sendto setns setsockopt setxattrat shutdown signalfd signalfd4 socket socketcall socketpair
		splice statx symlinkat sync_file_range syncfs tee timerfd_create timerfd_gettime timerfd_gettime64
		timerfd_settime timerfd_settime64 unlinkat userfaultfd utimensat utimensat_time64 vmsplice write writev`),

	// Calls on sockets.
	"network": strings.Fields(`accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
		recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socket socketcall socketpair`),

	// Calls that start, end, wait for or replace processes and threads.
	"process": strings.Fields(`clone clone3 execve execveat exit exit_group fork kill pidfd_open pidfd_send_signal
		process_mrelease rt_sigqueueinfo rt_tgsigqueueinfo setns tgkill tkill unshare vfork wait4 waitid waitpid`),

	// Calls on the caller's or another process's memory map.
	"memory": strings.Fields(`brk get_mempolicy madvise map_shadow_stack mbind migrate_pages mincore mlock mlock2 mlockall
		mmap mmap2 move_pages mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
		process_madvise process_mrelease remap_file_pages set_mempolicy set_mempolicy_home_node shmat shmdt`),

	// Calls that send, wait for, block or handle signals.
	"signal": strings.Fields(`kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
		rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sgetmask sigaction
		sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend ssetmask tgkill tkill`),

	// System V and POSIX message queues, semaphores, shared memory.
	"ipc": strings.Fields(`ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
		mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64
		shmat shmctl shmdt shmget`),

	// Calls that read or set a clock.
	"clock": strings.Fields(`adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
		clock_gettime64 clock_settime clock_settime64 gettimeofday settimeofday stime time`),

	// Calls that sleep for a time or handle timers.
	"timer": strings.Fields(`alarm clock_nanosleep clock_nanosleep_time64 getitimer nanosleep setitimer timer_create
		timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
		timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64`),

	// Calls that wait for one of several descriptors.
	"poll": strings.Fields(`_newselect epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old poll ppoll ppoll_time64 pselect6
		pselect6_time64 select`),

	// Calls on futexes and scheduling.
	"sync": strings.Fields(`futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list membarrier
		sched_yield set_robust_list`),

	// The stat family: of a path, then of a link, then of a descriptor.
	"stat":  strings.Fields(`oldstat stat stat64`),
	"lstat": strings.Fields(`lstat lstat64 oldlstat`),
	"fstat": strings.Fields(`fstat fstat64 fstatat64 newfstatat oldfstat statx`),

	// The statfs family: of a path, then of a descriptor.
	"statfs":  strings.Fields(`statfs statfs64`),
	"fstatfs": strings.Fields(`fstatfs fstatfs64`),

	// Calls that read or set user ids, group ids and capabilities.
	"creds": strings.Fields(`capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32
		getresgid getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid
		setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid
		setreuid32 setuid setuid32`),

	// Calls without arguments that always succeed.
	"pure": strings.Fields(`getegid getegid32 geteuid geteuid32 getgid getgid32 getpgrp getpid getppid gettid getuid
		getuid32`),

	// Calls that move data through descriptors; not in strace.
	"io": strings.Fields(`copy_file_range fdatasync fsync getdents getdents64 pread64 preadv preadv2 pwrite64 pwritev
		pwritev2 read readahead readdir readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg send sendfile sendfile64
		sendmmsg sendmsg sendto splice sync_file_range arm_sync_file_range tee vmsplice write writev`),
}

// classUnions are the classes that are made of others: %%stat, %%statfs.
var classUnions = map[string][]string{
	"%stat":   {"stat", "lstat", "fstat"},
	"%statfs": {"statfs", "fstatfs"},
}

// classAliases are further names of a class.
var classAliases = map[string]string{"net": "network", "mem": "memory"}

// class returns the calls of a class, named without its percent sign.
func class(name string) (calls []string, ok bool) {
	if n, ok := classAliases[name]; ok {
		name = n
	}
	for _, part := range classUnions[name] {
		calls = append(calls, classes[part]...)
	}
	if calls != nil {
		return calls, true
	}
	calls, ok = classes[name]
	return calls, ok
}
