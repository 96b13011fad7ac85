/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The programs of system calls. */
#ifndef SYSTAPE_CALL_H
#define SYSTAPE_CALL_H

#include "buffer.h"
#include "filter.h"
#include "memory.h"
#include "number.h"
#include "text.h"

#if defined(__TARGET_ARCH_x86)
#define ARGUMENT(n, native, compat) \
	if (count > n) \
	args[n] = abi == ABI_COMPAT ? (u32)READ(regs, compat) : READ(regs, native)

static inline_always void copy_arguments(u64 *args, struct pt_regs *regs, u32 abi, u32 count)
{
	ARGUMENT(0, di, bx);
	ARGUMENT(1, si, cx);
	ARGUMENT(2, dx, dx);
	ARGUMENT(3, r10, si);
	ARGUMENT(4, r8, di);
	ARGUMENT(5, r9, bp);
}
#else
#define ARGUMENT(n, reg) \
	if (count > n) \
	args[n] = abi == ABI_COMPAT ? (u32)READ(regs, reg) : READ(regs, reg)

static inline_always void copy_arguments(u64 *args, struct pt_regs *regs, u32 abi, u32 count)
{
	ARGUMENT(0, orig_x0);
	ARGUMENT(1, regs[1]);
	ARGUMENT(2, regs[2]);
	ARGUMENT(3, regs[3]);
	ARGUMENT(4, regs[4]);
	ARGUMENT(5, regs[5]);
}
#endif

/* The texts of a call, by the place of its number; 0 when it has none. */
static inline_always u64 texts_of(u32 index)
{
	if (index >= 2 * TABLE_SIZE)
		return 0;
	return text_arguments[index];
}

/* Adds to the texts of a call those that the arguments point to which it passes on; first is its first argument. */
static inline_always u64 with_passed(u64 which, u64 first)
{
	if (which & TEXTS_OF(TEXTS_CALL) && first < SOCKET_CALLS)
		which |= socket_texts[first];
	return which;
}

/* Shows an enter with the texts that its arguments point to; returns its time, 0 if it is lost. */
static apart u64 enter_with_texts(struct pt_regs *regs, u64 pid_tgid, u32 abi, s32 nr)
{
	u32 index = table_index(abi, nr), count = 6;
	u32 zero = 0, used, missing, size;
	struct scratch *s = map_lookup(&texts, &zero);
	struct record *record;
	u64 args[6] = {}, ts;
	u64 *words;
	u8 *state;

	if (!s)
		return 0;
	if (index < 2 * TABLE_SIZE)
		count = argument_counts[index];
	copy_arguments(args, regs, abi, 6);
	*(volatile u64 *)&s->owner = pid_tgid;
	used = read_texts(s, args, with_passed(texts_of(index), args[0]) & TEXTS_GIVEN, abi, &missing);
	if (missing) {
		state = state_of(pid_tgid);
		if (state)
			*state |= THREAD_UNREAD;
	}
	size = sizeof(*record) + sizeof(args) + used;
	record = reserve(size, CLASS_ENTER, pid_tgid);
	if (unlikely(!record))
		return 0;
	ts = record->ts;
	record->pid_tgid = pid_tgid;
	words = (u64 *)(record + 1);
#pragma unroll
	for (u32 n = 0; n < 6; n++)
		words[n] = count > n ? args[n] : 0;
	copy_texts(words + 6, s, used, pid_tgid);
	finish(record, TAG(size, RECORD_ENTER_TEXTS, abi | lost_before(pid_tgid) << ABI_BITS, nr));
	return ts;
}

/*
 * The texts that are to be read when a call returns: those that failed to be
 * read at its enter, those of a failed call if only these are asked for, and
 * what the call itself wrote. After an execve the memory is another. Of a call
 * that was held all are read now.
 */
static inline_always u64 texts_at_exit(u64 which, s64 ret, u32 pid_tgid, u32 exec)
{
	u8 *state;

	if (ret >= 0 && exec)
		return 0;
	if (text_when == TEXTS_FAILED)
		return ret < 0 && ret > -512 ? which & TEXTS_GIVEN : 0;
	if (filters & HELD)
		return ret < 0 ? which & TEXTS_GIVEN : which;
	if (which & TEXTS_BACK)
		return ret >= 0 ? which & TEXTS_BACK : 0;
	state = state_of(pid_tgid);
	if (!state || !(*state & THREAD_UNREAD))
		return 0;
	*state &= ~THREAD_UNREAD;
	return which & TEXTS_GIVEN;
}

/* Shows an exit with texts, those of which; returns its time, 0 if it is lost. */
static inline_always u64 leave_with_texts(struct pt_regs *regs, u64 pid_tgid, u32 abi, s32 nr, s64 ret, u64 which)
{
	u32 zero = 0, used, missing, size;
	struct scratch *s = map_lookup(&texts, &zero);
	struct record *record;
	struct exit_payload *payload;
	u64 args[6] = {}, ts;

	if (!s)
		return 0;
	copy_arguments(args, regs, abi, 6);
	*(volatile u64 *)&s->owner = pid_tgid;
	used = read_texts(s, args, which, abi, &missing);
	size = sizeof(*record) + sizeof(*payload) + used;
	record = reserve(size, CLASS_EXIT, pid_tgid);
	if (unlikely(!record))
		return 0;
	ts = record->ts;
	record->pid_tgid = pid_tgid;
	payload = (void *)(record + 1);
	payload->ret = ret;
	copy_texts(payload + 1, s, used, pid_tgid);
	finish(record, TAG(size, RECORD_EXIT_TEXTS, abi | lost_before(pid_tgid) << ABI_BITS, nr));
	return ts;
}

/* Why the filters do not want a call at its enter. */
static inline_always u32 enter_refusal(u32 filter, u64 pid_tgid, u32 abi, s32 nr)
{
	if (filter & FILTER_PIDS) {
		u32 tgid = pid_tgid >> 32;
		u32 *flags = map_lookup(&targets, &tgid);

		if (!flags)
			return REFUSED_PROCESS;
		/* The command to record begins with its execve; what prepared it is ours. */
		if (unlikely(*flags & TARGET_AT_EXEC)) {
			if (!is_exec(abi, nr))
				return REFUSED_PROCESS;
			*flags = TARGET_RECORD;
		}
	} else if (pid_tgid >> 32 == self_tgid) {
		return REFUSED_PROCESS;
	}
	if (!wanted_call(filter, abi, nr))
		return REFUSED_CALL;
	return thread_refusal(filter);
}

/* Shows an enter; returns its time, 0 if it is lost. */
static inline_always u64 show_enter(u64 pid_tgid, u32 abi, s32 nr, struct pt_regs *regs, u32 count)
{
	const u32 size = sizeof(struct record) + 8 * (count & 7);
	struct record *record;
	u64 ts;

	if (text_when == TEXTS_ALWAYS && texts_of(table_index(abi, nr)) & TEXTS_GIVEN)
		return enter_with_texts(regs, pid_tgid, abi, nr);
	record = reserve(size, CLASS_ENTER, pid_tgid);
	if (unlikely(!record))
		return 0;
	ts = record->ts;
	record->pid_tgid = pid_tgid;
	copy_arguments((u64 *)(record + 1), regs, abi, count);
	finish(record, TAG(size, RECORD_ENTER, abi | lost_before(pid_tgid) << ABI_BITS, nr));
	return ts;
}

/* Begins a call where a filter needs the whole of it. */
static apart int enter_counted(u64 pid_tgid, u32 abi, s32 nr, struct pt_regs *regs, u32 count)
{
	const u32 filter = filters;
	struct call *call = call_of(pid_tgid);
	u64 now = 0;

	if (unlikely(!call)) {
		refused(REFUSED_SAMPLE);
		return 0;
	}
	call->nr = nr;
	call->abi = abi;
	call->count = count;
	call->drawn = filter & FILTER_SAMPLE ? draw(call) : 1;
	if (!call->drawn)
		refused(REFUSED_SAMPLE);
	else if (filter & HELD)
		copy_arguments(call->args, regs, abi, count);
	else
		now = show_enter(pid_tgid, abi, nr, regs, count);
	call->entered = now ?: ktime_get_ns();
	return 0;
}

static inline_always int enter(u64 *ctx, u32 spare)
{
	const u32 filter = filters;
	struct self self = current_self();
	struct pt_regs *regs = (void *)ctx[0];
	s32 nr = (s32)ctx[1];
	u32 abi = abi_of(self.compat, nr), why, index, count = 6;

	if (!stand_in(spare, self.pid_tgid, CLASS_ENTER, THREAD_ENTERED))
		return 0;
	why = enter_refusal(filter, self.pid_tgid, abi, nr);
	if (filter & CHANGEABLE)
		remember(self.pid_tgid, why ? THREAD_REFUSED : THREAD_CHOSEN);
	if (why) {
		if (filter & ~FOLLOW_CHILDREN) /* our own calls are not worth it */
			refused(why);
		return 0;
	}
	index = table_index(abi, nr);
	if (likely(index < 2 * TABLE_SIZE))
		count = argument_counts[index];
	if (filter & COUNTED)
		return enter_counted(self.pid_tgid, abi, nr, regs, count);
	show_enter(self.pid_tgid, abi, nr, regs, count);
	return 0;
}

/* Returns which texts a call's exit has to tell; its registers are in call, or in regs. */
static inline_always u64 texts_due(u64 pid_tgid, u32 abi, s32 nr, s64 ret, struct call *call, struct pt_regs *regs)
{
	u64 which = texts_of(table_index(abi, nr));

	if (which & TEXTS_OF(TEXTS_CALL)) {
		u64 first = 0;

		if (call)
			first = call->args[0];
		else
			copy_arguments(&first, regs, abi, 1);
		which = with_passed(which, first);
	}
	return which ? texts_at_exit(which, ret, pid_tgid, is_exec(abi, nr)) : 0;
}

/* Shows an exit; returns its time, 0 if it is lost. */
static inline_always u64 show_exit(struct pt_regs *regs, u64 pid_tgid, u32 abi, s32 nr, s64 ret)
{
	const u32 size = sizeof(struct record) + sizeof(struct exit_payload);
	struct record *record;
	u64 ts;

	if (text_when != TEXTS_NEVER) {
		u64 which = texts_due(pid_tgid, abi, nr, ret, 0, regs);

		if (which)
			return leave_with_texts(regs, pid_tgid, abi, nr, ret, which);
	}
	record = reserve(size, CLASS_EXIT, pid_tgid);
	if (unlikely(!record))
		return 0;
	ts = record->ts;
	record->pid_tgid = pid_tgid;
	((struct exit_payload *)(record + 1))->ret = ret;
	finish(record, TAG(size, RECORD_EXIT, abi | lost_before(pid_tgid) << ABI_BITS, nr));
	return ts;
}

/* Describes a call that is told at its exit. Returns where its arguments go. */
static inline_always u64 *describe_call(struct record *record, u64 pid_tgid, u64 entered, u32 abi, s32 nr, s64 ret)
{
	struct call_payload *payload = (void *)(record + 1);

	record->pid_tgid = pid_tgid;
	payload->ret = ret;
	payload->entered = entered;
	payload->exit_nr = nr;
	payload->exit_abi = abi;
	return (u64 *)(payload + 1);
}

/* Shows a call of which nothing has been told before, with texts, those of which. */
static inline_always void show_call_with_texts(u64 pid_tgid, struct call *call, u64 entered, u32 abi, s32 nr, s64 ret, u64 which)
{
	u32 zero = 0, used, missing, size;
	struct scratch *s = map_lookup(&texts, &zero);
	struct record *record;
	u64 args[6], *words;

	if (!s)
		return;
#pragma unroll
	for (u32 n = 0; n < 6; n++)
		args[n] = call->count > n ? call->args[n] : 0;
	*(volatile u64 *)&s->owner = pid_tgid;
	used = read_texts(s, args, which, call->abi, &missing);
	size = sizeof(*record) + sizeof(struct call_payload) + sizeof(args) + used;
	record = reserve(size, CLASS_CALL, pid_tgid);
	if (unlikely(!record))
		return;
	words = describe_call(record, pid_tgid, entered, abi, nr, ret);
#pragma unroll
	for (u32 n = 0; n < 6; n++)
		words[n] = args[n];
	copy_texts(words + 6, s, used, pid_tgid);
	finish(record, TAG(size, RECORD_CALL_TEXTS, call->abi | lost_before(pid_tgid) << ABI_BITS, call->nr));
}

/* Shows a call of which nothing has been told before. */
static inline_always void show_call(u64 pid_tgid, struct call *call, u64 entered, u32 abi, s32 nr, s64 ret)
{
	u32 count = call->count & 7;
	u32 size = sizeof(struct record) + sizeof(struct call_payload) + 8 * count;
	struct record *record;
	u64 *args;

	if (text_when != TEXTS_NEVER) {
		u64 which = texts_due(pid_tgid, call->abi, call->nr, ret, call, 0);

		if (which) {
			show_call_with_texts(pid_tgid, call, entered, abi, nr, ret, which);
			return;
		}
	}
	record = reserve(size, CLASS_CALL, pid_tgid);
	if (unlikely(!record))
		return;
	args = describe_call(record, pid_tgid, entered, abi, nr, ret);
#pragma unroll
	for (u32 i = 0; i < 6; i++) {
		if (count > i)
			args[i] = call->args[i];
	}
	finish(record, TAG(size, RECORD_CALL, call->abi | lost_before(pid_tgid) << ABI_BITS, call->nr));
}

/* Ends a call where a filter needs the whole of it. */
static apart int leave_counted(struct pt_regs *regs, u64 pid_tgid, u32 abi, s32 nr, s64 ret)
{
	const u32 filter = filters;
	struct call *call = call_of(pid_tgid);
	u64 entered, now = 0;

	if (!call || !call->entered) {
		if (filter & HELD || !call)
			refused(REFUSED_HALF);
		else if (draw(call))
			show_exit(regs, pid_tgid, abi, nr, ret);
		else
			refused(REFUSED_SAMPLE);
		return 0;
	}
	entered = call->entered;
	call->entered = 0;
	if (call->drawn && !(filter & HELD))
		now = show_exit(regs, pid_tgid, abi, nr, ret);
	if (!now)
		now = ktime_get_ns();
	count_call(pid_tgid >> 32, call->abi, call->nr, table_index(call->abi, call->nr), ret, now - entered);
	if (!call->drawn || !(filter & HELD))
		return 0;
	if ((filter & FILTER_FAILED && !is_error(abi, ret)) || (filter & FILTER_DURATION && now - entered < least_duration))
		refused(REFUSED_OUTCOME);
	else
		show_call(pid_tgid, call, entered, abi, nr, ret);
	return 0;
}

/*
 * Whether a program has just begun: the kernel clears its registers (x86
 * ELF_PLAT_INIT, arm64 start_thread). The number of one ABI's execve is another
 * call of the other's, munmap for example, which succeeds with none of its
 * arguments 0.
 */
static inline_always int just_begun(struct pt_regs *regs, u32 abi, u64 ret)
{
	u64 args[6] = {};

	copy_arguments(args, regs, abi, 6);
	return !(ret | args[0] | args[1] | args[2] | args[3] | args[4] | args[5]);
}

static inline_always int leave(u64 *ctx, u32 spare)
{
	const u32 filter = filters;
	struct self self = current_self();
	struct pt_regs *regs = (void *)ctx[0];
	u32 abi;
	u8 decision = 0;
	s32 nr;

	if (!stand_in(spare, self.pid_tgid, CLASS_EXIT, THREAD_LEFT))
		return 0;
	if (!wanted_process(filter, self.pid_tgid))
		return 0;
	nr = regs_nr(regs);
	abi = abi_of(self.compat, nr);
	if (filter & CHANGEABLE) {
		decision = recall(self.pid_tgid);
		if (decision == THREAD_REFUSED)
			return 0;
		/* No enter was seen: it was before the recording, or the call was refused before the tracepoint. */
		if (!decision && thread_refusal(filter))
			return 0;
	}
	if (!decision && !wanted_call(filter, abi, nr)) {
		/*
		 * An execve that changes the ABI returns by the new one's rules with
		 * the old one's number.
		 */
		u32 other = abi == ABI_COMPAT ? ABI_NATIVE : ABI_COMPAT;

		if (!is_exec(other, nr) || !wanted_call(filter, other, nr) || !just_begun(regs, abi, ctx[1]))
			return 0;
	}
	if (filter & COUNTED)
		return leave_counted(regs, self.pid_tgid, abi, nr, ctx[1]);
	show_exit(regs, self.pid_tgid, abi, nr, ctx[1]);
	return 0;
}

#define PROGRAM(name, tracepoint, body, spare) \
	HOOK(tracepoint) \
	int name(u64 *ctx) \
	{ \
		return body(ctx, spare); \
	}

PROGRAM(sys_enter, "sys_enter", enter, 0)
PROGRAM(sys_enter_spare1, "sys_enter", enter, 1)
PROGRAM(sys_enter_spare2, "sys_enter", enter, 2)
PROGRAM(sys_exit, "sys_exit", leave, 0)
PROGRAM(sys_exit_spare1, "sys_exit", leave, 1)
PROGRAM(sys_exit_spare2, "sys_exit", leave, 2)

#endif
