/*
 * noise CALLS: so many lseek on a descriptor that does not exist, the i-th
 * with the offset i * 0x9e3779b97f4a7c15, which no compression makes small.
 * Says when it is done, and exits with 7.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 0;

	for (long i = 0; i < calls; i++)
		syscall(SYS_lseek, -1000L, i * 0x9e3779b97f4a7c15, 7L);
	printf("made %ld calls\n", calls);
	return 7;
}
