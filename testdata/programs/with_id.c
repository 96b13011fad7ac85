/* Runs calls in a process whose id is the one given, which must be free. */
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	pid_t id = argc > 1 ? atoi(argv[1]) : 0;
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&id, .set_tid_size = 1};
	pid_t child = syscall(SYS_clone3, &args, sizeof(args));

	if (child < 0) {
		perror("clone3 with set_tid");
		return 1;
	}
	if (child == 0) {
		for (int i = 0; i < 100; i++)
			getppid();
		_exit(0);
	}
	waitpid(child, 0, 0);
	return 0;
}
