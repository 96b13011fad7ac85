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
volatile const u64 wake_bytes = 1 << 17;
/*
 * A buffer is in one part where the kernel allows it. Before Linux 6.0 a
 * value of an array map has at most 4 MiB (kernel/bpf/arraymap.c:
 * KMALLOC_MAX_SIZE), so there it takes several.
 */
volatile const u32 parts = 1;
volatile const u64 part_mask = (1 << 20) - 8;
volatile const u64 part_shift = 20;
volatile const u32 self_tgid = 0;
volatile const u32 filters = 0; /* enum filter */
volatile const u32 filter_cgroups = 0; /* how many */
volatile const u32 writers = WRITERS_ALONE; /* enum writer_rule */
volatile const u32 thread_mask = (1 << 22) - 1; /* thread ids that thread_states has a place for */

volatile const u8 argument_counts[2 * TABLE_SIZE] = {};
volatile const u64 wanted[2 * TABLE_SIZE / 64] = {};

/* The thread whose next child is the command to record; 0 when there is none. */
u32 launcher = 0;

/* Whether any event has been lost since the beginning, on any CPU. */
u32 lossy = 0;

/* Events, by class, for which a spare program stood in: see stand_in(). */
u64 stood_in[CLASSES] = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, CONTROL_BYTES + (1 << 20) + SLACK_BYTES);
} buffers SEC(".maps");

/* enum thread_state of each thread, by its id; only the thread itself changes it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 1 << 22);
} thread_states SEC(".maps");

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

static inline_always u8 *state_of(u32 tid)
{
	u32 zero = 0;
	u8 *states = map_lookup(&thread_states, &zero);

	if (!states || tid > thread_mask)
		return 0;
	return states + (tid & thread_mask); /* the mask is for old verifiers */
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
	*state = (*state & THREAD_LOST) | direction;
	return 1;
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

	control->seen[class]++;
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
	/* Dated before it is counted, and open once both are: see openGap() in capture/gap.go. */
	now = ktime_get_ns();
	publish(&control->gap_last, now);
	control->lost[class]++;
	publish(&control->gap_lost[class], control->gap_lost[class] + 1);
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

	__sync_fetch_and_add(&control->seen[class], 1);
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
	__sync_fetch_and_add(&control->lost[class], 1);
	return 0;
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
	if (unlikely(!buffer) || unlikely(*(volatile u64 *)&buffer->control.closed & 1 << class)) {
		release();
		return 0;
	}
	if (writers == WRITERS_MIXED)
		record = reserve_mixed(buffer, cpu, size, class);
	else
		record = reserve_alone(buffer, cpu, size, class);
	if (unlikely(!record)) {
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

static inline_always u32 target_of(u32 tgid)
{
	u32 *flags = map_lookup(&targets, &tgid);

	return flags ? *flags : 0;
}

/* What the filters say of the current thread, its process and its call aside. */
static inline_always int wanted_thread(u32 filter)
{
	if (filter & FILTER_UIDS) {
		u32 uid = get_current_uid_gid();

		if (!map_lookup(&uids, &uid))
			return 0;
	}
	if (filter & FILTER_COMMS) {
		struct comm comm = {};

		get_current_comm(&comm, sizeof(comm));
		if (!map_lookup(&comms, &comm))
			return 0;
	}
	if (filter & FILTER_CGROUPS) {
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
static inline_always int wanted_task(u32 filter, u64 pid_tgid)
{
	u32 tgid = pid_tgid >> 32;

	if (filter & FILTER_PIDS ? !(target_of(tgid) & TARGET_RECORD) : tgid == self_tgid)
		return 0;
	return wanted_thread(filter);
}

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

HOOK("sched_process_fork")
int sched_process_fork(u64 *ctx)
{
	u64 pid_tgid = get_current_pid_tgid();
	u64 child = task_pid_tgid((struct task_struct *)ctx[1]);
	u32 child_tgid = child >> 32, flags;
	struct record *record;
	struct fork_payload *payload;
	const u32 size = sizeof(*record) + sizeof(*payload);

	if (filters & FILTER_PIDS && launcher && launcher == (u32)pid_tgid) {
		flags = TARGET_AT_EXEC;
		map_update(&targets, &child_tgid, &flags, 0);
		return 0;
	}
	if (filters & FILTER_PIDS && child_tgid != pid_tgid >> 32) {
		flags = target_of(pid_tgid >> 32);
		if (filters & FOLLOW_CHILDREN && flags & TARGET_RECORD)
			map_update(&targets, &child_tgid, &flags, 0);
	}
	if (!wanted_task(filters, pid_tgid))
		return 0;
	record = reserve(size, CLASS_LIFECYCLE, get_current_pid_tgid());
	if (!record) {
		lose(child); /* what the record would have said is missing for it, too */
		return 0;
	}
	record->pid_tgid = pid_tgid;
	payload = (void *)(record + 1);
	payload->child_pid_tgid = child;
	payload->cgroup = get_current_cgroup_id();
	finish(record, TAG(size, RECORD_FORK, ABI_NATIVE, -1));
	return 0;
}

HOOK("sched_process_exec")
int sched_process_exec(u64 *ctx)
{
	u64 pid_tgid = get_current_pid_tgid();
	struct record *record;
	struct exec_payload *payload;
	const u32 size = sizeof(*record) + sizeof(*payload);

	if (!wanted_task(filters, pid_tgid))
		return 0;
	record = reserve(size, CLASS_LIFECYCLE, get_current_pid_tgid());
	if (!record) {
		lose(ctx[1]); /* the id that the thread had */
		return 0;
	}
	record->pid_tgid = pid_tgid;
	payload = (void *)(record + 1);
	payload->old_tid = (u32)ctx[1];
	payload->cgroup = get_current_cgroup_id();
	get_current_comm(payload->comm, sizeof(payload->comm));
#ifdef WITH_BTF
	struct linux_binprm *bprm = (void *)ctx[2];

	probe_read_kernel_str(payload->filename, sizeof(payload->filename), bprm->filename);
#endif
	finish(record, TAG(size, RECORD_EXEC, ABI_NATIVE, -1));
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
	if (!wanted_task(filters, get_current_pid_tgid()) &&
	    !(filters & FILTER_PIDS && target_of(pid_tgid >> 32) & TARGET_RECORD))
		return 0;
	record = reserve(size, CLASS_LIFECYCLE, get_current_pid_tgid());
	if (!record)
		return 0;
	record->pid_tgid = pid_tgid;
	payload = (void *)(record + 1);
	probe_read_kernel_str(payload->comm, sizeof(payload->comm), (void *)ctx[1]);
	finish(record, TAG(size, RECORD_RENAME, ABI_NATIVE, -1));
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

	if (!wanted_task(filters, pid_tgid))
		return 0;
	group = task_group_ended(task);
	if (filters & FILTER_PIDS && group == 1)
		map_delete(&targets, &tgid);
	record = reserve(size, CLASS_LIFECYCLE, get_current_pid_tgid());
	if (!record)
		return 0;
	record->pid_tgid = pid_tgid;
	payload = (void *)(record + 1);
	payload->code = task_exit_code(task);
	payload->group = group;
	finish(record, TAG(size, RECORD_THREAD_END, ABI_NATIVE, -1));
	return 0;
}

#ifdef WITH_BTF
/* Puts what is shared into the object's BTF, from which the Go side is generated. */
struct control *shared_control __attribute__((unused));
struct record *shared_record __attribute__((unused));
struct fork_payload *shared_fork __attribute__((unused));
struct exec_payload *shared_exec __attribute__((unused));
struct rename_payload *shared_rename __attribute__((unused));
struct end_payload *shared_end __attribute__((unused));
struct gap_payload *shared_gap __attribute__((unused));
enum record_kind *shared_kinds __attribute__((unused));
enum record_abi *shared_abis __attribute__((unused));
enum event_class *shared_classes __attribute__((unused));
enum filter *shared_filters __attribute__((unused));
enum target *shared_targets __attribute__((unused));
enum writer_rule *shared_writers __attribute__((unused));
enum layout *shared_layout __attribute__((unused));
#endif
