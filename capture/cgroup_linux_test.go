package capture

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestHierarchies(t *testing.T) {
	for name, c := range map[string]struct {
		mounts string
		want   []hierarchy
	}{
		"cgroup v2 only": {"cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n", []hierarchy{{"/sys/fs/cgroup", ""}}},
		"cgroup v1, some together": {`tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0
`, []hierarchy{{"/sys/fs/cgroup/pids", "pids"}, {"/sys/fs/cgroup/cpu,cpuacct", "cpu"}}},
		"both": {`cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
`, []hierarchy{{"/sys/fs/cgroup/unified", ""}, {"/sys/fs/cgroup/memory", "memory"}}},
		"none": {"proc /proc proc rw 0 0\n", nil},
	} {
		if got := hierarchies(c.mounts); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// Containers are found by id, its beginning, name and pod, by what each
// runtime leaves in its files and in the cgroups.
func TestContainersByName(t *testing.T) {
	id := func(c string) string { return strings.Repeat(c, 64) }
	root := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("/var/lib/docker/containers/"+id("a")+"/config.v2.json", `{"ID":"`+id("a")+`","Name":"/web","State":{"Running":true}}`)
	write("/var/lib/containers/storage/overlay-containers/containers.json", `[{"id":"`+id("b")+`","names":["db","db-alias"],"created":"2026-01-01"}]`)
	write("/run/containerd/io.containerd.runtime.v2.task/k8s.io/"+id("c")+"/config.json", `{"ociVersion":"1.1.0","annotations":{"io.kubernetes.cri.container-name":"app","io.kubernetes.cri.sandbox-name":"shop-7d9f"}}`)
	write("/run/containers/storage/overlay-containers/"+id("d")+"/userdata/config.json", `{"annotations":{"io.kubernetes.container.name":"side","io.kubernetes.pod.name":"shop-7d9f"}}`)
	write("/run/runc/box/state.json", `{"id":"box","cgroup_paths":{"pids":"/sys/fs/cgroup/pids/tests/box","":"/sys/fs/cgroup/tests/box"}}`)
	write("/run/crun/cell/status", `{"pid":7,"cgroup-path":"/user.slice/libpod-cell"}`)
	write("/var/lib/docker/containers/broken/config.v2.json", `{"ID":`)
	mount := filepath.Join(root, "cgroup")
	for _, dir := range []string{
		"docker/" + id("a"),
		"machine.slice/libpod-" + id("b") + ".scope/container", "kubepods.slice/pod1/cri-containerd-" + id("c") + ".scope",
		"kubepods.slice/pod1/crio-" + id("d") + ".scope", "tests/box/below", "user.slice/libpod-cell", "lxc.payload.old",
	} {
		if err := os.MkdirAll(filepath.Join(mount, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	known := runtimes{root}.containers()
	for name, want := range map[string][]string{
		"web": {"docker/" + id("a")}, "aaaa": {"docker/" + id("a")}, id("b"): {"machine.slice/libpod-" + id("b") + ".scope"},
		"db": {"machine.slice/libpod-" + id("b") + ".scope"}, "db-alias": {"machine.slice/libpod-" + id("b") + ".scope"},
		"app": {"kubepods.slice/pod1/cri-containerd-" + id("c") + ".scope"}, "shop-7d9f": {"kubepods.slice/pod1/cri-containerd-" + id("c") + ".scope", "kubepods.slice/pod1/crio-" + id("d") + ".scope"},
		"box": {"tests/box"}, "cell": {"user.slice/libpod-cell"}, "old": {"lxc.payload.old"}, "we": nil, "nothing": nil,
	} {
		var got []string
		for _, dir := range containerDirs(mount, name, known) {
			got = append(got, strings.TrimPrefix(dir, mount+"/"))
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestDescendantsOf(t *testing.T) {
	dir := t.TempDir()
	for pid, stat := range map[string]string{"10": "10 (a) S 1 10", "11": "11 (b) x) S 10 10", "12": "12 (c (d) 1) R 11 10", "13": "13 (e) S 1 13", "self": ""} {
		if err := os.MkdirAll(filepath.Join(dir, pid), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, pid, "stat"), []byte(stat), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &procFS{proc: dir}
	if got := p.descendants([]int32{10}); !slices.Equal(got, []int32{11, 12}) {
		t.Errorf("got %v", got)
	}
	if got := p.descendants([]int32{13, 11}); !slices.Equal(got, []int32{12}) {
		t.Errorf("got %v", got)
	}
}
