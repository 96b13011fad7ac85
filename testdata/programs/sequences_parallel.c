// Four threads that each do a little of their own, over and over, at the same
// time. Each alone is a loop; interleaved they are noise.
#include <pthread.h>
#include <time.h>
#include <unistd.h>

// pause_a_while sleeps for a time that differs from call to call and from
// thread to thread, so that any order of the threads' calls may come about.
static void pause_a_while(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	struct timespec t = {0, (*seed >> 16) % 200000};
	nanosleep(&t, NULL);
}

static void *work(void *arg)
{
	long me = (long)arg;
	unsigned seed = 17 * me + 5;
	for (int i = 0; i < 150; i++) {
		getppid();
		pause_a_while(&seed);
		me & 1 ? getuid() : getgid();
		pause_a_while(&seed);
		me & 2 ? geteuid() : getegid();
		pause_a_while(&seed);
	}
	return NULL;
}

int main(void)
{
	pthread_t t[4];
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, work, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	return 0;
}
