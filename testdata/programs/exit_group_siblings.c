/*
 * exit_group ends a process whose other threads are inside calls. The kernel
 * interrupts these as it would for a signal, so they return restart codes; then
 * the threads end, and nothing continues the calls.
 *
 * watch: exit_group pause read
 * expect:
 *   main: pause restarted
 *   t1: read restarted
 *   t2: exit_group no_return
 */
#include "edge.h"

static int pipe_fds[2];
static pid_t tid1;

static void *reader(void *arg)
{
	char c;

	tid1 = my_tid();
	syscall(SYS_read, pipe_fds[0], &c, 1);
	return arg;
}

static void *leaver(void *arg)
{
	struct timespec ms = {0, 50000000};

	nanosleep(&ms, 0);
	syscall(SYS_exit_group, 0);
	return arg;
}

int main(void)
{
	pthread_t t;

	if (pipe(pipe_fds))
		die("pipe");
	mark();
	pthread_create(&t, 0, reader, 0);
	pthread_create(&t, 0, leaver, 0);
	syscall(SYS_pause);
}
