//go:build ignore
/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The kernel side of the recorder: system-call enters and exits and the
 * threads' lives, as records in one buffer for each CPU. It pairs nothing and
 * keeps nothing for a call, so it has nothing to evict or leak.
 */
#include "helpers.h"
#include "task.h"

char dual_license[] SEC("license") = "Dual MIT/GPL";

/*
 * Constants of one recording. The verifier knows their values and removes
 * what they switch off, so a filter that is not used costs nothing.
 */
volatile const u64 ring_bytes = 1 << 20; /* of data, for each CPU; a power of two */
volatile const u64 ring_mask = (1 << 20) - 8;
volatile const u64 wake_bytes = 1 << 18;
volatile const u32 self_tgid = 0;
volatile const u8 filter_pids = 0;
volatile const u8 follow_children = 0;
volatile const u8 filter_comms = 0;
volatile const u8 filter_uids = 0;
volatile const u32 filter_cgroups = 0; /* how many */
volatile const u8 filter_syscalls = 0;
volatile const u8 want_unlisted = 1; /* numbers that no table has, -1 apart */
volatile const u8 want_negative = 1;
/*
 * Set where the kernel may preempt a program of ours: another one may then
 * run on the same CPU before the first has finished.
 */
volatile const u8 preemptible = 0;

#define TABLE_SIZE 1024
volatile const u8 argument_counts[2 * TABLE_SIZE] = {};
volatile const u64 wanted[2 * TABLE_SIZE / 64] = {};

/* The thread whose next child is the command to record; 0 when there is none. */
u32 launcher = 0;

enum { TARGET_RECORD = 1, TARGET_AT_EXEC = 2 };

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

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, u32);
} targets SEC(".maps");

struct comm {
	char name[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct comm);
	__type(value, u32);
} comms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u32);
} uids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 16);
	__uint(key_size, 4);
	__uint(value_size, 4);
} cgroups SEC(".maps");

struct buffer {
	struct control control;
	u8 pad[CONTROL_BYTES - sizeof(struct control)];
	u8 data[];
};

static inline_always void count(u64 *counter)
{
	if (preemptible)
		__sync_fetch_and_add(counter, 1);
	else
		*(volatile u64 *)counter += 1;
}

/*
 * Takes size bytes of this CPU's buffer, or counts and dates a loss. The
 * place is taken before the event's time is read: once the reader has seen a
 * head, every record before it either shows its tag or is later than that
 * look. The compare-and-swap costs little on a line that only this CPU
 * writes, and keeps records apart where programs can be preempted.
 */
static inline_always struct record *reserve(u32 size, u32 class)
{
	u32 cpu = get_smp_processor_id();
	struct buffer *buffer = map_lookup(&buffers, &cpu);
	struct control *control;
	u64 head, used, seen, now;

	if (unlikely(!buffer))
		return 0;
	control = &buffer->control;
	count(&control->seen[class]);
	head = *(volatile u64 *)&control->head;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		used = head + size - *(volatile u64 *)&control->tail;
		if (unlikely(used > ring_bytes))
			break;
		seen = __sync_val_compare_and_swap(&control->head, head, head + size);
		if (likely(seen == head)) {
			if (unlikely(control->gap_open))
				control->gap_open = 0;
			if (unlikely(used > wake_bytes) && !control->rung) {
				control->rung = 1;
				ringbuf_output(&doorbell, &cpu, sizeof(cpu), BPF_RB_FORCE_WAKEUP);
			}
			return (struct record *)(buffer->data + (head & ring_mask));
		}
		head = seen;
	}
	/* Counted before it is dated: see lost() in capture. */
	__sync_fetch_and_add(&control->lost[class], 1);
	now = ktime_get_ns();
	if (!control->gap_open) {
		control->gap_first = now;
		control->gap_open = 1;
	}
	control->gap_last = now;
	return 0;
}

/*
 * Shows a finished record to the reader. x86 keeps the order of stores
 * (Intel SDM vol. 3, 8.2.2), so a plain one publishes; arm64 needs the
 * barriers that come with an atomic exchange.
 */
static inline_always void commit(struct record *record, u64 tag)
{
#if defined(__TARGET_ARCH_x86)
	asm volatile("" ::: "memory");
	*(volatile u64 *)&record->tag = tag;
#else
	__sync_lock_test_and_set(&record->tag, tag);
#endif
}

static inline_always u32 target_of(u32 tgid)
{
	u32 *flags = map_lookup(&targets, &tgid);

	return flags ? *flags : 0;
}

/* What the filters say of the current thread, its process and its call aside. */
static inline_always int wanted_thread(void)
{
	if (filter_uids) {
		u32 uid = get_current_uid_gid();

		if (!map_lookup(&uids, &uid))
			return 0;
	}
	if (filter_comms) {
		struct comm comm = {};

		get_current_comm(&comm, sizeof(comm));
		if (!map_lookup(&comms, &comm))
			return 0;
	}
	if (filter_cgroups) {
		int found = 0;

#pragma unroll
		for (u32 i = 0; i < 16; i++) {
			if (i < filter_cgroups && !found)
				found = current_task_under_cgroup(&cgroups, i) == 1;
		}
		if (!found)
			return 0;
	}
	return 1;
}

/* Whether the current thread is to be recorded, its call aside. */
static inline_always int wanted_task(u64 pid_tgid)
{
	u32 tgid = pid_tgid >> 32;

	if (filter_pids ? !(target_of(tgid) & TARGET_RECORD) : tgid == self_tgid)
		return 0;
	return wanted_thread();
}

static inline_always u32 abi_of(s32 nr)
{
	if (unlikely(task_is_compat()))
		return ABI_COMPAT;
#if defined(__TARGET_ARCH_x86)
	if (unlikely(nr & X32_SYSCALL_BIT) && nr > 0)
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

static inline_always int wanted_call(u32 abi, s32 nr)
{
	u32 index;

	if (!filter_syscalls)
		return 1;
	if (nr < 0)
		return want_negative;
	index = table_index(abi, nr);
	if (index >= 2 * TABLE_SIZE)
		return want_unlisted;
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

HOOK("sys_enter")
int sys_enter(u64 *ctx)
{
	u64 pid_tgid = get_current_pid_tgid();
	struct pt_regs *regs = (void *)ctx[0];
	s32 nr = (s32)ctx[1];
	struct record *record;
	u32 abi, index, size, count = 6;

	if (filter_pids) {
		u32 tgid = pid_tgid >> 32;
		u32 *flags = map_lookup(&targets, &tgid);

		if (!flags)
			return 0;
		/* The command to record begins with its execve; what prepared it is ours. */
		if (unlikely(*flags & TARGET_AT_EXEC)) {
			if (!is_exec(abi_of(nr), nr))
				return 0;
			*flags = TARGET_RECORD;
		}
	} else if (pid_tgid >> 32 == self_tgid) {
		return 0;
	}
	if (!wanted_thread())
		return 0;
	abi = abi_of(nr);
	if (!wanted_call(abi, nr))
		return 0;
	index = table_index(abi, nr);
	if (likely(index < 2 * TABLE_SIZE))
		count = argument_counts[index];
	size = sizeof(*record) + 8 * (count & 7);
	record = reserve(size, CLASS_ENTER);
	if (unlikely(!record))
		return 0;
	record->ts = ktime_get_ns();
	record->pid_tgid = pid_tgid;
	copy_arguments((u64 *)(record + 1), regs, abi, count);
	commit(record, TAG(size, RECORD_ENTER, abi, nr));
	return 0;
}

HOOK("sys_exit")
int sys_exit(u64 *ctx)
{
	u64 pid_tgid = get_current_pid_tgid();
	struct pt_regs *regs = (void *)ctx[0];
	struct record *record;
	const u32 size = sizeof(*record) + sizeof(struct exit_payload);
	s32 nr;
	u32 abi;

	if (!wanted_task(pid_tgid))
		return 0;
	nr = regs_nr(regs);
	abi = abi_of(nr);
	if (!wanted_call(abi, nr)) {
		/*
		 * An execve that changes the ABI returns by the new one's rules with
		 * the old one's number.
		 */
		u32 other = abi == ABI_COMPAT ? ABI_NATIVE : ABI_COMPAT;

		if (!is_exec(other, nr) || !wanted_call(other, nr))
			return 0;
	}
	record = reserve(size, CLASS_EXIT);
	if (unlikely(!record))
		return 0;
	record->ts = ktime_get_ns();
	record->pid_tgid = pid_tgid;
	((struct exit_payload *)(record + 1))->ret = ctx[1];
	commit(record, TAG(size, RECORD_EXIT, abi, nr));
	return 0;
}

HOOK("sched_process_fork")
int sched_process_fork(u64 *ctx)
{
	u64 pid_tgid = get_current_pid_tgid();
	u64 child = task_pid_tgid((struct task_struct *)ctx[1]);
	u32 child_tgid = child >> 32, flags;
	struct record *record;
	struct fork_payload *payload;
	const u32 size = sizeof(*record) + sizeof(*payload);

	if (filter_pids && launcher && launcher == (u32)pid_tgid) {
		flags = TARGET_AT_EXEC;
		map_update(&targets, &child_tgid, &flags, 0);
		return 0;
	}
	if (filter_pids && child_tgid != pid_tgid >> 32) {
		flags = target_of(pid_tgid >> 32);
		if (follow_children && flags & TARGET_RECORD)
			map_update(&targets, &child_tgid, &flags, 0);
	}
	if (!wanted_task(pid_tgid))
		return 0;
	record = reserve(size, CLASS_LIFECYCLE);
	if (!record)
		return 0;
	record->ts = ktime_get_ns();
	record->pid_tgid = pid_tgid;
	payload = (void *)(record + 1);
	payload->child_pid_tgid = child;
	payload->cgroup = get_current_cgroup_id();
	commit(record, TAG(size, RECORD_FORK, ABI_NATIVE, -1));
	return 0;
}

HOOK("sched_process_exec")
int sched_process_exec(u64 *ctx)
{
	u64 pid_tgid = get_current_pid_tgid();
	struct record *record;
	struct exec_payload *payload;
	const u32 size = sizeof(*record) + sizeof(*payload);

	if (!wanted_task(pid_tgid))
		return 0;
	record = reserve(size, CLASS_LIFECYCLE);
	if (!record)
		return 0;
	record->ts = ktime_get_ns();
	record->pid_tgid = pid_tgid;
	payload = (void *)(record + 1);
	payload->old_tid = (u32)ctx[1];
	payload->cgroup = get_current_cgroup_id();
	get_current_comm(payload->comm, sizeof(payload->comm));
#ifdef WITH_BTF
	struct linux_binprm *bprm = (void *)ctx[2];

	probe_read_kernel_str(payload->filename, sizeof(payload->filename), bprm->filename);
#endif
	commit(record, TAG(size, RECORD_EXEC, ABI_NATIVE, -1));
	return 0;
}

HOOK("task_rename")
int task_rename(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	u64 pid_tgid = task_pid_tgid(task);
	struct record *record;
	struct rename_payload *payload;
	const u32 size = sizeof(*record) + sizeof(*payload);

	/* The filters look at the current task; names are also set for another. */
	if (!wanted_task(get_current_pid_tgid()) && !(filter_pids && target_of(pid_tgid >> 32) & TARGET_RECORD))
		return 0;
	record = reserve(size, CLASS_LIFECYCLE);
	if (!record)
		return 0;
	record->ts = ktime_get_ns();
	record->pid_tgid = pid_tgid;
	payload = (void *)(record + 1);
	probe_read_kernel_str(payload->comm, sizeof(payload->comm), (void *)ctx[1]);
	commit(record, TAG(size, RECORD_RENAME, ABI_NATIVE, -1));
	return 0;
}

HOOK("sched_process_exit")
int sched_process_exit(u64 *ctx)
{
	u64 pid_tgid = get_current_pid_tgid();
	struct task_struct *task = (void *)ctx[0];
	u32 tgid = pid_tgid >> 32;
	struct record *record;
	struct end_payload *payload;
	const u32 size = sizeof(*record) + sizeof(*payload);
	s64 group;

	if (!wanted_task(pid_tgid))
		return 0;
	group = task_group_ended(task);
	if (filter_pids && group == 1)
		map_delete(&targets, &tgid);
	record = reserve(size, CLASS_LIFECYCLE);
	if (!record)
		return 0;
	record->ts = ktime_get_ns();
	record->pid_tgid = pid_tgid;
	payload = (void *)(record + 1);
	payload->code = task_exit_code(task);
	payload->group = group;
	commit(record, TAG(size, RECORD_THREAD_END, ABI_NATIVE, -1));
	return 0;
}

#ifdef WITH_BTF
/* Puts the shared structs into the object's BTF, from which the Go side is generated. */
struct control *shared_control __attribute__((unused));
struct record *shared_record __attribute__((unused));
struct exit_payload *shared_exit __attribute__((unused));
struct fork_payload *shared_fork __attribute__((unused));
struct exec_payload *shared_exec __attribute__((unused));
struct rename_payload *shared_rename __attribute__((unused));
struct end_payload *shared_end __attribute__((unused));
#endif
