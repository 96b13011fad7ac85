/*
 * A thread id comes back at once: the second child asks for the id of the first
 * one, which was killed inside a sleep. What the first began is not what the
 * second ends.
 *
 * watch: nanosleep clone3 getppid exit_group
 * threads: t1 t2
 * expect:
 *   t1: clone3 child_return 0
 *   t1: nanosleep restarted
 *   t2: clone3 child_return 0
 *   t2: nanosleep ok 0
 *   t2: exit_group no_return
 */
#include "edge.h"
#include <linux/sched.h>

int main(void)
{
	struct timespec hour = {3600, 0}, ms = {0, 1000000};
	pid_t id = 0;
	struct clone_args first = {.exit_signal = SIGCHLD};
	struct clone_args again = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&id, .set_tid_size = 1};

	mark();
	id = syscall(SYS_clone3, &first, sizeof(first));
	if (id == 0)
		syscall(SYS_nanosleep, &hour, 0);
	wait_until_in(id, id, SYS_nanosleep);
	kill(id, SIGKILL);
	waitpid(id, 0, 0);
	pid_t pid = syscall(SYS_clone3, &again, sizeof(again));
	if (pid == 0) {
		syscall(SYS_nanosleep, &ms, 0);
		syscall(SYS_exit_group, 0);
	}
	if (pid != id)
		die("clone3 with set_tid");
	waitpid(pid, 0, 0);
	return 0;
}
