/*
 * busy PAUSE: rounds of 500 getppid and an open, a read and a close, with
 * PAUSE microseconds between them, until SIGTERM, or for two minutes where a test
 * forgot it. It says when it is ready, and at the end how many rounds there were, unless a call has failed that never
 * does.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t end;

static void terminate(int signal) { end = 1; }

int main(int argc, char **argv)
{
	long pause = argc > 1 ? atol(argv[1]) : 0, rounds = 0;
	char byte;

	signal(SIGTERM, terminate);
	alarm(120);
	puts("ready");
	fflush(stdout);
	for (; !end; rounds++) {
		for (int i = 0; i < 500; i++)
			if (syscall(SYS_getppid) < 0)
				return 1;
		int fd = open("/dev/zero", O_RDONLY);
		if (fd < 0 || read(fd, &byte, 1) != 1 || close(fd) != 0)
			return 2;
		if (pause)
			usleep(pause);
	}
	printf("%ld rounds\n", rounds);
	return 0;
}
