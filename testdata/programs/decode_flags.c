// Calls with flags, commands, modes and clocks of many kinds, for comparing
// what replay makes of the registers with what strace makes of them. It writes
// into the current directory.
#define _GNU_SOURCE
#include <stdio.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/signalfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <sys/sendfile.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/futex.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <string.h>
#include <sched.h>
static void handler(int sig) {}

static void *thread(void *arg)
{
	struct timespec t = {0, 1000000};
	nanosleep(&t, 0);
	return 0;
}

int main(void)
{
	char b[4096];
	int fd = open("decode_flags.tmp", O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC, 0640);
	write(fd, "hello", 5);
	pwrite(fd, "x", 1, 4096);
	pread(fd, b, 10, 0);
	lseek(fd, -3, SEEK_END);
	ftruncate(fd, 100);
	fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 8192);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	flock(fd, LOCK_EX|LOCK_NB);
	flock(fd, LOCK_UN);
	fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, O_APPEND|O_NONBLOCK);
	fcntl(fd, F_GETFD);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	int d = fcntl(fd, F_DUPFD_CLOEXEC, 20);
	struct flock fl = {F_WRLCK, SEEK_SET, 0, 10};
	fcntl(fd, F_SETLK, &fl);
	dup3(d, 25, O_CLOEXEC);
	dup2(d, 26);
	close(25);
	close_range(26, 30, 0);
	fsync(fd);
	fdatasync(fd);
	sync_file_range(fd, 0, 10, SYNC_FILE_RANGE_WRITE);
	fchmod(fd, 04755);
	umask(027);
	open("/nonexistent", O_RDONLY|O_DIRECTORY|O_NOFOLLOW);
	openat(AT_FDCWD, ".", O_TMPFILE|O_RDWR, 0600);
	access("/etc/passwd", R_OK|W_OK);
	faccessat(AT_FDCWD, "/x", F_OK, 0);
	mkdir("decode_flags.dir", 0755);
	rmdir("decode_flags.dir");
	unlink("nope");
	unlinkat(AT_FDCWD, "nope", AT_REMOVEDIR);
	renameat2(AT_FDCWD, "/a1", AT_FDCWD, "/b1", RENAME_NOREPLACE);
	mknod("decode_flags.fifo", S_IFIFO|0600, 0);
	unlink("decode_flags.fifo");
	struct statx sx;
	statx(AT_FDCWD, "/etc", AT_SYMLINK_NOFOLLOW|AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &sx);
	struct stat st;
	fstatat(fd, "", &st, AT_EMPTY_PATH);
	utimensat(AT_FDCWD, "decode_flags.tmp", 0, 0);
	chown("/nonexist", -1, 1000);
	void *m = mmap(0, 65536, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);
	mprotect(m, 4096, PROT_READ);
	madvise(m, 4096, MADV_DONTNEED);
	msync(m, 4096, MS_SYNC);
	mremap(m, 65536, 131072, MREMAP_MAYMOVE);
	mlock(m, 4096);
	munlock(m, 4096);
	mlockall(MCL_FUTURE);
	munlockall();
	mmap(0, 4096, PROT_READ, MAP_SHARED|MAP_POPULATE, fd, 0);
	munmap(m, 4096);
	int s = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, IPPROTO_TCP);
	int one = 1;
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, 4);
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, 4);
	setsockopt(s, IPPROTO_IP, IP_TTL, &one, 4);
	socklen_t l = 4;
	getsockopt(s, SOL_SOCKET, SO_ERROR, &one, &l);
	listen(s, 5);
	shutdown(s, SHUT_RDWR);
	socket(AF_NETLINK, SOCK_RAW, 0);
	socket(AF_INET6, SOCK_DGRAM, 0);
	int sv[2];
	socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, sv);
	send(sv[0], "x", 1, MSG_NOSIGNAL|MSG_DONTWAIT);
	recv(sv[1], b, 10, MSG_PEEK);
	recvfrom(sv[1], b, 10, MSG_DONTWAIT, 0, 0);
	int pp[2];
	pipe2(pp, O_NONBLOCK|O_CLOEXEC);
	struct pollfd pf = {pp[0], POLLIN};
	poll(&pf, 1, 0);
	read(pp[0], b, 1);
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = {EPOLLIN};
	epoll_ctl(ep, EPOLL_CTL_ADD, pp[0], &ev);
	epoll_ctl(ep, EPOLL_CTL_MOD, 99, &ev);
	epoll_wait(ep, &ev, 1, 0);
	int ef = eventfd(3, EFD_NONBLOCK|EFD_SEMAPHORE);
	int tf = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct itimerspec it = {{0, 0}, {1, 0}};
	timerfd_settime(tf, TFD_TIMER_ABSTIME, &it, 0);
	sigset_t ss;
	sigemptyset(&ss);
	sigaddset(&ss, SIGUSR1);
	signalfd(-1, &ss, SFD_CLOEXEC);
	int in = inotify_init1(IN_CLOEXEC);
	inotify_add_watch(in, ".", IN_CREATE|IN_DELETE);
	ioctl(0, TCGETS, b);
	ioctl(fd, FIONREAD, &one);
	ioctl(fd, TIOCGWINSZ, b);
	prctl(PR_SET_NAME, "cmp");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_GET_DUMPABLE);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	struct rlimit rl;
	getrlimit(RLIMIT_NOFILE, &rl);
	struct rusage ru;
	getrusage(RUSAGE_CHILDREN, &ru);
	getpriority(PRIO_PROCESS, 0);
	setpriority(PRIO_PROCESS, 0, 1);
	sched_getscheduler(0);
	sched_get_priority_max(SCHED_FIFO);
	cpu_set_t cs;
	sched_getaffinity(0, sizeof cs, &cs);
	syscall(SYS_futex, &one, FUTEX_WAKE_PRIVATE, 1);
	syscall(SYS_futex, &one, FUTEX_WAIT, 77, 0);
	syscall(SYS_futex, &one, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 77, 0, 0, -1);
	syscall(SYS_futex, &one, FUTEX_CMP_REQUEUE, 1, 2147483647, &one, 9);
	struct timespec ts;
	syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &ts);
	syscall(SYS_clock_getres, CLOCK_TAI, &ts);
	ts.tv_sec = 0;
	ts.tv_nsec = 1000;
	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, 0);
	getrandom(b, 8, GRND_NONBLOCK);
	memset(b, 0, 8);
	syscall(SYS_memfd_create, "x", 1|2);
	signal(SIGUSR1, handler);
	sigprocmask(SIG_BLOCK, &ss, 0);
	sigprocmask(SIG_UNBLOCK, &ss, 0);
	raise(SIGUSR1);
	kill(getpid(), 0);
	kill(99999999, SIGTERM);
	struct iovec iv = {b, 1};
	writev(fd, &iv, 1);
	preadv2(fd, &iv, 1, 0, RWF_HIPRI);
	sendfile(fd, fd, 0, 1);
	copy_file_range(fd, 0, fd, 0, 1, 0);
	splice(pp[0], 0, fd, 0, 1, SPLICE_F_NONBLOCK|SPLICE_F_MOVE);
	tee(pp[0], pp[1], 1, SPLICE_F_NONBLOCK);
	unshare(CLONE_FILES|CLONE_FS);
	syscall(SYS_personality, 0xffffffff);
	syscall(SYS_kcmp, getpid(), getpid(), 1, 0, 0);
	pthread_t t;
	pthread_create(&t, 0, thread, 0);
	pthread_join(t, 0);
	pid_t c = fork();
	if(!c){ _exit(3);} int w;
	wait4(c, &w, __WALL, 0);
	waitid(P_PID, 99, 0, WEXITED|WNOHANG);
	alarm(0);
	syscall(SYS_getuid);
	getppid();
	syscall(SYS_pidfd_open, getpid(), 0);
	return 7;
}
