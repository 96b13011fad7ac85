/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Whose events are recorded. */
#ifndef SYSTAPE_FILTER_H
#define SYSTAPE_FILTER_H

#include "task.h"
#include "thread.h"

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

/* Directories of a hierarchy of cgroup v1, by inode (fs/kernfs/dir.c: kernfs_id_ino). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u64);
	__type(value, u32);
} cgroup_ids SEC(".maps");

/* enum refusal: calls that were not recorded. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, REFUSALS);
	__type(key, u32);
	__type(value, u64);
} refusals SEC(".maps");

static apart void refused(u32 why)
{
	u64 *count = map_lookup(&refusals, &why);

	if (count)
		add(count, 1);
}

static inline_always u32 target_of(u32 tgid)
{
	u32 *flags = map_lookup(&targets, &tgid);

	return flags ? *flags : 0;
}

static inline_always int comm_matches(const struct comm *comm)
{
	u64 matched = 0;

#pragma clang loop unroll(disable)
	for (u32 w = 0; w < COMM_WORDS; w++) {
		u64 at;

		if (w >= comm_words)
			break;
		at = comm_starts[w];
#pragma clang loop unroll(disable)
		for (u32 i = 0; i < sizeof(comm->name) - 1; i++) {
			u64 step = w * 256;
			u8 letter = comm->name[i];

			if (!letter)
				break;
			/* A sum: of "or" with what it does not know, 5.10's verifier knows nothing. */
			asm volatile("" : "+r"(step));
			step += letter;
			at = (at & comm_steps[step]) << 1 | (at & comm_stays[w]);
		}
		matched |= at & comm_ends[w];
	}
	return matched != 0;
}

static inline_always u64 read_word(u64 base, u32 offset)
{
	u64 word = 0;

	probe_read_kernel(&word, sizeof(word), (void *)(base + offset));
	return word;
}

/* Whether a cgroup of the current task, in that hierarchy, is one of those asked for or below. */
static inline_always int in_cgroup_ids(void)
{
	u64 state = read_word(read_word(get_current_task(), offset_task_cgroups), offset_set_state);

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < CGROUP_LEVELS; i++) {
		u64 id;

		if (!state)
			return 0;
		id = read_word(read_word(read_word(state, offset_state_cgroup), offset_cgroup_node), offset_node_id);
		if (map_lookup(&cgroup_ids, &id))
			return 1;
		state = read_word(state, offset_state_parent);
	}
	return 0;
}

/* Why the filters do not want the current thread, its process and its call aside. */
static apart u32 refusal_of_thread(void)
{
	const u32 filter = filters;

	if (filter & FILTER_UIDS) {
		u32 uid = get_current_uid_gid();

		if (!map_lookup(&uids, &uid))
			return REFUSED_USER;
	}
	if (filter & (FILTER_COMMS | FILTER_COMM_PATTERNS)) {
		struct comm comm = {};

		get_current_comm(&comm, sizeof(comm));
		if (!(filter & FILTER_COMMS && map_lookup(&comms, &comm)) &&
		    !(filter & FILTER_COMM_PATTERNS && comm_matches(&comm)))
			return REFUSED_COMM;
	}
	if (filter & FILTER_CGROUPS) {
		int found = 0;

#pragma unroll
		for (u32 i = 0; i < 16; i++) {
			if (i < filter_cgroups && !found)
				found = current_task_under_cgroup(&cgroups, i) == 1;
		}
		if (!found)
			return REFUSED_CGROUP;
	}
	if (filter & FILTER_CGROUP_IDS && !in_cgroup_ids())
		return REFUSED_CGROUP;
	return REFUSED_NOT;
}

static inline_always u32 thread_refusal(u32 filter)
{
	return filter & CHANGEABLE ? refusal_of_thread() : REFUSED_NOT;
}

static inline_always int wanted_process(u32 filter, u64 pid_tgid)
{
	u32 tgid = pid_tgid >> 32;

	return filter & FILTER_PIDS ? target_of(tgid) & TARGET_RECORD : tgid != self_tgid;
}

/* Whether what becomes of the current thread is to be recorded. */
static inline_always int wanted_task(u32 filter, u64 pid_tgid)
{
	return wanted_process(filter, pid_tgid) && !thread_refusal(filter);
}

#endif
