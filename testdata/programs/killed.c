/*
 * A process is killed inside a sleep. The fatal signal interrupts the call,
 * which returns a restart code; then the thread ends, and nothing continues it.
 *
 * watch: nanosleep
 * expect:
 *   t1: nanosleep restarted
 */
#include "edge.h"

int main(void)
{
	struct timespec hour = {3600, 0};

	mark();
	pid_t pid = fork();
	if (pid == 0)
		syscall(SYS_nanosleep, &hour, 0);
	name_me_helper();
	wait_until_in(pid, pid, SYS_nanosleep);
	kill(pid, SIGKILL);
	waitpid(pid, 0, 0);
	return 0;
}
