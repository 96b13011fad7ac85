/*
 * clone, clone3, fork and vfork come back twice. The child's side is its first
 * exit; it never entered.
 *
 * watch: clone clone3 fork vfork getppid exit_group
 * expect:
 *   main: clone ok
 *   main: clone3 ok
 *   main: fork ok
 *   main: vfork ok
 *   t1: clone child_return 0
 *   t1: getppid ok
 *   t1: exit_group no_return
 *   t2: clone3 child_return 0
 *   t2: getppid ok
 *   t2: exit_group no_return
 *   t3: fork child_return 0
 *   t3: getppid ok
 *   t3: exit_group no_return
 *   t4: vfork child_return 0
 *   t4: exit_group no_return
 */
#include "edge.h"
#include <linux/sched.h>

static void child(long pid)
{
	if (pid < 0)
		die("child");
	if (pid == 0) {
		syscall(SYS_getppid);
		syscall(SYS_exit_group, 0);
	}
	waitpid(pid, 0, 0);
}

int main(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};

	mark();
	child(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	child(syscall(SYS_clone3, &args, sizeof(args)));
	child(syscall(SYS_fork));
	pid_t pid = vfork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, 0, 0);
	syscall(SYS_exit, 0); /* not watched: the tests' main ends without exit_group */
}
