/*
 * noise CALLS [wide]: so many lseek on a descriptor that does not exist, the
 * i-th with the offset i * 0x9e3779b97f4a7c15, which no compression makes
 * small. wide: mremap of nothing with five such arguments. Says when it is
 * done, and exits with 7.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 0;

	for (unsigned long i = 0; argc > 2 && i < calls; i++) {
		unsigned long noise = i * 0x9e3779b97f4a7c15;

		syscall(SYS_mremap, noise | 1, noise * 3, noise * 5, noise | 64, noise * 7);
	}
	for (long i = 0; argc <= 2 && i < calls; i++)
		syscall(SYS_lseek, -1000L, i * 0x9e3779b97f4a7c15, 7L);
	printf("made %ld calls\n", calls);
	return 7;
}
