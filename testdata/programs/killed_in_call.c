/* Kills itself from a thread while main sleeps. */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *run(void *arg)
{
	usleep(50000);
	kill(getpid(), SIGKILL);
	return 0;
}

int main(void)
{
	pthread_t thread;

	pthread_create(&thread, 0, run, 0);
	syscall(SYS_pause);
	return 0;
}
