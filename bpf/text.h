/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Texts: the file names and socket addresses that arguments point to, the
 * arguments that a few calls have in memory, and the two descriptors that pipe
 * and socketpair return there. Never what a call
 * reads or writes. They are read into memory of the CPU first, for a record's
 * size is fixed when its place is taken.
 */
#ifndef SYSTAPE_TEXT_H
#define SYSTAPE_TEXT_H

#include "thread.h"

/* What a text may take in a record, its head included, and two of them. */
#define TEXT_BYTES (sizeof(struct text) + TEXT_MAX + 8)
#define TEXTS_BYTES (2 * TEXT_BYTES)

struct scratch {
	u64 owner; /* of what stands here: programs that can be preempted may overwrite each other */
	u8 bytes[TEXTS_BYTES + TEXT_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, sizeof(struct scratch));
} texts SEC(".maps");

#define TEXTS_OF(kind) (0xffULL << (kind))
#define TEXTS_BACK 0xffffffULL	  /* what the call writes, see enum text_kind */
#define TEXTS_GIVEN (~TEXTS_BACK) /* what the program wrote */
#define TEXTS_ADDRESSES (TEXTS_OF(TEXTS_ADDRESS) | TEXTS_OF(TEXTS_ADDRESS_BACK))
#define TEXTS_MESSAGES (TEXTS_OF(TEXTS_MESSAGE) | TEXTS_OF(TEXTS_MESSAGE_BACK))

/* Finds the socket address of a message; returns its length, 0 if there is none. */
static inline_always u32 message_address(u64 *address, u32 abi)
{
	/* struct msghdr, struct compat_msghdr (include/linux/socket.h, include/net/compat.h): name, length */
	u32 words[4] = {};

	if (abi == ABI_NATIVE) {
		if (probe_read_user(words, 12, (void *)*address))
			return 0;
		*address = words[0] | (u64)words[1] << 32;
		return words[2];
	}
	if (probe_read_user(words, 8, (void *)*address))
		return 0;
	*address = words[0];
	return words[1];
}

/*
 * Finds what the arguments point to that socketcall has in memory: for n 6 the
 * second of them, whose length the third is or tells; for 7 the fifth and the
 * sixth likewise, or two descriptors at the fourth.
 */
static inline_always void passed_on(u32 n, u64 what, u64 block, u64 *address, u64 *next)
{
	u32 words[TEXT_CALL / 4] = {};

	*address = *next = 0;
	if (probe_read_user(words, TEXT_CALL, (void *)block))
		return;
	if (n == 6) {
		*address = words[1];
		*next = words[2];
	} else if (what & TEXTS_OF(TEXTS_PAIR)) {
		*address = words[3];
	} else {
		*address = words[4];
		*next = words[5];
	}
}

/* Reads one text to where t stands. Returns the bytes of it, rounded to words. */
static inline_always u32 read_text(struct text *t, u64 what, u64 address, u64 next, u32 n, u32 abi)
{
	u32 size = 8, kind = TEXT_PAIR;
	long got;

	t->argument = n;
	t->length = TEXT_UNREAD;
	if (!address)
		return sizeof(*t);
	if (what & TEXTS_OF(TEXTS_NAME)) {
		/* Two bytes more than asked for tell a name that is longer from one that is not. */
		got = probe_read_user_str(t + 1, text_bytes + 2, (void *)address);
		if (got <= 0)
			return sizeof(*t);
		got--; /* without the zero at the end */
		if (got > text_bytes) {
			t->length = text_bytes | TEXT_CUT;
			got = text_bytes;
		} else {
			t->length = got;
		}
		return sizeof(*t) + ((got + 7) & ~7u);
	}
	if (what & (TEXTS_ADDRESSES | TEXTS_MESSAGES)) {
		kind = TEXT_SOCKET;
		size = next;
		if (what & TEXTS_MESSAGES)
			size = message_address(&address, abi);
		else if (what & TEXTS_OF(TEXTS_ADDRESS_BACK) && probe_read_user(&size, sizeof(size), (void *)next))
			return sizeof(*t);
		if (size > TEXT_ADDRESS)
			size = TEXT_ADDRESS;
	}
	if (what & TEXTS_OF(TEXTS_WORDS)) {
		kind = TEXT_WORDS;
		size = next > TEXT_ARGUMENTS ? TEXT_ARGUMENTS : next;
	}
	if (what & TEXTS_OF(TEXTS_CALL)) {
		kind = TEXT_HALVES;
		size = TEXT_CALL;
	}
	asm volatile("" : "+r"(size));
	size &= 2 * TEXT_ADDRESS - 1; /* the verifier forgets the bound before */
	if (!size || !address || probe_read_user(t + 1, size, (void *)address))
		return sizeof(*t);
	t->length = size | kind;
	return sizeof(*t) + ((size + 7) & ~7u);
}

/*
 * Reads the texts of a call: those that which asks for, see text_arguments.
 * Returns their bytes; missing tells whether one could not be read.
 */
static inline_always u32 read_texts(struct scratch *s, u64 *args, u64 which, u32 abi, u32 *missing)
{
	u32 used = 0;

	*missing = 0;
#pragma unroll
	for (u32 n = 0; n < 8; n++) {
		u64 what = which & 0x0101010101010101ULL << n, address, next = 0;
		struct text *t;

		if (!what || used > TEXT_BYTES)
			continue;
		if (n < 6) {
			address = args[n];
			if (n < 5)
				next = args[n + 1];
		} else {
			passed_on(n, what, args[1], &address, &next);
		}
		t = (struct text *)(s->bytes + used);
		used += read_text(t, what, address, next, n < 6 ? n : TEXT_PASSED, abi);
		if (t->length == TEXT_UNREAD && address)
			*missing = 1;
	}
	return used;
}

/* Copies texts into a record. What another program has overwritten is none. */
static inline_always void copy_texts(void *to, struct scratch *s, u32 used, u64 owner)
{
	asm volatile("" : "+r"(used));
	if (used > TEXTS_BYTES)
		used = TEXTS_BYTES;
	probe_read_kernel(to, used, s->bytes);
	if (*(volatile u64 *)&s->owner != owner)
		((struct text *)to)->argument = TEXT_NOTHING;
}

#endif
