/*
 * The three ways of an interrupted call: issued again after a handler with
 * SA_RESTART; continued by restart_syscall after a stop, without a handler;
 * given up with EINTR after a handler, SA_RESTART or not, when it is a sleep,
 * although the program then sleeps again by itself.
 *
 * watch: read nanosleep clock_nanosleep restart_syscall rt_sigreturn
 * expect:
 *   main: read restarted
 *   main: rt_sigreturn sigreturn
 *   main: read ok 1 continues 1
 *   main: nanosleep restarted
 *   main: restart_syscall ok 0 continues 4
 *   main: nanosleep restarted
 *   main: rt_sigreturn sigreturn
 *   main: nanosleep ok 0
 */
#include "edge.h"

static int fds[2];
static pid_t tid;

static void on_signal(int sig) {}

static void *interrupt_read(void *arg)
{
	struct timespec ms = {0, 20000000};

	name_me_helper();
	wait_until_in(getpid(), tid, SYS_read);
	syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
	nanosleep(&ms, 0);
	wait_until_in(getpid(), tid, SYS_read);
	if (write(fds[1], "", 1) != 1)
		die("write");
	return arg;
}

static void *interrupt_sleep(void *arg)
{
	name_me_helper();
	wait_until_in(getpid(), tid, SYS_nanosleep);
	syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
	return arg;
}

/* Stops and continues the process from outside. */
static pid_t stopper(void)
{
	pid_t target = getpid(), pid = fork();
	struct timespec ms = {0, 20000000};

	if (pid)
		return pid;
	name_me_helper();
	wait_until_in(target, target, SYS_nanosleep);
	kill(target, SIGSTOP);
	nanosleep(&ms, 0);
	kill(target, SIGCONT);
	_exit(0);
}

int main(void)
{
	struct timespec while_ = {0, 200000000};
	char c;

	if (pipe(fds))
		die("pipe");
	handle(SIGUSR1, on_signal, SA_RESTART);
	tid = my_tid();
	pthread_t t = helper(interrupt_read, 0);
	mark();
	syscall(SYS_read, fds[0], &c, 1);
	pthread_join(t, 0);
	pid_t pid = stopper();
	syscall(SYS_nanosleep, &while_, 0);
	waitpid(pid, 0, 0);
	t = helper(interrupt_sleep, 0);
	syscall(SYS_nanosleep, &while_, 0);
	syscall(SYS_nanosleep, &while_, 0);
	pthread_join(t, 0);
	return 0;
}
