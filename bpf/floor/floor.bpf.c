//go:build ignore
/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the recorder is measured against: probes that do nothing, and probes
 * that do no more than put records of the same sizes as the recorder's into
 * a BPF ring buffer without waking anybody: the usual way to do it.
 */
#include "../helpers.h"

char dual_license[] SEC("license") = "Dual MIT/GPL";

static void *(*ringbuf_reserve)(void *ringbuf, u64 size, u64 flags) = (void *)131;
static void (*ringbuf_submit)(void *data, u64 flags) = (void *)132;
enum { BPF_RB_NO_WAKEUP = 1 };
enum { BPF_MAP_TYPE_ARRAY_OF_MAPS = 12 };

#define ENTER_BYTES 24 /* getppid takes no argument */
#define EXIT_BYTES 32
#define RING_BYTES (16 << 20)

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} ring SEC(".maps"), ring1 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, struct ring);
} rings SEC(".maps") = { .values = { &ring, &ring1 } };

SEC("tp_btf/sys_enter")
int empty_enter(u64 *ctx)
{
	return 0;
}

SEC("tp_btf/sys_exit")
int empty_exit(u64 *ctx)
{
	return 0;
}

static inline_always int submit(void *map, u64 size)
{
	u64 *data = ringbuf_reserve(map, size, 0);

	if (!data)
		return 0;
	data[0] = size;
	ringbuf_submit(data, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/sys_enter")
int floor_enter(u64 *ctx)
{
	return submit(&ring, ENTER_BYTES);
}

SEC("tp_btf/sys_exit")
int floor_exit(u64 *ctx)
{
	return submit(&ring, EXIT_BYTES);
}

SEC("tp_btf/sys_enter")
int percpu_enter(u64 *ctx)
{
	u32 cpu = get_smp_processor_id() & 1;
	void *map = map_lookup(&rings, &cpu);

	return map ? submit(map, ENTER_BYTES) : 0;
}

SEC("tp_btf/sys_exit")
int percpu_exit(u64 *ctx)
{
	u32 cpu = get_smp_processor_id() & 1;
	void *map = map_lookup(&rings, &cpu);

	return map ? submit(map, EXIT_BYTES) : 0;
}
