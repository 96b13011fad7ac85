// Four threads that each do a little of their own, over and over. Each alone
// is a loop; whose call comes next is drawn by lot, so that interleaved they
// are noise, on any machine.
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { threads = 4, rounds = 150 };

static atomic_int turn;      // whose call is next
static int left[threads];    // calls that each has before it; of the holder of the turn
static unsigned seed = 5;

static void wait_for_turn(int me)
{
	while (atomic_load(&turn) != me) {
		struct timespec t = {0, 20000};
		nanosleep(&t, NULL);
	}
}

static void draw(int me)
{
	left[me]--;
	for (int n = 0; n < threads; n++)
		if (left[n]) {
			int next;
			do {
				seed = seed * 1103515245 + 12345;
				next = (seed >> 16) % threads;
			} while (!left[next]);
			atomic_store(&turn, next);
			return;
		}
}

static void *work(void *arg)
{
	int me = (long)arg;
	for (int i = 0; i < rounds; i++) {
		wait_for_turn(me);
		getppid();
		draw(me);
		wait_for_turn(me);
		me & 1 ? getuid() : getgid();
		draw(me);
		wait_for_turn(me);
		me & 2 ? geteuid() : getegid();
		draw(me);
	}
	return NULL;
}

int main(void)
{
	pthread_t t[threads];
	for (int i = 0; i < threads; i++)
		left[i] = 3 * rounds;
	for (long i = 0; i < threads; i++)
		pthread_create(&t[i], NULL, work, (void *)i);
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	return 0;
}
