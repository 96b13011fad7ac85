// Package bpf is the kernel side of the recorder: the C programs, the objects
// made from them, and the loader.
//
// The programs hang on the raw tracepoints sys_enter and sys_exit and on four
// tracepoints of the threads' lives (fork, exec, rename, exit). Each event
// becomes a [Record] in the buffer of the CPU it happened on; the buffers are
// array-map memory that the recorder maps and reads without a system call.
// What is not seen: calls refused before the tracepoint (their exits are),
// calls that the vDSO answers, operations that io_uring carries out, and
// calls under syscall user dispatch.
//
// Linux 5.8 or later (BPF ring buffer) on x86_64, 5.12 (atomic exchange) on
// arm64. With BTF the programs read registers and
// tasks directly; without, through helpers at offsets found at load.
//
// The C sources and the objects are dual-licensed MIT or GPL-2.0.
package bpf
