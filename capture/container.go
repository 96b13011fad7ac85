package capture

import (
	"regexp"
	"strings"
)

// containerID matches what docker, containerd, cri-o and podman put into the
// name of a container's cgroup: 64 hex digits.
var containerID = regexp.MustCompile(`[0-9a-f]{64}`)

// containerOf names the container that a cgroup path belongs to: the first 12
// digits of a container id, the machine's name under lxc and systemd-nspawn,
// otherwise the cgroup's own name. Cgroups that are the host's everyday order
// (systemd's slices, services and sessions) are no container: "".
func containerOf(path string) string {
	if ids := containerID.FindAllString(path, -1); len(ids) > 0 {
		return ids[len(ids)-1][:12]
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, "lxc.payload."); ok {
			return name
		}
		if name, ok := strings.CutPrefix(part, "machine-"); ok && strings.HasSuffix(name, ".scope") {
			return strings.TrimSuffix(name, ".scope")
		}
		if part == "lxc" && i+1 < len(parts) {
			return parts[i+1]
		}
	}
	last := parts[len(parts)-1]
	for _, suffix := range []string{".slice", ".service", ".scope", ".socket", ".mount", ".swap"} {
		if strings.HasSuffix(last, suffix) {
			return ""
		}
	}
	return last
}
