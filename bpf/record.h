/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the kernel side and the recorder share: one buffer for each CPU, and
 * the records in it. The Go side is generated from the object file (gen.go).
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
	RECORD_GAP, /* events of this CPU found no room before the record that follows */
	RECORD_ENTER_TEXTS, /* an enter, and texts behind six words of arguments */
	RECORD_EXIT_TEXTS,  /* an exit, likewise */
	RECORD_CALL, /* an enter and its exit, told at the exit */
	RECORD_CALL_TEXTS, /* the same, and texts behind six words of arguments */
	RECORD_MOVE, /* a task comes into a cgroup; no event */
	RECORD_CGROUP, /* a cgroup of version 2 is made; no event */
};

/* Which table of system calls the event's number belongs to. */
enum record_abi {
	ABI_NATIVE,
	ABI_COMPAT, /* i386 on x86_64, arm on arm64 */
	ABI_X32,
	ABI_BITS = 7,
};

/* Sizes that both sides must agree on. */
enum layout {
	TABLE_SIZE = 1024, /* numbers of each ABI that the tables have a place for */
	FILENAME_SIZE = 256,
	COMM_WORDS = 4, /* of 64 states each, for patterns of names */
	CGROUP_LEVELS = 16,
	/* The first page of a part of a buffer; that of the first part holds struct control. */
	CONTROL_BYTES = 4096,
	/* The longest record may begin at the last word of the data and run on behind it. */
	SLACK_BYTES = 16384,
	TEXT_MAX = 4096,    /* of a file name at most (include/uapi/linux/limits.h: PATH_MAX) */
	TEXT_ADDRESS = 128, /* of a socket address (include/uapi/linux/socket.h) */
	CGROUP_PATH = 1024, /* as the kernel cuts it (kernel/cgroup/cgroup-internal.h: TRACE_CGROUP_PATH_LEN) */
	TEXT_ARGUMENTS = 40, /* of arguments in memory: of clone3's up to the signal (include/uapi/linux/sched.h) */
	TEXT_CALL = 24,	     /* of the arguments of socketcall, six (net/socket.c) */
	TEXT_PASSED = 2,     /* socketcall takes two arguments: as the third counts what those in memory point to */
	SOCKET_CALLS = 32,   /* of socketcall, that the tables have a place for */
};

/*
 * A record is 24 bytes and a payload of whole 8-byte words. tag holds the
 * size of both in bytes (16 bits), the kind (8), the ABI (7), whether the
 * thread has lost events since its record before (1) and the system-call
 * number (32). tag is empty before the buffer's head shows the
 * record and written last: 0 means that the record is still being written.
 */
struct record {
	u64 tag;
	u64 ts;	      /* CLOCK_MONOTONIC, ns, taken after the place was reserved */
	u64 pid_tgid; /* thread-group id in the upper half, thread id in the lower */
};

#define TAG(size, kind, abi, nr) \
	((u64)(size) | (u64)(kind) << 16 | (u64)(abi) << 24 | (u64)(u32)(nr) << 32)

/* Classes of events that are counted apart. */
enum event_class {
	CLASS_ENTER,
	CLASS_EXIT,
	CLASS_LIFECYCLE,
	CLASSES,
	CLASS_CALL = CLASSES, /* in the kernel side: one of CLASS_ENTER and one of CLASS_EXIT */
	CLASS_NONE, /* likewise: what is no event, but has to be known to name those that are */
};

/* Payloads. RECORD_ENTER has as many words as the call has arguments. */
struct exit_payload {
	s64 ret;
};

/* The record's number and ABI are the enter's. As many words follow as the call has arguments. */
struct call_payload {
	s64 ret;
	u64 entered; /* when, as record.ts */
	s32 exit_nr;
	u32 exit_abi; /* enum record_abi */
};

struct fork_payload {
	u64 child_pid_tgid;
	u64 cgroup; /* cgroup v2 id of the child; without BTF the parent's */
};

/* Of RECORD_MOVE and RECORD_CGROUP. The path is from the root of its hierarchy. */
struct place_payload {
	u64 cgroup;    /* cgroup v2 id; 0: of version 1, or not known (no BTF) */
	s32 hierarchy; /* as in /proc/PID/cgroup, 0 is that of version 2; -1: not known (no BTF) */
	u32 group;     /* all threads of the process are moved */
	u8 path[CGROUP_PATH];
};

struct rename_payload {
	u8 comm[16];
};

struct exec_payload {
	u64 old_tid;
	u64 cgroup;
	u8 comm[16];
	u8 filename[FILENAME_SIZE]; /* empty without BTF */
};

struct end_payload {
	s64 code;  /* as wait(2) encodes it; -1: not known (no BTF) */
	s64 group; /* 1: the process has no thread left; -1: not known */
};

/* What an argument points to: the bytes follow, in whole words. */
struct text {
	u32 argument;
	u32 length; /* in bytes, and enum text_flag */
};

enum text_flag {
	TEXT_LENGTH = 0xffff,  /* the bits that are the length */
	TEXT_CUT = 1 << 16,    /* a file name that goes on */
	TEXT_SOCKET = 1 << 17, /* a socket address as it is in memory */
	TEXT_PAIR = 1 << 18,   /* two descriptors of 32 bits */
	TEXT_UNREAD = 1 << 19, /* it could not be read: the memory was not there */
	TEXT_WORDS = 1 << 20,  /* arguments of 64 bits */
	TEXT_HALVES = 1 << 21, /* arguments of 32 bits */
	TEXT_NOTHING = 255,    /* as the argument: no texts follow */
};

/*
 * What an argument points to, as bits of "text_arguments": from each of these on
 * one for each of six arguments, and two for those that socketcall passes on, see
 * passed_on.
 */
enum text_kind {
	/* What the call itself writes there, so that it is read when it returns: */
	TEXTS_PAIR = 0,		 /* two descriptors */
	TEXTS_ADDRESS_BACK = 8,	 /* a socket address; the next argument points to its length */
	TEXTS_MESSAGE_BACK = 16, /* a message (struct msghdr), likewise */
	/* What the program wrote: */
	TEXTS_NAME = 24,    /* a file name */
	TEXTS_ADDRESS = 32, /* a socket address, whose length is the next argument */
	TEXTS_MESSAGE = 40, /* a message that has a socket address */
	TEXTS_WORDS = 48,   /* arguments of 64 bits, whose length is the next argument */
	TEXTS_CALL = 56,    /* the arguments of socketcall */
};

/* When texts are read, as the constant "text_when". */
enum text_rule {
	TEXTS_NEVER,
	TEXTS_ALWAYS,
	TEXTS_FAILED, /* of calls that failed, at the exit */
};

/* ts of a gap's record is the time of the first event that was lost in it. */
struct gap_payload {
	u64 last; /* time of the last one */
	u64 lost[CLASSES];
};

/*
 * The first page of a CPU's buffer. The kernel side writes the first half,
 * the reader the second; they stand in different cache lines.
 */
struct control {
	u64 head;	       /* bytes ever reserved */
	u64 seen[CLASSES];     /* events that passed the filters */
	u64 lost[CLASSES];     /* of these, found no room */
	u64 gap_first;	       /* time of the first loss that no record tells of; 0: there is none */
	u64 gap_last;	       /* time of the latest */
	u64 gap_lost[CLASSES]; /* how many */
	u64 lost_places;       /* records of CLASS_NONE that found no room */
	u64 pad1[3];

	u64 tail;   /* bytes ever read */
	u64 rung;   /* the doorbell has been rung since the reader last looked */
	u64 closed; /* 1 << class: events that are not recorded, neither now nor as lost */
	u64 pad2[13];
};

/* What is filtered, as bits of the constant "filters". */
enum filter {
	FILTER_PIDS = 1,
	FILTER_COMMS = 2,
	FILTER_UIDS = 4,
	FILTER_CGROUPS = 8,
	FILTER_SYSCALLS = 16,
	FOLLOW_CHILDREN = 32,
	WANT_UNLISTED = 64,  /* numbers that no table has, -1 apart */
	WANT_NEGATIVE = 128, /* number -1 */
	FILTER_COMM_PATTERNS = 256,
	FILTER_CGROUP_IDS = 512, /* of a hierarchy of cgroup v1 */
	FILTER_SAMPLE = 1024,	 /* calls drawn by lot */
	FILTER_FAILED = 2048,	 /* calls that return an error */
	FILTER_DURATION = 4096,	 /* calls that last */

	/* What may change between the enter of a call and its exit: the enter decides. */
	CHANGEABLE = FILTER_COMMS | FILTER_UIDS | FILTER_CGROUPS | FILTER_COMM_PATTERNS | FILTER_CGROUP_IDS,
	/* What only the exit can decide, so that the enter waits for it. */
	HELD = FILTER_FAILED | FILTER_DURATION,
	/* What passes over calls of threads that are recorded: all their calls are counted. */
	COUNTED = FILTER_SAMPLE | HELD,
};

/* Why a call is not recorded; each is counted, by its enter if not said otherwise. */
enum refusal {
	REFUSED_NOT,
	REFUSED_PROCESS,
	REFUSED_CALL,
	REFUSED_USER,
	REFUSED_COMM,
	REFUSED_CGROUP,
	REFUSED_SAMPLE,
	REFUSED_OUTCOME, /* by its exit: it did not fail or did not last */
	REFUSED_HALF,	 /* by its exit: it began before the recording or outside the filters */
	REFUSALS,
};

/* Exact numbers of calls, whether they are recorded or not. */
struct count_key {
	u32 tgid; /* 0: of all processes that have no entry of their own */
	s32 nr;
	u32 abi; /* enum record_abi */
};

struct count_value {
	u64 calls; /* that returned */
	u64 errors;
	u64 total; /* ns from enter to exit */
};

/* What the map "targets" says of a process. */
enum target {
	TARGET_RECORD = 1,
	TARGET_AT_EXEC = 2, /* from its next execve on */
};

/* What the map "thread_states" says of a thread. */
enum thread_state {
	THREAD_LOST = 1,    /* it has lost events since its latest record */
	THREAD_ENTERED = 2, /* what a program last saw of it is that it entered a call */
	THREAD_LEFT = 4,    /* likewise, that it left one */
	THREAD_UNREAD = 8,  /* a text of its call could not be read at the enter */
	THREAD_CHOSEN = 16, /* the call that it is in is recorded */
	THREAD_REFUSED = 32, /* the call that it is in is not */
};

/*
 * How a program takes its place in a buffer, as the constant "writers":
 * what the kernel does with programs decides, see load_linux.go.
 */
enum writer_rule {
	WRITERS_ALONE, /* one at a time on a CPU, by the kernel's own rules */
	WRITERS_HOLD,  /* likewise, since each forbids preemption while it writes */
	WRITERS_MIXED, /* another may write between any two instructions of one */
};

_Static_assert(sizeof(struct record) == 24, "record");
_Static_assert(sizeof(struct exec_payload) == 32 + FILENAME_SIZE, "exec_payload");
_Static_assert(sizeof(struct control) == 256, "control");
_Static_assert(__builtin_offsetof(struct control, tail) == 128, "control.tail");
_Static_assert(2 * sizeof(struct record) + sizeof(struct gap_payload) + sizeof(struct exec_payload) <= SLACK_BYTES, "slack");
_Static_assert(2 * sizeof(struct record) + sizeof(struct gap_payload) + sizeof(struct call_payload) + 48 + 2 * (sizeof(struct text) + TEXT_MAX + 8) <= SLACK_BYTES, "slack");

#endif
