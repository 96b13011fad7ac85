/*
 * A handler runs between two calls and ends with rt_sigreturn.
 *
 * watch: tgkill getppid rt_sigreturn
 * expect:
 *   main: tgkill ok
 *   main: getppid ok
 *   main: rt_sigreturn sigreturn
 *   main: getppid ok
 */
#include "edge.h"

static void on_signal(int sig) { syscall(SYS_getppid); }

int main(void)
{
	handle(SIGUSR1, on_signal, 0);
	pid_t pid = getpid(), tid = my_tid();
	mark();
	syscall(SYS_tgkill, pid, tid, SIGUSR1);
	syscall(SYS_getppid);
	return 0;
}
