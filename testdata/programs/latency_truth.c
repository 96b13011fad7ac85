// Calls whose number, errors and durations are known, for the statistics of
// latency. Each kind is timed from outside, so that what is printed bounds what
// the tracepoints can have seen from above; what was asked of the sleeps bounds
// it from below.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t); // the vdso: no system call
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long total, longest;

static void timed(long nr, long a, long b, long c, long d) {
	long long from = now();
	syscall(nr, a, b, c, d);
	long long took = now() - from;
	total += took;
	if (took > longest)
		longest = took;
}

static void report(const char *name) {
	printf("%s %lld %lld\n", name, total, longest);
	total = longest = 0;
}

int main(void) {
	struct timespec two = {0, 2000000}, ten = {0, 10000000};
	for (int i = 0; i < 90; i++)
		timed(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&two, 0);
	for (int i = 0; i < 10; i++)
		timed(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&ten, 0);
	report("clock_nanosleep");
	for (int i = 0; i < 300; i++)
		timed(SYS_openat, AT_FDCWD, (long)"/nonexistent/file", O_RDONLY, 0);
	report("openat");
	for (int i = 0; i < 200; i++)
		timed(SYS_ftruncate, -1, 0, 0, 0);
	for (int i = 0; i < 100; i++)
		timed(SYS_ftruncate, 0, -1, 0, 0);
	report("ftruncate");
	fflush(stdout);
	syscall(SYS_ppoll, 0L, 0L, 0L, 0L, 0L); // never ends
	return 0;
}
