// For seccomp profiles: does its work, and with an argument also a call that it
// does not make without one. Exit code 9: that call was refused with EPERM.
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char text[64];
	int fd = open("/planted", O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof text) <= 0)
		return 2;
	pid_t child = fork();
	if (child == 0)
		_exit(write(1, "child\n", 6) != 6);
	int status;
	if (waitpid(child, &status, 0) != child || status != 0)
		return 3;
	if (argc > 1 && getpgid(0) < 0)
		return errno == EPERM ? 9 : 4;
	return write(1, "done\n", 5) != 5;
}
