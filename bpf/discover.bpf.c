//go:build ignore
/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Copies the beginning of the asking thread's task_struct, so that the loader
 * can find out where the kernel keeps the ids when there is no BTF to tell.
 */
#include "helpers.h"

char dual_license[] SEC("license") = "Dual MIT/GPL";

volatile const u64 asking_pid_tgid = 0;

#define TASK_BYTES 16384
#define STEP 512

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, TASK_BYTES);
} task_bytes SEC(".maps");

SEC("raw_tp/sys_enter")
int discover(u64 *ctx)
{
	char *task = (char *)get_current_task();
	u32 zero = 0;
	char *copy = map_lookup(&task_bytes, &zero);

	if (!copy || get_current_pid_tgid() != asking_pid_tgid)
		return 0;
	/* In steps, since the end of task_struct may be the end of what can be read. */
#pragma unroll
	for (int i = 0; i < TASK_BYTES; i += STEP)
		probe_read_kernel(copy + i, STEP, task + i);
	return 0;
}
