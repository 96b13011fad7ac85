/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Whose events are recorded. */
#ifndef SYSTAPE_FILTER_H
#define SYSTAPE_FILTER_H

#include "task.h"
#include "constants.h"

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

#endif
