/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The programs of threads' lives. */
#ifndef SYSTAPE_LIFECYCLE_H
#define SYSTAPE_LIFECYCLE_H

#include "buffer.h"
#include "filter.h"
#include "memory.h"

/* The thread whose next child is the command to record; 0 when there is none. */
u32 launcher = 0;

HOOK("sched_process_fork")
int sched_process_fork(u64 *ctx)
{
	u64 pid_tgid = get_current_pid_tgid();
	u64 child = task_pid_tgid((struct task_struct *)ctx[1]);
	u32 child_tgid = child >> 32, flags;
	struct record *record;
	struct fork_payload *payload;
	const u32 size = sizeof(*record) + sizeof(*payload);

	if (filters & CHANGEABLE)
		remember(child, 0); /* its id may have been another's */
	if (filters & FILTER_PIDS && launcher && launcher == (u32)pid_tgid) {
		flags = TARGET_AT_EXEC;
		map_update(&targets, &child_tgid, &flags, 0);
		return 0;
	}
	if (filters & FILTER_PIDS && child_tgid != pid_tgid >> 32) {
		flags = target_of(pid_tgid >> 32);
		if (filters & FOLLOW_CHILDREN && flags & TARGET_RECORD)
			map_update(&targets, &child_tgid, &flags, 0);
#ifndef WITH_BTF
		else
			map_delete(&targets, &child_tgid); /* of one whose end was not told apart from a thread's */
#endif
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
	payload->cgroup = task_cgroup_id((struct task_struct *)ctx[1]);
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

	if ((u32)ctx[1] != (u32)pid_tgid) {
		if (filters & CHANGEABLE)
			remember(pid_tgid, recall(ctx[1]));
		if (filters & COUNTED)
			move_call(ctx[1], pid_tgid);
	}
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
	const int wanted = wanted_task(filters, pid_tgid);
	s64 group;

	if (filters & COUNTED) {
		u32 tid = pid_tgid;

		map_delete(&calls, &tid);
	}
	group = task_group_ended(task);
	/* Also one that was to be recorded from an execve on that never came: the
	 * id may become another's. */
	if (filters & FILTER_PIDS && group == 1)
		map_delete(&targets, &tgid);
	if (!wanted)
		return 0;
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

#endif
