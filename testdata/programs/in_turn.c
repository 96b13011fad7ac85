/*
 * Threads and processes that take turns, so that each one's calls are the same
 * on every run, futex apart: whether a join has to wait is a matter of chance.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int turn[4][2];

static void *run(void *arg)
{
	long n = (intptr_t)arg;
	char byte;

	read(turn[n][0], &byte, 1);
	for (long i = 0; i < 3 + n; i++)
		syscall(SYS_lseek, -1, i, n);
	close(open("/nonexistent", O_RDONLY));
	if (n == 2) {
		pid_t child = fork();
		if (child == 0) {
			syscall(SYS_getppid);
			_exit(9);
		}
		int status;
		waitpid(child, &status, 0);
	}
	return 0;
}

int main(void)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		pipe(turn[i]);
		pthread_create(&threads[i], 0, run, (void *)(intptr_t)i);
	}
	for (int i = 3; i >= 0; i--) {
		write(turn[i][1], "x", 1);
		pthread_join(threads[i], 0);
	}
	if (vfork() == 0)
		execl("/bin/true", "true", (char *)0);
	wait(0);
	return 5;
}
