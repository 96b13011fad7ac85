/*
 * A handler interrupts a read, and a second one interrupts the handler's own
 * read. Both have SA_RESTART: the inner read goes on first, then the outer.
 *
 * watch: read rt_sigreturn getppid
 * expect:
 *   main: read restarted
 *   main: getppid ok
 *   main: read restarted
 *   main: getppid ok
 *   main: rt_sigreturn sigreturn
 *   main: read ok 1 continues 3
 *   main: rt_sigreturn sigreturn
 *   main: read ok 1 continues 1
 */
#include "edge.h"

static int outer[2], inner[2];
static pid_t tid;
static volatile int depth;

static void on_usr2(int sig)
{
	syscall(SYS_getppid);
	depth = 2;
}

static void on_usr1(int sig)
{
	char c;

	syscall(SYS_getppid);
	depth = 1;
	syscall(SYS_read, inner[0], &c, 1);
}

static void *send(void *arg)
{
	struct timespec ms = {0, 20000000};

	name_me_helper();
	wait_until_in(getpid(), tid, SYS_read);
	syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
	while (depth < 1)
		nanosleep(&ms, 0);
	wait_until_in(getpid(), tid, SYS_read);
	syscall(SYS_tgkill, getpid(), tid, SIGUSR2);
	while (depth < 2)
		nanosleep(&ms, 0);
	wait_until_in(getpid(), tid, SYS_read);
	if (write(inner[1], "", 1) != 1)
		die("write");
	nanosleep(&ms, 0);
	wait_until_in(getpid(), tid, SYS_read);
	if (write(outer[1], "", 1) != 1)
		die("write");
	return arg;
}

int main(void)
{
	char c;

	if (pipe(outer) || pipe(inner))
		die("pipe");
	handle(SIGUSR1, on_usr1, SA_RESTART);
	handle(SIGUSR2, on_usr2, SA_RESTART);
	tid = my_tid();
	pthread_t t = helper(send, 0);
	mark();
	syscall(SYS_read, outer[0], &c, 1);
	pthread_join(t, 0);
	return 0;
}
