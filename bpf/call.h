/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The programs of system calls. */
#ifndef SYSTAPE_CALL_H
#define SYSTAPE_CALL_H

#include "buffer.h"
#include "filter.h"
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
static inline_always u32 texts_of(u32 index)
{
	if (index >= 2 * TABLE_SIZE)
		return 0;
	return text_arguments[index];
}

/* Writes an enter with the texts that its arguments point to. */
static inline_always int enter_with_texts(struct pt_regs *regs, u64 pid_tgid, u32 abi, s32 nr, u32 count, u32 which)
{
	u32 zero = 0, used, missing, size;
	struct scratch *s = map_lookup(&texts, &zero);
	struct record *record;
	u64 args[6] = {};
	u64 *words;
	u8 *state;

	if (!s)
		return 0;
	copy_arguments(args, regs, abi, 6);
	*(volatile u64 *)&s->owner = pid_tgid;
	used = read_texts(s, args, which & 0xffff, &missing);
	if (missing) {
		state = state_of(pid_tgid);
		if (state)
			*state |= THREAD_UNREAD;
	}
	size = sizeof(*record) + sizeof(args) + used;
	record = reserve(size, CLASS_ENTER, pid_tgid);
	if (unlikely(!record))
		return 0;
	record->pid_tgid = pid_tgid;
	words = (u64 *)(record + 1);
#pragma unroll
	for (u32 n = 0; n < 6; n++)
		words[n] = count > n ? args[n] : 0;
	copy_texts(words + 6, s, used, pid_tgid);
	finish(record, TAG(size, RECORD_ENTER_TEXTS, abi | lost_before(pid_tgid) << ABI_BITS, nr));
	return 0;
}

/*
 * The texts that are to be read when a call returns: those that failed to be
 * read at its enter, those of a failed call if only these are asked for, and
 * the descriptors that it returned. After an execve the memory is another.
 */
static inline_always u32 texts_at_exit(u32 which, s64 ret, u32 pid_tgid, u32 exec)
{
	u8 *state;

	if (ret >= 0 && exec)
		return 0;
	if (text_when == TEXTS_FAILED)
		return ret < 0 && ret > -512 ? which & 0xffff : 0;
	if (which & 0xff0000)
		return ret == 0 ? which & 0xff0000 : 0;
	state = state_of(pid_tgid);
	if (!state || !(*state & THREAD_UNREAD))
		return 0;
	*state &= ~THREAD_UNREAD;
	return which & 0xffff;
}

/* Writes an exit with texts. */
static inline_always int leave_with_texts(struct pt_regs *regs, u64 pid_tgid, u32 abi, s32 nr, s64 ret, u32 which)
{
	u32 zero = 0, used, missing, size;
	struct scratch *s = map_lookup(&texts, &zero);
	struct record *record;
	struct exit_payload *payload;
	u64 args[6] = {};

	if (!s)
		return 0;
	copy_arguments(args, regs, abi, 6);
	*(volatile u64 *)&s->owner = pid_tgid;
	used = read_texts(s, args, which, &missing);
	size = sizeof(*record) + sizeof(*payload) + used;
	record = reserve(size, CLASS_EXIT, pid_tgid);
	if (unlikely(!record))
		return 0;
	record->pid_tgid = pid_tgid;
	payload = (void *)(record + 1);
	payload->ret = ret;
	copy_texts(payload + 1, s, used, pid_tgid);
	finish(record, TAG(size, RECORD_EXIT_TEXTS, abi | lost_before(pid_tgid) << ABI_BITS, nr));
	return 0;
}

static inline_always int enter(u64 *ctx, u32 spare)
{
	const u32 filter = filters;
	struct self self = current_self();
	struct pt_regs *regs = (void *)ctx[0];
	s32 nr = (s32)ctx[1];
	struct record *record;
	u32 abi = abi_of(self.compat, nr), index, size, count = 6;

	if (!stand_in(spare, self.pid_tgid, CLASS_ENTER, THREAD_ENTERED))
		return 0;
	if (filter & FILTER_PIDS) {
		u32 tgid = self.pid_tgid >> 32;
		u32 *flags = map_lookup(&targets, &tgid);

		if (!flags)
			return 0;
		/* The command to record begins with its execve; what prepared it is ours. */
		if (unlikely(*flags & TARGET_AT_EXEC)) {
			if (!is_exec(abi, nr))
				return 0;
			*flags = TARGET_RECORD;
		}
	} else if (self.pid_tgid >> 32 == self_tgid) {
		return 0;
	}
	if (!wanted_thread(filter) || !wanted_call(filter, abi, nr))
		return 0;
	index = table_index(abi, nr);
	if (likely(index < 2 * TABLE_SIZE))
		count = argument_counts[index];
	if (text_when == TEXTS_ALWAYS) {
		u32 which = texts_of(index);

		if (which & 0xffff)
			return enter_with_texts(regs, self.pid_tgid, abi, nr, count, which);
	}
	size = sizeof(*record) + 8 * (count & 7);
	record = reserve(size, CLASS_ENTER, self.pid_tgid);
	if (unlikely(!record))
		return 0;
	record->pid_tgid = self.pid_tgid;
	copy_arguments((u64 *)(record + 1), regs, abi, count);
	finish(record, TAG(size, RECORD_ENTER, abi | lost_before(self.pid_tgid) << ABI_BITS, nr));
	return 0;
}

static inline_always int leave(u64 *ctx, u32 spare)
{
	const u32 filter = filters;
	struct self self = current_self();
	struct pt_regs *regs = (void *)ctx[0];
	struct record *record;
	const u32 size = sizeof(*record) + sizeof(struct exit_payload);
	s32 nr;
	u32 abi;

	if (!stand_in(spare, self.pid_tgid, CLASS_EXIT, THREAD_LEFT))
		return 0;
	if (!wanted_task(filter, self.pid_tgid))
		return 0;
	nr = regs_nr(regs);
	abi = abi_of(self.compat, nr);
	if (!wanted_call(filter, abi, nr)) {
		/*
		 * An execve that changes the ABI returns by the new one's rules with
		 * the old one's number.
		 */
		u32 other = abi == ABI_COMPAT ? ABI_NATIVE : ABI_COMPAT;

		if (!is_exec(other, nr) || !wanted_call(filter, other, nr))
			return 0;
	}
	if (text_when != TEXTS_NEVER) {
		u32 which = texts_of(table_index(abi, nr));

		if (which)
			which = texts_at_exit(which, ctx[1], self.pid_tgid, is_exec(abi, nr));
		if (which)
			return leave_with_texts(regs, self.pid_tgid, abi, nr, ctx[1], which);
	}
	record = reserve(size, CLASS_EXIT, self.pid_tgid);
	if (unlikely(!record))
		return 0;
	record->pid_tgid = self.pid_tgid;
	((struct exit_payload *)(record + 1))->ret = ctx[1];
	finish(record, TAG(size, RECORD_EXIT, abi | lost_before(self.pid_tgid) << ABI_BITS, nr));
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
