/*
 * seccomp refuses calls before they enter: with an error, by a trap, whose
 * handler then runs, and by killing the process that made the call: there is
 * an exit without an enter each time. A single thread that is killed shows
 * neither.
 *
 * watch: getppid uname getpgid getsid rt_sigreturn
 * expect:
 *   main: getppid ok
 *   main: getppid denied EPERM
 *   main: uname denied 63
 *   main: rt_sigreturn sigreturn
 *   main: getppid denied EPERM
 *   t2: getsid denied 124
 */
#include "edge.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define REFUSE(nr, action)                                       \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),           \
	BPF_STMT(BPF_RET | BPF_K, action)

static void on_trap(int sig) {}

static void *victim(void *arg)
{
	syscall(SYS_getpgid, 0);
	return arg;
}

int main(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(SYS_getppid, SECCOMP_RET_ERRNO | EPERM),
		REFUSE(SYS_uname, SECCOMP_RET_TRAP),
		REFUSE(SYS_getpgid, SECCOMP_RET_KILL_THREAD),
		REFUSE(SYS_getsid, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(*code), code};
	struct timespec ms = {0, 50000000};
	pthread_t t;
	char buf[1024];

	handle(SIGSYS, on_trap, 0);
	mark();
	syscall(SYS_getppid);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		die("seccomp");
	syscall(SYS_getppid);
	syscall(SYS_uname, buf);
	syscall(SYS_getppid);
	pthread_create(&t, 0, victim, 0);
	nanosleep(&ms, 0);
	pid_t pid = fork();
	if (pid == 0)
		syscall(SYS_getsid, 0);
	waitpid(pid, 0, 0);
	return 0;
}
