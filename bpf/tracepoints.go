package bpf

// Tracepoints in the order in which a recorder attaches them: those of the
// threads' lifecycle first, so that no thread comes or goes unseen, then exits
// before enters, so that no enter is recorded whose exit could not be.
var (
	Lifecycle = []string{"sched_process_fork", "sched_process_exec", "task_rename", "sched_process_exit"}
	Exits     = []string{"sys_exit"}
	Enters    = []string{"sys_enter"}
	// Places tell in which cgroups threads are. They come with Lifecycle, are no
	// events, and a kernel without cgroups has none of them.
	Places = []string{"cgroup_mkdir", "cgroup_attach_task"}
)

// spares are programs that stand in for the one of the tracepoint where the
// kernel skips it, in their order; loaded where programs can be preempted.
var spares = map[string][]string{
	"sys_enter": {"sys_enter_spare1", "sys_enter_spare2"},
	"sys_exit":  {"sys_exit_spare1", "sys_exit_spare2"},
}
