package capture

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"systape/bpf"
	"systape/format"
)

// Start loads the kernel side, attaches it and starts the command, if there
// is one. The spool is written to out, which a flight recorder has none of: nil. A *[SetupError] says what is missing.
func Start(opt Options, files Files, out *os.File) (r *Recording, err error) {
	if err := opt.validate(); err != nil {
		return nil, &SetupError{Err: err, Usage: true}
	}
	if err := checkPIDs(opt.PIDs); err != nil {
		return nil, err
	}
	proc := newProcFS()
	cgroups, err := proc.chooseCgroups(opt.Cgroups, opt.Containers)
	if err != nil {
		return nil, err
	}
	cfg := bpf.Config{
		FilterPIDs:     !opt.All,
		FollowChildren: opt.Follow || len(opt.Command) > 0,
		UIDs:           opt.UIDs,
		Failed:         opt.Failed,
		LeastDuration:  opt.LeastTime,
		Sample:         opt.sampled(),
		Arguments:      argumentCounts(),
		NoBTF:          opt.NoBTF,
	}
	if opt.Paths != NoPaths {
		cfg.Texts, cfg.TextBytes, cfg.TextArguments = bpf.TextsAlways, cmp.Or(opt.PathMax, DefaultPathMax), textArguments()
		cfg.SocketTexts = socketTexts()
		if opt.Paths == FailedPaths {
			cfg.Texts = bpf.TextsFailed
		}
	}
	for _, name := range opt.Comms {
		if strings.Contains(name, "*") {
			cfg.CommPatterns = append(cfg.CommPatterns, name)
		} else {
			cfg.Comms = append(cfg.Comms, name)
		}
	}
	if cgroups.controller == "" {
		cfg.Cgroups = cgroups.dirs
	} else {
		cfg.CgroupsV1, cfg.Controller = cgroups.dirs, cgroups.controller
	}
	if opt.Syscalls != nil {
		cfg.Syscalls = syscallFilter(opt.Syscalls)
	}
	if cfg.Sample {
		cfg.SampleSeed = randomSeed()
	}
	cpus := possibleCPUs()
	if opt.Buffer == 0 {
		opt.Buffer = bufferSize(cpus)
		for opt.MaxMemory > 0 && opt.Buffer*int64(cpus) > opt.MaxMemory/2 && opt.Buffer > 64<<10 {
			opt.Buffer /= 2
		}
	}
	cfg.BufferBytes = int(opt.Buffer)
	// Needed before 5.11, where a refusal shows at load. The command is not to
	// inherit it.
	var memlock unix.Rlimit
	known := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &memlock) == nil
	unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
	kernel, err := bpf.Load(cfg)
	if known {
		unix.Setrlimit(unix.RLIMIT_MEMLOCK, &memlock)
	}
	if err != nil {
		return nil, diagnose(err)
	}
	r = &Recording{opt: opt, kernel: kernel, proc: proc, began: time.Now()}
	defer func() {
		if err != nil {
			kernel.Close()
		}
	}()
	if kernel.InPIDNamespace() {
		if len(opt.PIDs) > 0 || opt.All {
			return nil, &SetupError{
				Err:   errors.New("this process lives in a pid namespace (a container), where running processes have other ids and most have none"),
				Hint:  "run it in a container with --pid=host, or on the host; 'record -- COMMAND' works here",
				Usage: true,
			}
		}
		if opt.WaitAll && !endsKnown(kernel) {
			return nil, &SetupError{
				Err:   errors.New("--wait-all: in a pid namespace (a container), without BTF, nothing tells when a process has ended"),
				Hint:  "run it in a container with --pid=host, or on the host",
				Usage: true,
			}
		}
		proc.ownName = true
	}
	for _, pid := range opt.PIDs {
		if err := kernel.AddTarget(uint32(pid)); err != nil {
			return nil, err
		}
	}

	mono, real, _ := readClocks(0)
	r.wall.every = int64(anchorEvery)
	offset := real - int64(mono) - int64(kernel.ClockBehind())
	r.meta = r.firstMeta(offset, cpus)
	r.meta.Request.Seed = int64(cfg.SampleSeed)
	names := format.NewSymbolTable()
	r.merger = newMerger(kernel.Buffers, kernel.Writers, nativeABI(), offset, proc, names, r.writeSpool)
	r.merger.clock, r.merger.skipped, r.merger.looked = r.clock, kernel.Skipped, r.clock()
	r.merger.stalled = r.waitedForDisk
	if kernel.Hook == "raw_tracepoint" {
		r.merger.live = map[int32]int{}
	}
	r.anchor()
	r.beginCounting()
	if err := r.beginSampling(); err != nil {
		return nil, err
	}
	lives := slices.Concat(bpf.Places, bpf.Lifecycle)
	if err := r.attach(lives); err != nil {
		return nil, diagnose(err)
	}
	r.begin(bpf.ClassLifecycle, lives, 0)
	pids := opt.PIDs
	if len(opt.Command) == 0 || opt.All {
		if opt.All {
			pids = nil
		}
		if opt.Follow && len(pids) > 0 {
			if pids, err = r.addDescendants(proc, pids); err != nil {
				return nil, err
			}
		}
		proc.existing(pids, r.merger.seedThread)
	}
	open := r.openBefore(proc, pids)
	if err := r.attach(bpf.Exits); err != nil {
		return nil, diagnose(err)
	}
	if err := r.attach(bpf.Enters); err != nil {
		return nil, diagnose(err)
	}
	// An enter is not to be recorded whose exit could not be.
	r.begin(bpf.ClassExit, bpf.Exits, format.ExitsBegan)
	began := r.clock()
	r.begin(bpf.ClassEnter, bpf.Enters, format.EntersBegan)
	r.tellOpen(began, proc.stillOpen(open, r.openBefore(proc, pids)))

	r.out = newQueuedFile(out)
	r.partBegan = time.Now()
	if opt.Flight != nil {
		err = r.beginFlight(names)
	} else {
		r.beginSpool = format.NewSpoolWriter
		if info, err := out.Stat(); err == nil && info.Mode().IsRegular() {
			r.beginSpool = format.NewSpoolFile
		}
		r.spool, err = r.beginSpool(r.out, &r.meta)
	}
	if err != nil {
		r.out.Close()
		return nil, err
	}
	r.out.Flush()
	if len(opt.Command) > 0 {
		began, inherited := r.clock(), r.inherited(proc, files)
		if r.command, err = launch(kernel, opt.Command, opt.User, files); err != nil {
			r.out.Close()
			return nil, err
		}
		// Until its execve the child has our name. (In a pid namespace the id
		// is not the one that records have.)
		own, child := int32(os.Getpid()), int32(r.command.cmd.Process.Pid)
		comm, cgroups := proc.thread(own, own)
		r.merger.seedThread(child, child, comm, cgroups)
		if !kernel.InPIDNamespace() {
			r.meta.Request.Launched = child
		}
		for i := range inherited {
			inherited[i].pid, inherited[i].tid = child, child
		}
		r.tellOpen(began, inherited)
	}
	if opt.DropRights && len(opt.Command) == 0 { // which was to have our rights
		if err := dropRights(kernel); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// addDescendants has the processes recorded that descend from pids already. The
// kernel side follows those that start from now on; one that was started in
// between, by a process that was not a target yet, is found by looking again.
func (r *Recording) addDescendants(proc *procFS, pids []int32) ([]int32, error) {
	all := slices.Clone(pids)
	for more := true; more; {
		more = false
		for _, pid := range proc.descendants(pids) {
			if slices.Contains(all, pid) {
				continue
			}
			if err := r.kernel.AddTarget(uint32(pid)); err != nil {
				return nil, err
			}
			all, more = append(all, pid), true
		}
	}
	return all, nil
}

// randomSeed makes a seed that a reader of JSON in doubles does not round.
func randomSeed() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])>>11 | 1
}

func (r *Recording) firstMeta(offset int64, cpus int) format.Meta {
	id := make([]byte, 16)
	rand.Read(id)
	o := &r.opt
	m := format.Meta{
		Version:   format.Version,
		CaptureID: hex.EncodeToString(id),
		Tool:      o.Tool,
		Host:      host(cpus),
		Clock:     format.Clock{OffsetNS: offset},
		Part:      format.Part{Number: 1, Rows: -1, Last: true, Rotation: o.Rotation != nil},
		Request: format.Request{
			Command: o.CommandLine, Hidden: o.CommandHidden, PIDs: o.PIDs, Follow: o.Follow || len(o.Command) > 0, All: o.All,
			Comms: o.Comms, UIDs: o.UIDs, Cgroups: o.Cgroups, Containers: o.Containers,
			Whole: true, Failed: o.Failed, MinNS: int64(o.LeastTime), Sample: max(o.Sample, 1), MaxRate: o.MaxRate, Budget: o.Budget, MaxMemory: o.MaxMemory,
			BufferSize: o.Buffer, DurationNS: int64(o.Duration), Hook: r.kernel.Hook, Keep: o.Keep,
		},
	}
	if len(o.CommandLine) == 0 && o.CommandHidden == "" {
		m.Request.Command = o.Command
	}
	if o.Paths != NoPaths {
		m.Request.Paths, m.Request.PathMax = o.Paths.String(), int64(cmp.Or(o.PathMax, DefaultPathMax))
	}
	if o.Syscalls != nil {
		m.Request.Syscalls = o.Syscalls.String()
	}
	return m
}
