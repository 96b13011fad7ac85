/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A CPU's buffer: taking a place in it, and showing what stands there to the
 * reader. Nothing in this file knows what a record tells.
 */
#ifndef SYSTAPE_BUFFER_H
#define SYSTAPE_BUFFER_H

#include "thread.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, CONTROL_BYTES + (1 << 20) + SLACK_BYTES);
} buffers SEC(".maps");

/* Rung when a buffer fills faster than the reader's timer: see reserve(). */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} doorbell SEC(".maps");

struct buffer {
	struct control control;
	u8 pad[CONTROL_BYTES - sizeof(struct control)];
	u8 data[];
};

#ifdef WITH_BTF
/* kernel/bpf/helpers.c, v6.10. */
extern void bpf_preempt_disable(void) __attribute__((weak, section(".ksyms")));
extern void bpf_preempt_enable(void) __attribute__((weak, section(".ksyms")));
#endif

static inline_always void hold(void)
{
#ifdef WITH_BTF
	if (writers == WRITERS_HOLD)
		bpf_preempt_disable();
#endif
}

static inline_always void release(void)
{
#ifdef WITH_BTF
	if (writers == WRITERS_HOLD)
		bpf_preempt_enable();
#endif
}

/*
 * A store that other CPUs see after all stores before it. x86 keeps the order
 * of stores (Intel SDM vol. 3, 8.2.2), so a plain one will do; arm64 needs
 * the barriers that come with an atomic exchange.
 */
static inline_always void publish(u64 *to, u64 value)
{
#if defined(__TARGET_ARCH_x86)
	asm volatile("" ::: "memory");
	*(volatile u64 *)to = value;
	asm volatile("" ::: "memory");
#else
	__sync_lock_test_and_set(to, value);
#endif
}

/* Where a position, counted in bytes ever reserved, is in memory. */
static inline_always struct record *place(struct buffer *first, u32 cpu, u64 position)
{
	struct buffer *part = first;

	if (parts > 1) {
		u32 key = cpu * parts + (u32)((position & ring_mask) >> part_shift);

		part = map_lookup(&buffers, &key);
		if (!part)
			return 0;
	}
	return (struct record *)(part->data + (position & part_mask));
}

/* Adds an event to counters by class; a class is known when this is compiled. */
static inline_always void count_class(u64 *counters, u32 class)
{
	if (class == CLASS_NONE)
		return;
	if (class == CLASS_CALL) {
		counters[CLASS_ENTER]++;
		counters[CLASS_EXIT]++;
	} else {
		counters[class]++;
	}
}

static inline_always void count_class_mixed(u64 *counters, u32 class)
{
	if (class == CLASS_NONE)
		return;
	if (class == CLASS_CALL) {
		__sync_fetch_and_add(&counters[CLASS_ENTER], 1);
		__sync_fetch_and_add(&counters[CLASS_EXIT], 1);
	} else {
		__sync_fetch_and_add(&counters[class], 1);
	}
}

#define GAP_BYTES (sizeof(struct record) + sizeof(struct gap_payload))

/*
 * A gap that is to end takes a record of its own, and some room beyond, so
 * that a full buffer does not end in a row of gaps with one event between.
 */
#define GAP_ROOM (GAP_BYTES + ring_bytes / 8)

/*
 * Takes size bytes of a buffer that has one writer at a time. The tag is
 * emptied before the head shows the record, and the record's time is read
 * after that: what a reader does not see behind a head is younger than its
 * look at the clock (give or take the time that a store takes to reach other
 * CPUs, see capture/merge.go).
 */
static inline_always struct record *reserve_alone(struct buffer *buffer, u32 cpu, u32 size, u32 class)
{
	struct control *control = &buffer->control;
	struct record *record, *gap;
	struct gap_payload *payload;
	u64 head, used, now;

	count_class(control->seen, class);
	head = control->head;
	used = head + size - *(volatile u64 *)&control->tail;
	if (unlikely(control->gap_first))
		used += GAP_ROOM;
	if (likely(used <= ring_bytes)) {
		if (unlikely(control->gap_first)) {
			gap = place(buffer, cpu, head);
			if (!gap)
				return 0;
			payload = (void *)(gap + 1);
			gap->ts = control->gap_first;
			gap->pid_tgid = 0;
			payload->last = control->gap_last;
#pragma unroll
			for (u32 i = 0; i < CLASSES; i++) {
				payload->lost[i] = control->gap_lost[i];
				control->gap_lost[i] = 0;
			}
			gap->tag = TAG(GAP_BYTES, RECORD_GAP, ABI_NATIVE, -1);
			head += GAP_BYTES;
			used -= GAP_ROOM - GAP_BYTES;
		}
		record = place(buffer, cpu, head);
		if (!record)
			return 0;
		record->tag = 0;
		if (unlikely(control->gap_first))
			publish(&control->gap_first, 0);
		publish(&control->head, head + size);
		if (unlikely(used > wake_bytes) && !control->rung) {
			control->rung = 1;
			ringbuf_output(&doorbell, &cpu, sizeof(cpu), BPF_RB_FORCE_WAKEUP);
		}
		record->ts = ktime_get_ns();
		return record;
	}
	if (class == CLASS_NONE) {
		control->lost_places++;
		return 0;
	}
	/* Dated before it is counted, and open once both are: see openGap() in capture/gap.go. */
	now = ktime_get_ns();
	publish(&control->gap_last, now);
	count_class(control->lost, class);
	if (class == CLASS_CALL)
		publish(&control->gap_lost[CLASS_ENTER], control->gap_lost[CLASS_ENTER] + 1);
	publish(&control->gap_lost[class == CLASS_CALL ? CLASS_EXIT : class], control->gap_lost[class == CLASS_CALL ? CLASS_EXIT : class] + 1);
	if (!control->gap_first)
		publish(&control->gap_first, now);
	return 0;
}

/*
 * Likewise where another program may write between any two instructions of
 * this one. The head decides who has which place. A place cannot be emptied
 * beforehand, so the reader gives it back empty, and losses are only counted:
 * the reader dates them by its looks.
 */
static inline_always struct record *reserve_mixed(struct buffer *buffer, u32 cpu, u32 size, u32 class)
{
	struct control *control = &buffer->control;
	struct record *record;
	u64 head, used;

	count_class_mixed(control->seen, class);
#pragma unroll
	for (u32 i = 0; i < 4; i++) {
		head = *(volatile u64 *)&control->head;
		used = head + size - *(volatile u64 *)&control->tail;
		if (unlikely(used > ring_bytes))
			break;
		if (likely(__sync_val_compare_and_swap(&control->head, head, head + size) == head)) {
			record = place(buffer, cpu, head);
			if (!record)
				return 0;
			if (unlikely(used > wake_bytes) && !control->rung) {
				control->rung = 1;
				ringbuf_output(&doorbell, &cpu, sizeof(cpu), BPF_RB_FORCE_WAKEUP);
			}
			record->ts = ktime_get_ns();
			return record;
		}
	}
	if (class == CLASS_NONE)
		__sync_fetch_and_add(&control->lost_places, 1);
	count_class_mixed(control->lost, class);
	return 0;
}

/* The class with which another is shut. */
static inline_always u32 shut_with(u32 class)
{
	if (class == CLASS_NONE)
		return CLASS_LIFECYCLE;
	return class == CLASS_CALL ? CLASS_EXIT : class;
}

/*
 * Takes size bytes of this CPU's buffer for an event of the current thread, or
 * counts it as lost. finish() must follow.
 */
static inline_always struct record *reserve(u32 size, u32 class, u32 tid)
{
	u32 cpu, first;
	struct buffer *buffer;
	struct record *record;

	hold();
	cpu = get_smp_processor_id();
	first = cpu * parts;
	buffer = map_lookup(&buffers, &first);
	if (unlikely(!buffer) || unlikely(*(volatile u64 *)&buffer->control.closed & 1 << shut_with(class))) {
		release();
		return 0;
	}
	if (writers == WRITERS_MIXED)
		record = reserve_mixed(buffer, cpu, size, class);
	else
		record = reserve_alone(buffer, cpu, size, class);
	if (unlikely(!record)) {
		if (class != CLASS_NONE)
			lose(tid);
		release();
	}
	return record;
}

/* Shows a finished record to the reader. */
static inline_always void finish(struct record *record, u64 tag)
{
	publish(&record->tag, tag);
	release();
}

#endif
