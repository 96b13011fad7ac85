/*
 * A 64-bit program becomes a 32-bit one: the ABI changes inside execve, whose
 * exit carries the 32-bit number.
 *
 * needs: i386_child
 * watch: execve getppid exit
 * expect:
 *   main: execve ok 0
 *   main: getppid i386 ok
 *   main: exit i386 no_return
 */
#include "edge.h"

int main(int argc, char **argv)
{
	char path[4096], *args[] = {"i386_child", 0}, *none[] = {0};
	char *slash = strrchr(argv[0], '/');

	snprintf(path, sizeof(path), "%.*si386_child", slash ? (int)(slash - argv[0] + 1) : 0, argv[0]);
	mark();
	syscall(SYS_execve, path, args, none);
	die("execve");
}
