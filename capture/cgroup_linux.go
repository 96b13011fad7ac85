package capture

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// hierarchy is a tree of cgroups.
type hierarchy struct {
	mount      string
	controller string // of cgroup v1, such as "pids"; "" for cgroup v2
}

// preferred are the controllers of cgroup v1 by which a container is told
// apart, best first: its runtime makes a cgroup for it in each.
var preferred = []string{"pids", "devices", "memory", "freezer", "cpu", "blkio"}

// hierarchies returns where cgroups are mounted, cgroup v2 first.
func hierarchies(mounts string) (all []hierarchy) {
	v1 := map[string]string{}
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		switch {
		case len(f) < 4:
		case f[2] == "cgroup2" && len(all) == 0:
			all = append(all, hierarchy{mount: f[1]})
		case f[2] == "cgroup":
			for option := range strings.SplitSeq(f[3], ",") {
				if slices.Contains(preferred, option) && v1[option] == "" {
					v1[option] = f[1]
				}
			}
		}
	}
	for _, controller := range preferred {
		if mount := v1[controller]; mount != "" {
			all = append(all, hierarchy{mount, controller})
		}
	}
	return all
}

// chosenCgroups are directories of one hierarchy.
type chosenCgroups struct {
	hierarchy
	dirs []string
}

// most is how many cgroups the kernel side can tell apart.
func (c *chosenCgroups) most() int {
	if c.controller != "" {
		return 64
	}
	return 16
}

// chooseCgroups returns the directories of the cgroups to record: paths as in
// /proc/PID/cgroup or as directories, and containers by id, name or pod. All
// are of the first hierarchy that has them all.
func (p *procFS) chooseCgroups(paths, containers []string) (chosen chosenCgroups, err error) {
	if len(paths)+len(containers) == 0 {
		return chosen, nil
	}
	mounts, readErr := os.ReadFile(p.path("self", "mounts"))
	if readErr != nil {
		return chosen, fmt.Errorf("find the cgroups: %w", readErr)
	}
	all := hierarchies(string(mounts))
	if len(all) == 0 {
		return chosen, &SetupError{Err: fmt.Errorf("no cgroups are mounted in %s", p.path("self", "mounts")), Hint: "mount -t cgroup2 cgroup2 /sys/fs/cgroup", Usage: true}
	}
	known := p.runtimes.containers()
	for _, h := range all {
		c, tryErr := p.chooseIn(h, paths, containers, known)
		if tryErr == nil {
			return c, nil
		}
		if err == nil {
			err = tryErr // of cgroup v2, where there is such
		}
	}
	return chosen, err
}

func (p *procFS) chooseIn(h hierarchy, paths, containers []string, known []container) (chosenCgroups, error) {
	c := chosenCgroups{hierarchy: h}
	for _, path := range paths {
		dir := filepath.Join(h.mount, path)
		if strings.HasPrefix(path, h.mount+"/") {
			dir = path
		}
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return c, &SetupError{Err: fmt.Errorf("no cgroup %q below %s", path, h.mount), Hint: "give the path as in /proc/PID/cgroup, after the last colon", Usage: true}
		}
		c.dirs = append(c.dirs, dir)
	}
	for _, name := range containers {
		found := containerDirs(h.mount, name, known)
		if len(found) == 0 {
			return c, &SetupError{Err: fmt.Errorf("no running container %q", name), Hint: "give the id (docker ps) or its beginning, its name or its pod's, or the cgroup with --cgroup", Usage: true}
		}
		c.dirs = append(c.dirs, found...)
	}
	slices.Sort(c.dirs)
	c.dirs = slices.Compact(c.dirs)
	if len(c.dirs) > c.most() {
		return c, &SetupError{Err: fmt.Errorf("%d cgroups are more than the %d that one recording can tell apart", len(c.dirs), c.most()), Usage: true}
	}
	return c, nil
}

// containerDirs returns the cgroups below mount of the containers whose id
// begins with name, or whose name it is, or that of their pod.
func containerDirs(mount, name string, known []container) []string {
	ids, dirs := map[string]bool{}, []string{}
	for _, c := range known {
		if c.called(name) {
			ids[c.id] = true
			if dir := filepath.Join(mount, c.cgroup); c.cgroup != "" && isDir(dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	filepath.WalkDir(mount, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || path == mount {
			return nil
		}
		id := containerID.FindString(d.Name())
		if id != "" && (strings.HasPrefix(id, name) || ids[id]) || id == "" && containerOf(strings.TrimPrefix(path, mount)) == name {
			dirs = append(dirs, path)
			return fs.SkipDir // what is below belongs to it
		}
		return nil
	})
	return dirs
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
