/*
 * What the programs of this folder share. Each makes one edge case of pairing
 * happen on a real kernel, and says in its first comment what a capture of it
 * must hold:
 *
 *   watch: the calls that are compared
 *   expect:
 *     main: CALL STATUS [ERROR or RESULT] [continues]
 *     t1: ...
 *
 * Only what happens after mark() is compared. Threads are main, then t1, t2,
 * ... in the order in which they were made; a thread named "helper" is not
 * compared. What glibc does on its own is not watched.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A call that nobody else makes: from here on, calls are compared. */
static inline void mark(void) { syscall(SYS_close, 0x5afe0001); }

static inline void die(const char *what)
{
	perror(what);
	exit(99);
}

static inline pid_t my_tid(void) { return syscall(SYS_gettid); }

/* Waits until a thread sleeps in the call with that number. */
static inline void wait_until_in(pid_t pid, pid_t tid, long nr)
{
	char path[64], text[64], want[16];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	snprintf(want, sizeof(want), "%ld ", nr);
	for (;;) {
		int fd = open(path, O_RDONLY);
		ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

		if (fd >= 0)
			close(fd);
		if (n > 0) {
			text[n] = 0;
			if (!strncmp(text, want, strlen(want)))
				return;
		}
		usleep(500);
	}
}

static inline void name_me_helper(void) { prctl(PR_SET_NAME, "helper"); }

/* Runs a function in a thread that is not compared. */
static inline pthread_t helper(void *(*f)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, 0, f, arg))
		die("pthread_create");
	return t;
}

static inline void handle(int sig, void (*f)(int), int flags)
{
	struct sigaction sa = {.sa_handler = f, .sa_flags = flags};

	if (sigaction(sig, &sa, 0))
		die("sigaction");
}
