/*
 * Waits in a read until its standard input has a byte, then in pause for good.
 * A recorder that is attached in the read and detached in the pause sees the
 * one's exit and the other's enter. It has no expectations of its own.
 */
#include "edge.h"

int main(void)
{
	char c;

	syscall(SYS_read, 0, &c, 1);
	syscall(SYS_getppid);
	syscall(SYS_pause);
	return 0;
}
