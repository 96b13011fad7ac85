/*
 * A thread ends by exit, the process by exit_group: neither comes back.
 *
 * watch: exit exit_group
 * expect:
 *   main: exit_group no_return
 *   t1: exit no_return
 */
#include "edge.h"

static void *thread(void *arg)
{
	syscall(SYS_exit, 0);
	return arg;
}

int main(void)
{
	pthread_t t;

	mark();
	pthread_create(&t, 0, thread, 0);
	pthread_join(t, 0);
	syscall(SYS_exit_group, 0);
}
