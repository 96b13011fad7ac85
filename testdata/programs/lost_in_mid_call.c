/*
 * Two threads move their own file's offset, each time to a place it has not
 * been at: lseek returns what it was asked for. So whoever joins an enter with
 * another call's exit is found out. There are more calls than a small buffer
 * holds. It has no expectations of its own.
 */
#include "edge.h"

static void *seek(void *arg)
{
	int fd = memfd_create("seek", 0);

	if (fd < 0)
		die("memfd_create");
	for (long i = 1; i <= 400000; i++)
		syscall(SYS_lseek, fd, i, SEEK_SET);
	return arg;
}

int main(void)
{
	pthread_t t;

	pthread_create(&t, 0, seek, 0);
	seek(0);
	pthread_join(t, 0);
	return 0;
}
