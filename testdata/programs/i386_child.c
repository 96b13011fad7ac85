/*
 * A 32-bit program that needs no C library: getppid, then exit. execve32 runs
 * it. It is compiled with -m32 and has no expectations of its own.
 */
static long call(long nr, long a)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a) : "memory");
	return ret;
}

void _start(void)
{
	call(64, 0);
	call(1, 0);
}
