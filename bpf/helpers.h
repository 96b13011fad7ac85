/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The few BPF helpers and map definitions that systape uses, so that the
 * objects build with clang alone. Numbers: include/uapi/linux/bpf.h, v6.18.
 */
#ifndef SYSTAPE_HELPERS_H
#define SYSTAPE_HELPERS_H

#include "record.h"

#define SEC(name) __attribute__((section(name), used))
#define inline_always inline __attribute__((always_inline))
/* A function of its own, so that who does not call it does not pay for its registers. */
#define apart __attribute__((noinline))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define __uint(name, val) int(*name)[val]
#define __array(name, val) typeof(val) *name[]
#define __type(name, val) typeof(val) *name

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_CGROUP_ARRAY = 8,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_F_NO_PREALLOC = 1, BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_NOEXIST = 1 };
enum { BPF_RB_FORCE_WAKEUP = 2 };

static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static long (*map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*map_delete)(void *map, const void *key) = (void *)3;
static u64 (*ktime_get_ns)(void) = (void *)5;
static u32 (*get_smp_processor_id)(void) = (void *)8;
static u64 (*get_current_pid_tgid)(void) = (void *)14;
static u64 (*get_current_uid_gid)(void) = (void *)15;
static long (*get_current_comm)(void *buf, u32 size) = (void *)16;
static u64 (*get_current_task)(void) = (void *)35;
static long (*current_task_under_cgroup)(void *map, u32 index) = (void *)37;
static u64 (*get_current_cgroup_id)(void) = (void *)80;
static long (*probe_read_user)(void *dst, u32 size, const void *src) = (void *)112;
static long (*probe_read_user_str)(void *dst, u32 size, const void *src) = (void *)114;
static long (*probe_read_kernel)(void *dst, u32 size, const void *src) = (void *)113;
static long (*probe_read_kernel_str)(void *dst, u32 size, const void *src) = (void *)115;
static long (*ringbuf_output)(void *ringbuf, void *data, u64 size, u64 flags) = (void *)130;
static long (*loop)(u32 turns, void *callback, void *ctx, u64 flags) = (void *)181;
static struct task_struct *(*get_current_task_btf)(void) = (void *)158;

#endif
