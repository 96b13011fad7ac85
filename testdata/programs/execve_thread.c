/*
 * Not the leader but another thread calls execve. The leader, in pause, and a
 * third thread, in read, end; the caller becomes the leader, and its call
 * returns under the leader's thread id.
 *
 * watch: execve pause read getppid
 * expect:
 *   main: pause restarted
 *   main: getppid ok
 *   t1: read restarted
 *   t2: execve ok 0
 */
#include "edge.h"

static int pipe_fds[2];
static char *self;

static void *reader(void *arg)
{
	char c;

	syscall(SYS_read, pipe_fds[0], &c, 1);
	return arg;
}

static void *caller(void *arg)
{
	char *args[] = {self, "second", 0}, *none[] = {0};
	struct timespec ms = {0, 50000000};

	nanosleep(&ms, 0);
	syscall(SYS_execve, self, args, none);
	die("execve");
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (argc > 1) {
		syscall(SYS_getppid);
		return 0;
	}
	self = argv[0];
	if (pipe(pipe_fds))
		die("pipe");
	mark();
	pthread_create(&t, 0, reader, 0);
	pthread_create(&t, 0, caller, 0);
	syscall(SYS_pause);
}
