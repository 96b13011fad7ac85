/*
 * Sockets as old programs of i386 make them: every call of them is a socketcall,
 * whose arguments, and what these point to, stand in memory. Prints the ports of
 * 127.0.0.1 that it was given: of a stream that listens and the one connected to
 * it, and of two sockets for datagrams.
 */
#ifndef __x86_64__
int main(void) { return 77; }
#else
#include <arpa/inet.h>
#include <linux/net.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef unsigned u32;

/* All that the kernel is to read stands below 4 GiB: the program is no PIE. */
static u32 words[6], pair[2], length;
static struct sockaddr_in from, one, other, connected, listening;
static char data[8] = "x";
static struct { u32 base, length; } vector;
static struct { u32 name, length, vector, vectors, control, controls, flags; } message;

#define AT(p) ((u32)(unsigned long)(p))

static int call(int what, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f)
{
	int ret;

	words[0] = a, words[1] = b, words[2] = c, words[3] = d, words[4] = e, words[5] = f;
	asm volatile("int $0x80" : "=a"(ret) : "a"(102), "b"(what), "c"(AT(words)) : "memory");
	if (ret < 0) {
		fprintf(stderr, "socketcall %d: %s\n", what, strerror(-ret));
		exit(1);
	}
	return ret;
}

static int bound(int type, struct sockaddr_in *at)
{
	int fd = call(SYS_SOCKET, AF_INET, type, 0, 0, 0, 0);

	at->sin_family = AF_INET;
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	call(SYS_BIND, fd, AT(at), sizeof *at, 0, 0, 0);
	length = sizeof *at;
	call(SYS_GETSOCKNAME, fd, AT(at), AT(&length), 0, 0, 0);
	return fd;
}

int main(void)
{
	int l = bound(SOCK_STREAM, &listening), c = bound(SOCK_STREAM, &connected), d;
	int a = bound(SOCK_DGRAM, &one), b = bound(SOCK_DGRAM, &other);

	call(SYS_LISTEN, l, 1, 0, 0, 0, 0);
	call(SYS_CONNECT, c, AT(&listening), sizeof listening, 0, 0, 0);
	length = sizeof from;
	d = call(SYS_ACCEPT, l, AT(&from), AT(&length), 0, 0, 0);
	memset(&from, 0, sizeof from);
	length = sizeof from;
	call(SYS_GETPEERNAME, d, AT(&from), AT(&length), 0, 0, 0);
	call(SYS_SEND, c, AT(data), 1, 0, 0, 0);
	call(SYS_RECV, d, AT(data), 1, 0, AT(&listening), 16); /* of six words it takes four */

	call(SYS_SENDTO, a, AT(data), 1, 0, AT(&other), sizeof other);
	memset(&from, 0, sizeof from);
	length = sizeof from;
	call(SYS_RECVFROM, b, AT(data), 1, 0, AT(&from), AT(&length));
	vector.base = AT(data), vector.length = 1;
	message.vector = AT(&vector), message.vectors = 1;
	message.name = AT(&other), message.length = sizeof other;
	call(SYS_SENDMSG, a, AT(&message), 0, 0, 0, 0);
	memset(&from, 0, sizeof from);
	message.name = AT(&from), message.length = sizeof from;
	call(SYS_RECVMSG, b, AT(&message), 0, 0, 0, 0);

	call(SYS_SOCKETPAIR, AF_UNIX, SOCK_STREAM, 0, AT(pair), 0, 0);
	call(SYS_SEND, pair[0], AT(data), 1, 0, 0, 0);
	printf("%d %d %d %d\n", ntohs(listening.sin_port), ntohs(connected.sin_port), ntohs(one.sin_port), ntohs(other.sin_port));
	return 0;
}
#endif
