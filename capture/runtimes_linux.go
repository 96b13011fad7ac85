package capture

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// container is what a runtime's files say of a container.
type container struct {
	id     string
	names  []string // its own, and that of its pod
	cgroup string   // its path in a hierarchy; "" where the file does not tell
}

func (c *container) called(name string) bool {
	return c.id == name || slices.Contains(c.names, name)
}

// runtimes reads the files in which container runtimes keep what they run.
// Asking the runtimes themselves would take their clients and their sockets.
type runtimes struct {
	root string // "" but in tests
}

// stateFiles are these files, and how they are read; * in a path stands for a name.
var stateFiles = []struct {
	path string
	read func(path string, data []byte) []container
}{
	{"/var/lib/docker/containers/*/config.v2.json", readDocker},
	{"/var/lib/containers/storage/overlay-containers/containers.json", readStorage}, // podman, CRI-O
	{"/home/*/.local/share/containers/storage/overlay-containers/containers.json", readStorage},
	{"/run/containerd/io.containerd.runtime.v2.task/*/*/config.json", readBundle}, // containerd: Kubernetes, nerdctl
	{"/run/containers/storage/overlay-containers/*/userdata/config.json", readUserdata},
	{"/run/runc/*/state.json", readRunc},
	{"/run/crun/*/status", readCrun},
}

// containers returns what the files tell. One that cannot be read tells nothing.
func (r runtimes) containers() (all []container) {
	for _, f := range stateFiles {
		paths, _ := filepath.Glob(r.root + f.path)
		for _, path := range paths {
			if data, err := os.ReadFile(path); err == nil {
				all = append(all, f.read(path, data)...)
			}
		}
	}
	return all
}

// parent returns the name of the n-th folder above a file.
func parent(path string, n int) string {
	for range n {
		path = filepath.Dir(path)
	}
	return filepath.Base(path)
}

func readDocker(_ string, data []byte) []container {
	var c struct{ ID, Name string }
	if json.Unmarshal(data, &c) != nil {
		return nil
	}
	return []container{{id: c.ID, names: []string{strings.TrimPrefix(c.Name, "/")}}}
}

func readStorage(_ string, data []byte) (all []container) {
	var list []struct {
		ID    string   `json:"id"`
		Names []string `json:"names"`
	}
	if json.Unmarshal(data, &list) != nil {
		return nil
	}
	for _, c := range list {
		all = append(all, container{id: c.ID, names: c.Names})
	}
	return all
}

// nameAnnotations are where the runtimes of Kubernetes and nerdctl write what a
// container and its pod are called.
var nameAnnotations = []string{
	"io.kubernetes.cri.container-name", "io.kubernetes.cri.sandbox-name", "nerdctl/name",
	"io.kubernetes.container.name", "io.kubernetes.pod.name",
}

// readConfig reads the config.json of an OCI bundle.
func readConfig(id string, data []byte) []container {
	var config struct {
		Annotations map[string]string `json:"annotations"`
	}
	if json.Unmarshal(data, &config) != nil {
		return nil
	}
	c := container{id: id}
	for _, key := range nameAnnotations {
		if name := config.Annotations[key]; name != "" {
			c.names = append(c.names, name)
		}
	}
	return []container{c}
}

func readBundle(path string, data []byte) []container { return readConfig(parent(path, 1), data) }

func readUserdata(path string, data []byte) []container { return readConfig(parent(path, 2), data) }

func readRunc(path string, data []byte) (all []container) {
	var state struct {
		ID    string            `json:"id"`
		Paths map[string]string `json:"cgroup_paths"` // by controller; "" is cgroup v2
	}
	if json.Unmarshal(data, &state) != nil {
		return nil
	}
	for controller, dir := range state.Paths {
		// The path in the hierarchy is what follows its mount point.
		mount := "/sys/fs/cgroup/" + controller
		if at, ok := strings.CutPrefix(dir, strings.TrimSuffix(mount, "/")+"/"); ok {
			all = append(all, container{id: state.ID, cgroup: at})
		}
	}
	return all
}

func readCrun(path string, data []byte) []container {
	var status struct {
		Path string `json:"cgroup-path"`
	}
	if json.Unmarshal(data, &status) != nil {
		return nil
	}
	return []container{{id: parent(path, 1), cgroup: status.Path}}
}
