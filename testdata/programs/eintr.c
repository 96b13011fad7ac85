/*
 * A handler without SA_RESTART: the program sees EINTR, which no event shows,
 * and makes the same read again. That one continues nothing.
 *
 * watch: read rt_sigreturn
 * expect:
 *   main: read restarted
 *   main: rt_sigreturn sigreturn
 *   main: read ok 1
 */
#include "edge.h"

static int fds[2];
static pid_t tid;

static void on_signal(int sig) {}

static void *interrupt(void *arg)
{
	struct timespec ms = {0, 20000000};

	name_me_helper();
	wait_until_in(getpid(), tid, SYS_read);
	syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
	nanosleep(&ms, 0);
	wait_until_in(getpid(), tid, SYS_read);
	if (write(fds[1], "", 1) != 1)
		die("write");
	return arg;
}

int main(void)
{
	char c;

	if (pipe(fds))
		die("pipe");
	handle(SIGUSR1, on_signal, 0);
	tid = my_tid();
	pthread_t t = helper(interrupt, 0);
	mark();
	while (syscall(SYS_read, fds[0], &c, 1) < 0 && errno == EINTR)
		;
	pthread_join(t, 0);
	return 0;
}
