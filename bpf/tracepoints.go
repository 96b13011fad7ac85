package bpf

// Tracepoints in the order in which a recorder attaches them: lives first, so
// that no thread comes or goes unseen, then exits before enters, so that no
// enter is recorded whose exit could not be.
var (
	Lives = []string{"sched_process_fork", "sched_process_exec", "task_rename", "sched_process_exit"}
	Exits = []string{"sys_exit"}
	Enter = []string{"sys_enter"}
)
