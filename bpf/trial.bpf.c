//go:build ignore
/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Runs at a system call of the recorder's own, to find out what a program sees
 * there: ids, the clock, and whether another thread can come in between.
 */
#include "helpers.h"

char dual_license[] SEC("license") = "Dual MIT/GPL";

volatile const u32 number = 0; /* of the call */

struct trial_result {
	u64 pid_tgid;
	u64 began, ended; /* CLOCK_MONOTONIC */
	u64 left;	  /* whether the program has ended */
	u64 intruder;	  /* the other thread, by its task */
	u64 woken;	  /* when an interrupt of the program woke that; 0: none did */
	u64 intruded;	  /* set by the other thread, from outside */
	u64 seen;	  /* whether the program has seen that, at ended */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct trial_result);
} results SEC(".maps");

SEC("raw_tp/sys_enter")
int ask(u64 *ctx)
{
	u32 zero = 0;
	struct trial_result *result = map_lookup(&results, &zero);

	if ((u32)ctx[1] != number || !result)
		return 0;
	result->pid_tgid = get_current_pid_tgid();
	result->began = ktime_get_ns();
	return 0;
}

/* How long the program stays: the other thread's timer goes off in its middle. */
#define STAY_NS 600000

static long stay(u32 turn, void *ctx)
{
	u32 zero = 0;
	struct trial_result *result = map_lookup(&results, &zero);

	if (!result)
		return 1;
	result->ended = ktime_get_ns();
	result->seen = *(volatile u64 *)&result->intruded;
	return result->seen || result->ended - result->began > STAY_NS;
}

/* The other thread names itself by the number that follows. */
SEC("raw_tp/sys_enter")
int linger(u64 *ctx)
{
	u32 zero = 0, called = (u32)ctx[1];
	struct trial_result *result = map_lookup(&results, &zero);

	if (!result)
		return 0;
	if (called == number + 1)
		result->intruder = get_current_task();
	if (called != number)
		return 0;
	result->pid_tgid = get_current_pid_tgid();
	result->began = ktime_get_ns();
	loop(1 << 20, stay, 0, 0);
	result->left = 1;
	return 0;
}

/*
 * The other thread is woken. Where the current one is that which stays in the
 * program, an interrupt of the program does so, on its CPU: when the
 * interrupt ends, the other thread runs, or nothing comes in between.
 */
SEC("raw_tp/sched_waking")
int woken(u64 *ctx)
{
	u32 zero = 0;
	struct trial_result *result = map_lookup(&results, &zero);

	if (!result || !result->began || result->left || ctx[0] != result->intruder)
		return 0;
	if (get_current_pid_tgid() == result->pid_tgid)
		result->woken = ktime_get_ns();
	return 0;
}
