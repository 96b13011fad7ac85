/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the kernel side and the recorder share: one buffer for each CPU, and
 * the records in it. layout_test.go holds these structs against the Go side.
 */
#ifndef SYSTAPE_RECORD_H
#define SYSTAPE_RECORD_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

enum record_kind {
	RECORD_ENTER = 1,
	RECORD_EXIT,
	RECORD_FORK,
	RECORD_EXEC,
	RECORD_RENAME,
	RECORD_THREAD_END,
};

/* Which table of system calls the event's number belongs to. */
enum record_abi {
	ABI_NATIVE,
	ABI_COMPAT, /* i386 on x86_64, arm on arm64 */
	ABI_X32,
};

/*
 * A record is 24 bytes and a payload of whole 8-byte words. tag holds the
 * size of both in bytes (16 bits), the kind (8), the ABI (8) and the
 * system-call number (32). tag is emptied before the buffer's head shows the
 * record and written last: 0 means that the record is still being written.
 */
struct record {
	u64 tag;
	u64 ts;	      /* CLOCK_MONOTONIC, ns, taken after the place was reserved */
	u64 pid_tgid; /* thread-group id in the upper half, thread id in the lower */
};

#define TAG(size, kind, abi, nr) \
	((u64)(size) | (u64)(kind) << 16 | (u64)(abi) << 24 | (u64)(u32)(nr) << 32)

/* Payloads. RECORD_ENTER has as many words as the call has arguments. */
struct exit_payload {
	s64 ret;
};

struct fork_payload {
	u64 child_pid_tgid;
	u64 cgroup;
};

struct rename_payload {
	char comm[16];
};

#define FILENAME_MAX_BYTES 256

struct exec_payload {
	u64 old_tid;
	u64 cgroup;
	char comm[16];
	char filename[FILENAME_MAX_BYTES];
};

struct end_payload {
	s64 code;  /* -1: not known */
	s64 group; /* 1: the process has no thread left; -1: not known */
};

/* Classes of events that are counted apart. */
enum event_class {
	CLASS_ENTER,
	CLASS_EXIT,
	CLASS_LIFECYCLE,
	CLASSES,
};

/*
 * The first page of a CPU's buffer. The kernel side writes the first half,
 * the reader the second; they stand in different cache lines.
 */
struct control {
	u64 head;	   /* bytes ever reserved */
	u64 seen[CLASSES]; /* events that passed the filters */
	u64 lost[CLASSES]; /* of these, found no room */
	u64 lost_total;	   /* the sum of lost */
	u64 gap_first;	   /* time of the first loss that the reader has not reported */
	u64 gap_last;	   /* time of the latest loss */
	u64 dated;	   /* of lost_total, gap_first and gap_last know about */
	u64 pad1[5];

	u64 tail;     /* bytes ever read */
	u64 rung;     /* the doorbell has been rung since the reader last looked */
	u64 reported; /* of lost_total, is in the file */
	u64 pad2[13];
};

#define CONTROL_BYTES 4096
/* The longest record may begin at the last word of the data and run on behind it. */
#define SLACK_BYTES 4096

_Static_assert(sizeof(struct record) == 24, "record");
_Static_assert(sizeof(struct exec_payload) == 32 + FILENAME_MAX_BYTES, "exec_payload");
_Static_assert(sizeof(struct control) == 256, "control");
_Static_assert(__builtin_offsetof(struct control, tail) == 128, "control.tail");
_Static_assert(sizeof(struct record) + sizeof(struct exec_payload) <= SLACK_BYTES, "slack");

#endif
