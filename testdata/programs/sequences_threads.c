// Three threads, a child that executes another program, and a signal, with the
// same calls in every thread in every run: threads wait for each other by
// pipes, which take one read each, never by futexes, whose number varies. The
// kernel tells by a word of memory that a thread has made its last call.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int done[2];
static atomic_int alive[3];

static void *work(void *arg)
{
	char buf[16];
	alive[(long)arg] = 1;
	syscall(SYS_set_tid_address, &alive[(long)arg]);
	for (long i = 0; i < 3 + (long)arg; i++) {
		int fd = open("/dev/null", O_RDONLY);
		read(fd, buf, sizeof buf);
		close(fd);
	}
	open("/nonexistent) = 3 <unfinished ...>", O_RDONLY);
	write(done[1], "x", 1);
	syscall(SYS_exit, 0);
	return NULL;
}

static void handler(int sig) { getppid(); }

int main(int argc, char **argv)
{
	char c;
	if (argc > 1) // the child's second program
		_exit(getuid() == getuid() ? 0 : 1);
	pipe(done);
	for (long i = 0; i < 3; i++) {
		pthread_t t;
		pthread_create(&t, NULL, work, (void *)i);
		read(done[0], &c, 1);
		while (alive[i])
			;
	}
	struct sigaction sa = {.sa_handler = handler};
	sigaction(SIGUSR1, &sa, NULL);
	kill(getpid(), SIGUSR1);
	pid_t p = fork();
	if (p == 0) {
		execl("/proc/self/exe", "again", "child", NULL);
		_exit(1);
	}
	waitpid(p, NULL, 0);
	_exit(0);
}
