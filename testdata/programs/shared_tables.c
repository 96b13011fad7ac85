/*
 * Processes and threads that share descriptors and directories, or do not. At
 * each check the program calls fcntl(FD, F_GETFL), or fstatat(AT_FDCWD, "", …),
 * and writes what /proc says of the descriptor or the directory, in that order.
 *
 * With an argument threads are made first that have unshared theirs, and a
 * process that shares; then the program writes "ready", waits for a byte, and
 * each checks what it has.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int say = 1;

static void tell(const char *what, const char *link)
{
	char line[8192], name[4096] = "";
	long n = readlink(link, name, sizeof name - 1);

	name[n < 0 ? 0 : n] = 0;
	n = snprintf(line, sizeof line, "%s %s\n", what, name);
	if (write(say, line, n) != n)
		_exit(9);
}

static void check(int fd)
{
	char link[64], what[16];

	syscall(SYS_fcntl, fd, F_GETFL, 0);
	snprintf(link, sizeof link, "/proc/thread-self/fd/%d", fd);
	snprintf(what, sizeof what, "%d", fd);
	tell(what, link);
}

static void check_cwd(void)
{
	struct stat st;

	syscall(SYS_newfstatat, AT_FDCWD, "", &st, AT_EMPTY_PATH);
	tell("AT_FDCWD", "/proc/thread-self/cwd");
}

/* A child of clone3 opens something in the place of fd and goes elsewhere. */
static void share(unsigned long long flags)
{
	struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
	int fd = open("/etc/hosts", O_RDONLY);
	long pid;

	if (chdir("/"))
		_exit(8);
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (!pid) {
		dup2(open("/etc/passwd", O_RDONLY), fd);
		if (chdir("/usr"))
			_exit(8);
		check(fd);
		check_cwd();
		_exit(0);
	}
	waitpid(pid, 0, 0);
	check(fd);
	check_cwd();
	close(open("etc/hostname", O_RDONLY));
	pid = fork();
	if (!pid) {
		check(fd);
		check_cwd();
		_exit(0);
	}
	waitpid(pid, 0, 0);
	syscall(SYS_close_range, 3, ~0U, 0);
}

static void rooted(const char *name, unsigned long long resolve)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = resolve};
	int dir = open("/usr", O_PATH), fd = syscall(SYS_openat2, dir, name, &how, sizeof how);

	check(fd);
	syscall(SYS_close_range, 3, ~0U, 0);
}

/* What is opened below a directory that has another name since. */
static void renamed(void)
{
	char dir[] = "/tmp/shared_tables.XXXXXX";
	int fd, at;

	if (!mkdtemp(dir) || chdir(dir) || mkdir("m1", 0700) || mkdir("m1/s", 0700))
		_exit(6);
	at = open("m1", O_PATH);
	if (chdir("m1/s") || renameat(AT_FDCWD, "../../m1", AT_FDCWD, "../../m2"))
		_exit(6);
	check(fd = open("q", O_CREAT | O_RDWR, 0600));
	close(fd);
	check(fd = openat(at, "q", O_CREAT | O_RDWR, 0600));
	close(fd);
	unlink("../q"), unlink("q");
	if (chdir(dir) || rename("m2", "m3"))
		_exit(6);
	at = open("m3", O_PATH);
	if (rename("m3", "m4"))
		_exit(6);
	check(fd = openat(at, "q", O_CREAT | O_RDWR, 0600));
	unlink("m4/q"), rmdir("m4/s"), rmdir("m4"), rmdir(dir);
	syscall(SYS_close_range, 3, ~0U, 0);
}

#ifdef __x86_64__
static unsigned words[6];

static int socketcall(int what, unsigned a, unsigned b, unsigned c)
{
	int ret;

	words[0] = a, words[1] = b, words[2] = c;
	asm volatile("int $0x80" : "=a"(ret) : "a"(102), "b"(what), "c"((unsigned)(unsigned long)words) : "memory");
	return ret;
}
#endif

static pthread_barrier_t apart, over;

static void *thread(void *what)
{
	int n = (int)(long)what, fd = 30;

	if (n & 1)
		unshare(CLONE_FILES), dup2(open("/etc/passwd", O_RDONLY), fd);
	if (n & 2) {
		unshare(CLONE_FS);
		if (chdir("/usr"))
			_exit(8);
	}
	for (int i = 0; i < 4; i++) { /* one after the other */
		pthread_barrier_wait(&apart);
		if (i == n) {
			check(fd);
			check_cwd();
			dup2(open("group", O_RDONLY), 31); /* of /etc, or none */
			check(31);
		}
	}
	pthread_barrier_wait(&over);
	return 0;
}

static void from_before(void)
{
	pthread_t t[4];
	struct clone_args args = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
	int start[2], go = 40;
	char byte;
	long pid;

	if (pipe(start) || chdir("/etc"))
		_exit(8);
	dup2(open("/etc/hosts", O_RDONLY), 30);
	dup2(open("/dev/null", O_RDONLY), 31);
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (!pid) { /* shares descriptors */
		if (read(start[0], &byte, 1) != 1)
			_exit(7);
		dup2(open("/etc/group", O_RDONLY), 32);
		_exit(0);
	}
	dup2(0, go);
	pthread_barrier_init(&apart, 0, 5);
	pthread_barrier_init(&over, 0, 5);
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], 0, thread, (void *)i);
	if (write(say, "ready\n", 6) != 6 || read(go, &byte, 1) != 1)
		_exit(7);
	for (int i = 0; i < 4; i++)
		pthread_barrier_wait(&apart);
	pthread_barrier_wait(&over);
	dup2(open("/etc/services", O_RDONLY), 32);
	if (write(start[1], "x", 1) != 1)
		_exit(7);
	waitpid(pid, 0, 0);
	check(32);
	check(30);
}

int main(int n, char **list)
{
	if (n > 1) {
		from_before();
		return 0;
	}
	share(0);
	share(CLONE_FILES);
	share(CLONE_FS);
	share(CLONE_FILES | CLONE_FS);
	rooted("bin", 0);
	rooted("/bin", 0x10);
	rooted("../lib", 0x10);
	rooted("bin/../lib", 0x08);
	renamed();
#ifdef __x86_64__
	{
		int fd = socketcall(1, AF_INET, SOCK_STREAM, 0);

		check(fd);
		dup2(fd, 20);
		check(20);
	}
#endif
	return 0;
}
