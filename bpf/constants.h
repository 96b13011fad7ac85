/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef SYSTAPE_CONSTANTS_H
#define SYSTAPE_CONSTANTS_H

#include "helpers.h"

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

/*
 * Patterns of names, as automata that read a name letter by letter. A state is
 * a bit: the letters of a pattern before it have been read.
 */
volatile const u32 comm_words = 0; /* of states, at most COMM_WORDS */
volatile const u64 comm_starts[COMM_WORDS] = {};
volatile const u64 comm_ends[COMM_WORDS] = {};
volatile const u64 comm_stays[COMM_WORDS] = {};	      /* where there is a *, any letter */
volatile const u64 comm_steps[COMM_WORDS * 256] = {}; /* for each letter: states from which it leads to the next */

/* The way from a task to its cgroup in a hierarchy of cgroup v1, in bytes. */
volatile const u32 offset_task_cgroups = 0;
volatile const u32 offset_set_state = 0; /* struct css_set: that of the hierarchy's controller */
volatile const u32 offset_state_cgroup = 0;
volatile const u32 offset_state_parent = 0;
volatile const u32 offset_cgroup_node = 0;
volatile const u32 offset_node_id = 0;

volatile const u64 least_duration = 0; /* ns */
volatile const u64 sample_seed = 0;

volatile const u8 argument_counts[2 * TABLE_SIZE] = {};
volatile const u64 wanted[2 * TABLE_SIZE / 64] = {};

volatile const u32 text_when = TEXTS_NEVER; /* enum text_rule */
volatile const u32 text_bytes = 256;	    /* of a file name that are read */
/* What the arguments of each call point to, see enum text_kind. */
volatile const u64 text_arguments[2 * TABLE_SIZE] = {};
volatile const u64 socket_texts[SOCKET_CALLS] = {}; /* likewise, of those that each call of socketcall passes on */

#endif
