/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The programs of cgroups, by which containers are told apart. A path is read
 * when a task comes to it: a container of some milliseconds is gone before
 * anybody could look. These records are no events. No filter of threads is
 * asked, since who is moved may pass it later.
 */
#ifndef SYSTAPE_PLACE_H
#define SYSTAPE_PLACE_H

#include "buffer.h"
#include "filter.h"

static inline_always void tell_place(u32 kind, u64 pid_tgid, struct cgroup *cgroup, const char *path, u32 group)
{
	struct record *record;
	struct place_payload *payload;
	const u32 size = sizeof(*record) + sizeof(*payload);
	s32 hierarchy = cgroup_hierarchy(cgroup);

	record = reserve(size, CLASS_NONE, (u32)pid_tgid);
	if (!record)
		return;
	record->pid_tgid = pid_tgid;
	payload = (void *)(record + 1);
	payload->cgroup = hierarchy ? 0 : cgroup_id(cgroup);
	payload->hierarchy = hierarchy;
	payload->group = group;
	payload->path[0] = 0;
	probe_read_kernel_str(payload->path, sizeof(payload->path), path);
	finish(record, TAG(size, kind, ABI_NATIVE, -1));
}

HOOK("cgroup_attach_task")
int cgroup_attach_task(u64 *ctx)
{
	u64 pid_tgid = task_pid_tgid((struct task_struct *)ctx[2]);

	if (!(filters & FILTER_PIDS) || target_of(pid_tgid >> 32))
		tell_place(RECORD_MOVE, pid_tgid, (struct cgroup *)ctx[0], (const char *)ctx[1], ctx[3] & 1);
	return 0;
}

/* A task may also begin in a cgroup (clone3: CLONE_INTO_CGROUP), which has only an id then. */
HOOK("cgroup_mkdir")
int cgroup_mkdir(u64 *ctx)
{
	struct cgroup *cgroup = (void *)ctx[0];

	if (!cgroup_hierarchy(cgroup))
		tell_place(RECORD_CGROUP, 0, cgroup, (const char *)ctx[1], 0);
	return 0;
}

#endif
