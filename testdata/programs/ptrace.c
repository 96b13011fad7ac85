/*
 * A tracer changes numbers. At the entry stop it turns getppid into getpid,
 * before the enter is seen: an ordinary getpid. At PTRACE_EVENT_FORK, inside
 * clone, it writes another number: the exit disagrees with the enter.
 *
 * watch: getppid getpid clone
 * threads: t1
 * expect:
 *   t1: getpid ok
 *   t1: clone mismatch
 *   t1: getppid ok
 */
#include "edge.h"
#include <stddef.h>
#include <sys/user.h>

static void child(void)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	syscall(SYS_tgkill, syscall(SYS_gettid), syscall(SYS_gettid), SIGSTOP);
	syscall(SYS_getppid);
	if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0)
		syscall(SYS_exit_group, 0);
	syscall(SYS_getppid);
	syscall(SYS_exit_group, 0);
}

static void set_nr(pid_t pid, long nr)
{
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), nr))
		die("POKEUSER");
}

int main(void)
{
	mark();
	pid_t pid = syscall(SYS_fork);
	int status, entry = 1, first = 1;

	if (pid == 0)
		child();
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD);
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
	for (;;) {
		pid_t who = waitpid(-1, &status, __WALL);

		if (who < 0)
			return 0;
		if (!WIFSTOPPED(status))
			continue;
		if (who != pid) { /* the child's child */
			ptrace(PTRACE_DETACH, who, 0, 0);
			continue;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			long nr = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, orig_rax), 0);

			if (entry && first && nr == SYS_getppid) {
				set_nr(pid, SYS_getpid);
				first = 0;
			}
			entry = !entry;
		} else if (status >> 8 == (SIGTRAP | PTRACE_EVENT_CLONE << 8) || status >> 8 == (SIGTRAP | PTRACE_EVENT_FORK << 8)) {
			set_nr(pid, SYS_getpid);
		}
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
	}
}
