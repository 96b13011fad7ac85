/*
 * The leader calls execve: first in vain, then with success.
 *
 * watch: execve execveat getppid
 * expect:
 *   main: execve ok ENOENT
 *   main: execve ok 0
 *   main: getppid ok
 *   main: execveat ok 0
 *   main: getppid ok
 */
#include "edge.h"

int main(int argc, char **argv)
{
	char *second[] = {argv[0], "second", 0}, *third[] = {argv[0], "third", 0}, *none[] = {0};

	if (argc == 1) {
		mark();
		syscall(SYS_execve, "/no/such/program", none, none);
		syscall(SYS_execve, argv[0], second, none);
		die("execve");
	}
	syscall(SYS_getppid);
	if (!strcmp(argv[1], "second")) {
		syscall(SYS_execveat, AT_FDCWD, argv[0], third, none, 0);
		die("execveat");
	}
	return 0;
}
