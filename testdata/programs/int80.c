/*
 * A 64-bit process makes 32-bit calls through int 0x80, among 64-bit ones: 20
 * is getpid there and writev in its own table.
 *
 * watch: getpid getppid writev
 * expect:
 *   main: getppid ok
 *   main: getpid i386 ok
 *   main: getppid ok
 */
#include "edge.h"

int main(void)
{
	long ret;

	mark();
	syscall(SYS_getppid);
	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	syscall(SYS_getppid);
	return ret <= 0;
}
