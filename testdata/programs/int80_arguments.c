/*
 * 32-bit calls with all their arguments: lseek is 19 and mmap2, which takes
 * six, 192 there. Both fail.
 */
#include <stdint.h>

static long call(long nr, long a, long b, long c, long d, long e)
{
	long ret;

	__asm__ volatile("push %%rbp; mov $6, %%ebp; int $0x80; pop %%rbp"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int32_t)ret;
}

int main(void)
{
	return call(19, -7, 11, 2, 0, 0) != -9 || call(192, 1, 2, 3, 4, -5) >= 0;
}
