/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What is known of each thread between two of its events, in one byte. */
#ifndef SYSTAPE_THREAD_H
#define SYSTAPE_THREAD_H

#include "constants.h"

/* Whether any event has been lost since the beginning, on any CPU. */
u32 lossy = 0;

/* Events, by class, for which a spare program stood in: see stand_in(). */
u64 stood_in[CLASSES] = {};

/* enum thread_state of each thread, by its id; only the thread itself changes it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 1 << 22);
} thread_states SEC(".maps");

static inline_always u8 *state_of(u32 tid)
{
	u32 zero = 0;
	u8 *states = map_lookup(&thread_states, &zero);
	u32 at = tid & thread_mask; /* as a comparison, 5.10's verifier follows both ways of one that was decided before */

	if (!states || at != tid)
		return 0;
	return states + at;
}

/* Notes that an event of the current thread is lost: see lost_before(). */
static inline_always void lose(u32 tid)
{
	u8 *state = state_of(tid);

	*(volatile u32 *)&lossy = 1;
	if (state)
		*state |= THREAD_LOST;
}

/*
 * Whether events of the current thread were lost since its latest record, so
 * that a reader knows which calls a loss has spoilt and which it has not.
 */
static inline_always u64 lost_before(u32 tid)
{
	u8 *state;

	if (likely(!*(volatile u32 *)&lossy))
		return 0;
	state = state_of(tid);
	if (!state)
		return 1;
	if (!(*state & THREAD_LOST))
		return 0;
	*state &= ~THREAD_LOST;
	return 1;
}

/*
 * Where programs can be preempted, the kernel runs a program for nobody else on
 * a CPU while a task stands preempted inside it (kernel/trace/bpf_trace.c:
 * prog->active), and a program that holds preemption off is preempted at the
 * moment it lets go. So there each program of a system call has spares, which
 * stand in when all before them were skipped for this event. The first notes
 * in which direction its thread goes. Enters and exits take turns, so a spare
 * that finds this direction noted has nothing to do. (If it errs, since all
 * programs of the event before were skipped, an event is lost and counted, for
 * what is lost is what the first program missed and no spare stood in for.)
 */
static inline_always int stand_in(u32 spare, u32 tid, u32 class, u8 direction)
{
	u8 *state;

	if (writers == WRITERS_ALONE)
		return 1;
	state = state_of(tid);
	if (!state)
		return !spare;
	if (spare) {
		if (*state & direction)
			return 0;
		__sync_fetch_and_add(&stood_in[class], 1);
	}
	*state = (*state & ~(THREAD_ENTERED | THREAD_LEFT)) | direction;
	return 1;
}

/* Keeps what the enter decided for the exit. A thread may leave a filter inside a call. */
static inline_always void remember(u32 tid, u8 decision)
{
	u8 *state = state_of(tid);

	if (state)
		*state = (*state & ~(THREAD_CHOSEN | THREAD_REFUSED)) | decision;
}

/* What the enter decided, once; 0 if no enter was seen. */
static inline_always u8 recall(u32 tid)
{
	u8 *state = state_of(tid), decision;

	if (!state)
		return 0;
	decision = *state & (THREAD_CHOSEN | THREAD_REFUSED);
	if (decision)
		*state &= ~(THREAD_CHOSEN | THREAD_REFUSED);
	return decision;
}

/* Adds to a number that this CPU alone has. */
static inline_always void add(u64 *to, u64 n)
{
	if (writers == WRITERS_ALONE)
		*to += n;
	else
		__sync_fetch_and_add(to, n);
}

#endif
