package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"

	"systape/capture"
)

// recordUser finds the user that a command is to run as, by name or number, and
// the groups.
func recordUser(name string) (*capture.User, error) {
	if name == "" {
		return nil, nil
	}
	if os.Geteuid() != 0 {
		return nil, &exitError{err: fmt.Errorf("-u %s: only root can run a command as another user", name), hint: "run it with sudo, or leave out -u"}
	}
	u, err := user.Lookup(name)
	if err != nil {
		if byID, errID := user.LookupId(name); errID == nil {
			u, err = byID, nil
		}
	}
	if err != nil {
		return nil, &exitError{err: fmt.Errorf("-u: no user %q", name), hint: "getent passwd lists the users"}
	}
	number := func(text string) uint32 {
		n, parseErr := strconv.ParseUint(text, 10, 32)
		err = errors.Join(err, parseErr)
		return uint32(n)
	}
	is := &capture.User{UID: number(u.Uid), GID: number(u.Gid)}
	groups, groupsErr := u.GroupIds()
	for _, g := range groups {
		is.Groups = append(is.Groups, number(g))
	}
	if err = errors.Join(err, groupsErr); err != nil {
		return nil, fmt.Errorf("-u %s: %w", name, err)
	}
	return is, nil
}
