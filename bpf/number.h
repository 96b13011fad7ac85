/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the number of a call says: its table, whether it is asked for, and whether it is an execve. */
#ifndef SYSTAPE_NUMBER_H
#define SYSTAPE_NUMBER_H

#include "task.h"
#include "constants.h"

static inline_always u32 abi_of(u32 compat, s32 nr)
{
	if (unlikely(compat))
		return ABI_COMPAT;
#if defined(__TARGET_ARCH_x86)
	if (unlikely(nr >= X32_SYSCALL_BIT))
		return ABI_X32;
#endif
	return ABI_NATIVE;
}

/* The place of a number in the tables; TABLE_SIZE and more when it has none. */
static inline_always u32 table_index(u32 abi, s32 nr)
{
	if (abi == ABI_X32)
		nr &= ~X32_SYSCALL_BIT;
	if (unlikely((u32)nr >= TABLE_SIZE))
		return 2 * TABLE_SIZE;
	return nr + (abi == ABI_COMPAT ? TABLE_SIZE : 0);
}

static inline_always int wanted_index(u32 index)
{
	/* The mask is for old verifiers, which do not carry the bound through the shift. */
	return wanted[index / 64 & (2 * TABLE_SIZE / 64 - 1)] >> (index & 63) & 1;
}

static inline_always int wanted_call(u32 filter, u32 abi, s32 nr)
{
	u32 index;

	if (!(filter & FILTER_SYSCALLS))
		return 1;
	if (nr < 0)
		return filter & WANT_NEGATIVE;
	index = table_index(abi, nr);
	if (index >= 2 * TABLE_SIZE)
		return filter & WANT_UNLISTED;
	return wanted_index(index);
}

#if defined(__TARGET_ARCH_x86)
#define NATIVE_EXECVE 59
#define NATIVE_EXECVEAT 322
#define COMPAT_EXECVE 11
#define COMPAT_EXECVEAT 358
#else
#define NATIVE_EXECVE 221
#define NATIVE_EXECVEAT 281
#define COMPAT_EXECVE 11
#define COMPAT_EXECVEAT 387
#endif

static inline_always int is_exec(u32 abi, s32 nr)
{
	if (abi == ABI_COMPAT)
		return nr == COMPAT_EXECVE || nr == COMPAT_EXECVEAT;
	return nr == NATIVE_EXECVE || nr == NATIVE_EXECVEAT;
}

#endif
