//go:build ignore
/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The kernel side of the recorder: system-call enters and exits and the
 * threads' lives, as records in one buffer for each CPU. It pairs nothing, so
 * it has nothing to evict or leak.
 *
 *   record.h     what a record is, shared with the recorder
 *   constants.h  what is fixed for one recording
 *   task.h       the kernel's structures, with BTF and without
 *   thread.h     what is known of a thread between its events
 *   memory.h     what is kept of a call, where a filter needs the whole of it
 *   buffer.h     taking a place and showing what stands there
 *   filter.h     whose events are recorded
 *   number.h     which calls are
 *   text.h       the file names and addresses that arguments point to
 *   call.h       the programs of enters and exits
 *   lifecycle.h  the programs of fork, exec, rename and exit
 *   place.h      the programs of cgroups
 */
#include "call.h"
#include "lifecycle.h"
#include "place.h"

char dual_license[] SEC("license") = "Dual MIT/GPL";

#ifdef WITH_BTF
/* Puts what is shared into the object's BTF, from which the Go side is generated. */
struct control *shared_control __attribute__((unused));
struct record *shared_record __attribute__((unused));
struct call_payload *shared_call __attribute__((unused));
struct fork_payload *shared_fork __attribute__((unused));
struct exec_payload *shared_exec __attribute__((unused));
struct rename_payload *shared_rename __attribute__((unused));
struct end_payload *shared_end __attribute__((unused));
struct place_payload *shared_place __attribute__((unused));
struct gap_payload *shared_gap __attribute__((unused));
struct text *shared_text __attribute__((unused));
enum text_flag *shared_text_flags __attribute__((unused));
enum text_rule *shared_text_rules __attribute__((unused));
enum text_kind *shared_text_kinds __attribute__((unused));
enum record_kind *shared_kinds __attribute__((unused));
enum record_abi *shared_abis __attribute__((unused));
enum event_class *shared_classes __attribute__((unused));
enum refusal *shared_refusals __attribute__((unused));
struct count_key *shared_count_key __attribute__((unused));
struct count_value *shared_count_value __attribute__((unused));
enum filter *shared_filters __attribute__((unused));
enum target *shared_targets __attribute__((unused));
enum writer_rule *shared_writers __attribute__((unused));
enum layout *shared_layout __attribute__((unused));
#endif
