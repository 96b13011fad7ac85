/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What is kept of a call from its enter to its exit, where a filter needs the
 * whole of it (COUNTED): when it began, whether it was drawn by lot, what it
 * was called with. One entry for each thread, which goes with the thread.
 */
#ifndef SYSTAPE_MEMORY_H
#define SYSTAPE_MEMORY_H

#include "thread.h"

struct call {
	u64 entered; /* 0: the thread is in no call of which the enter was asked about */
	u64 random;  /* never 0 */
	u64 args[6];
	s32 nr;
	u8 abi; /* enum record_abi */
	u8 count; /* of args */
	u8 drawn;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct call);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__type(key, struct count_key);
	__type(value, struct count_value);
} counts SEC(".maps");

/* By table_index(), for calls that have found no room in counts; the last place: numbers of no table. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * TABLE_SIZE + 1);
	__type(key, u32);
	__type(value, struct count_value);
} other_counts SEC(".maps");

/* What share of the calls is drawn, of 1 << 32. The recorder changes it. */
u64 sample_share = 1ULL << 32;

static inline_always u64 mix(u64 x) /* the end of splitmix64 */
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* The current thread's entry, 0 if there is no room for it. */
static inline_always struct call *call_of(u32 tid)
{
	struct call *call = map_lookup(&calls, &tid);
	struct call new = {};

	if (likely(call))
		return call;
	new.random = mix(sample_seed + mix((u64)tid << 32 ^ ktime_get_ns())) | 1;
	map_update(&calls, &tid, &new, BPF_NOEXIST);
	return map_lookup(&calls, &tid);
}

/*
 * Draws whether the thread's next call is recorded: each by itself, so that no
 * period of a program can meet one of ours. (xorshift64*, Vigna 2014)
 */
static inline_always int draw(struct call *call)
{
	u64 x = call->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	call->random = x;
	return x * 0x2545f4914f6cdd1d >> 32 < *(volatile u64 *)&sample_share;
}

/* Moves the entry of a thread whose id has changed (execve by another than the leader). */
static inline_always void move_call(u32 from, u32 to)
{
	struct call *call = map_lookup(&calls, &from);

	if (call)
		map_update(&calls, &to, call, 0);
	map_delete(&calls, &from);
}

/* Whether a result is an error that the program sees (include/linux/errno.h: 512…517 are the kernel's own). */
static inline_always int is_error(u32 abi, s64 ret)
{
	if (abi == ABI_COMPAT)
		ret = (s32)ret;
	return ret < 0 && ret >= -4095 && !(ret <= -512 && ret >= -517);
}

/* Adds a call that has returned to the exact numbers. */
static inline_always void count_call(u32 tgid, u32 abi, s32 nr, u32 index, s64 ret, u64 took)
{
	struct count_key key = {.tgid = tgid, .nr = nr, .abi = abi};
	struct count_value none = {}, *value = map_lookup(&counts, &key);

	if (unlikely(!value)) {
		map_update(&counts, &key, &none, BPF_NOEXIST);
		value = map_lookup(&counts, &key);
		if (!value) {
			index = index < 2 * TABLE_SIZE ? index : 2 * TABLE_SIZE;
			value = map_lookup(&other_counts, &index);
			if (!value)
				return;
		}
	}
	add(&value->calls, 1);
	if (is_error(abi, ret))
		add(&value->errors, 1);
	add(&value->total, took);
}

#endif
