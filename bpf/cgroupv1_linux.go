package bpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// ErrNoTypes says that the kernel does not describe its structures.
var ErrNoTypes = errors.New("the kernel has no BTF, which tells where it keeps cgroups")

// cgroupOffsets leads from a task to its cgroup in the hierarchy of a
// controller: the constants of constants.h.
func cgroupOffsets(controller string) (map[string]uint32, error) {
	types, err := kernelTypes()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoTypes, err)
	}
	if controller == "blkio" {
		controller = "io" // its old name (kernel/cgroup/cgroup.c: legacy_name)
	}
	number := uint32(0)
	var ids *btf.Enum
	if err := types.TypeByName("cgroup_subsys_id", &ids); err != nil {
		return nil, fmt.Errorf("find the cgroup controllers: %w", err)
	}
	found := false
	for _, v := range ids.Values {
		if v.Name == controller+"_cgrp_id" {
			number, found = uint32(v.Value), true
		}
	}
	if !found {
		return nil, fmt.Errorf("the kernel has no cgroup controller %q", controller)
	}
	at := map[string]uint32{}
	for _, c := range []struct{ constant, structure, member string }{
		{"offset_task_cgroups", "task_struct", "cgroups"},
		{"offset_set_state", "css_set", "subsys"},
		{"offset_state_cgroup", "cgroup_subsys_state", "cgroup"},
		{"offset_state_parent", "cgroup_subsys_state", "parent"},
		{"offset_cgroup_node", "cgroup", "kn"},
		{"offset_node_id", "kernfs_node", "id"},
	} {
		var s *btf.Struct
		if err := types.TypeByName(c.structure, &s); err != nil {
			return nil, fmt.Errorf("find struct %s: %w", c.structure, err)
		}
		offset, ok := memberOffset(s.Members, c.member)
		if !ok {
			return nil, fmt.Errorf("struct %s has no member %s", c.structure, c.member)
		}
		at[c.constant] = offset
	}
	at["offset_set_state"] += 8 * number
	return at, nil
}

// memberOffset looks into nameless structures and unions, too.
func memberOffset(members []btf.Member, name string) (uint32, bool) {
	for _, m := range members {
		if m.Name == name {
			return m.Offset.Bytes(), true
		}
		if m.Name != "" {
			continue
		}
		var inner []btf.Member
		switch t := btf.UnderlyingType(m.Type).(type) {
		case *btf.Struct:
			inner = t.Members
		case *btf.Union:
			inner = t.Members
		}
		if at, ok := memberOffset(inner, name); ok {
			return m.Offset.Bytes() + at, true
		}
	}
	return 0, false
}
