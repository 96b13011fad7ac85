/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * How the two ways of hooking see the kernel's structures. With BTF the
 * verifier lets programs follow pointers, and the loader corrects the offsets
 * (CO-RE). Without BTF every field is read through a helper, at offsets that
 * the recorder finds out at load (discover.bpf.c).
 */
#ifndef SYSTAPE_TASK_H
#define SYSTAPE_TASK_H

#include "helpers.h"

/* arch/x86/include/asm/thread_info.h: the current call entered through the 32-bit table. */
#define TS_COMPAT 0x0002
/* arch/arm64/include/asm/thread_info.h */
#define TIF_32BIT 22
/* arch/x86/include/uapi/asm/unistd.h */
#define X32_SYSCALL_BIT 0x40000000

struct self {
	u64 pid_tgid;
	u32 compat;
};

#ifdef WITH_BTF
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
	u64 sp, pc, pstate;
	u64 orig_x0;
	s32 syscallno;
};
#else
#error "systape records on x86_64 and arm64"
#endif

#ifdef WITH_BTF

struct thread_info {
#if defined(__TARGET_ARCH_x86)
	u32 status;
#else
	unsigned long flags;
#endif
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
};

struct kernfs_node {
	u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	struct thread_info thread_info;
	s32 pid, tgid;
	int exit_code;
	char comm[16];
	struct signal_struct *signal;
	struct css_set *cgroups;
};

struct linux_binprm {
	const char *filename;
};

#pragma clang attribute pop

#define HOOK(name) SEC("tp_btf/" name)
#define READ(ptr, field) ((ptr)->field)

static inline_always u64 task_pid_tgid(struct task_struct *task)
{
	return (u64)(u32)task->tgid << 32 | (u32)task->pid;
}

/*
 * The ids of the current thread and whether its call came through the 32-bit
 * table. One look at the task costs one call of a helper, which is most of
 * what a probe costs where returns are slow (kernel
 * Documentation/admin-guide/hw-vuln/srso.rst).
 */
static inline_always struct self current_self(void)
{
	struct task_struct *task = get_current_task_btf();

	return (struct self){
		.pid_tgid = task_pid_tgid(task),
#if defined(__TARGET_ARCH_x86)
		.compat = task->thread_info.status & TS_COMPAT,
#else
		.compat = task->thread_info.flags >> TIF_32BIT & 1,
#endif
	};
}

/* Reads a field through a helper, for pointers that old verifiers do not follow; 0 if there is none. */
#define READ_FAR(ptr, field) \
	({ \
		typeof((ptr)->field) value_ = 0; \
		probe_read_kernel(&value_, sizeof(value_), &(ptr)->field); \
		value_; \
	})

static inline_always s32 cgroup_hierarchy(struct cgroup *cgroup)
{
	return READ_FAR(READ_FAR(cgroup, root), hierarchy_id);
}

static inline_always u64 cgroup_id(struct cgroup *cgroup)
{
	return READ_FAR(READ_FAR(cgroup, kn), id);
}

/* The cgroup v2 id of a task that is not the current one, or 0. */
static inline_always u64 task_cgroup_id(struct task_struct *task)
{
	if (!__builtin_preserve_field_info(task->cgroups, 2 /* whether the kernel has it */))
		return 0;
	return cgroup_id(READ_FAR(READ_FAR(task, cgroups), dfl_cgrp));
}

static inline_always s64 task_exit_code(struct task_struct *task)
{
	return task->exit_code;
}

static inline_always s64 task_group_ended(struct task_struct *task)
{
	return task->signal->live.counter == 0;
}

#else /* no BTF */

struct task_struct;
struct linux_binprm;
struct cgroup;

/* Byte offsets in task_struct; pid is followed by tgid (include/linux/sched.h). */
volatile const u32 offset_pid = 0;
volatile const u32 offset_flags = 0; /* of thread_info.status (x86) or thread_info.flags (arm64) */

#define HOOK(name) SEC("raw_tp/" name)
#define READ(ptr, field) \
	({ \
		typeof((ptr)->field) value_ = 0; \
		probe_read_kernel(&value_, sizeof(value_), &(ptr)->field); \
		value_; \
	})

static inline_always u64 task_pid_tgid(struct task_struct *task)
{
	u32 ids[2] = {};

	probe_read_kernel(ids, sizeof(ids), (char *)task + offset_pid);
	return (u64)ids[1] << 32 | ids[0];
}

static inline_always struct self current_self(void)
{
	u32 flags = 0;

	probe_read_kernel(&flags, sizeof(flags), (char *)get_current_task() + offset_flags);
	return (struct self){
		.pid_tgid = get_current_pid_tgid(),
#if defined(__TARGET_ARCH_x86)
		.compat = flags & TS_COMPAT,
#else
		.compat = flags >> TIF_32BIT & 1,
#endif
	};
}

static inline_always s32 cgroup_hierarchy(struct cgroup *cgroup)
{
	return -1;
}

static inline_always u64 cgroup_id(struct cgroup *cgroup)
{
	return 0;
}

static inline_always u64 task_cgroup_id(struct task_struct *task)
{
	return get_current_cgroup_id();
}

static inline_always s64 task_exit_code(struct task_struct *task)
{
	return -1;
}

static inline_always s64 task_group_ended(struct task_struct *task)
{
	return -1;
}

#endif

#if defined(__TARGET_ARCH_x86)
static inline_always s32 regs_nr(struct pt_regs *regs)
{
	return (s32)READ(regs, orig_ax);
}
#else
static inline_always s32 regs_nr(struct pt_regs *regs)
{
	return READ(regs, syscallno);
}
#endif

#endif
