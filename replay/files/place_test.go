package files_test

import "testing"

// Where a path leads: through what may be a symbolic link nothing is taken
// away, out of a root nothing leads, and where the directory is not known no
// name is made up. Each step opens descriptor 3 anew.
func TestWhereNamesLead(t *testing.T) {
	const noFollow, tmpfile, cwd = 0x20000, 0o20200000, -100
	type step struct {
		call, told string
		ret        int64
		args       []int64
		want       string // the descriptor's name after
	}
	for name, steps := range map[string][]step{
		"up from what the kernel told": {
			{"openat", "1=../etc/hosts", 3, []int64{cwd, 1, 0}, "/etc/hosts"},
			{"openat", "1=../../../../etc/hosts", 3, []int64{cwd, 1, 0}, "/etc/hosts"},
			{"openat", "1=./me//x/.", 3, []int64{cwd, 1, 0}, "/home/me/x"},
		},
		"up from what may be a link": {
			{"openat", "1=link/../x", 3, []int64{cwd, 1, 0}, "/home/link/../x"},
			{"openat", "1=/srv/link/../x", 3, []int64{cwd, 1, 0}, "/srv/link/../x"},
			{"openat", "1=link", 4, []int64{cwd, 1, 0}, ""},
			{"openat", "1=../x", 3, []int64{4, 1, 0}, "/home/link/../x"},
			{"chdir", "0=link", 0, []int64{1}, ""},
			{"chdir", "0=..", 0, []int64{1}, ""},
			{"openat", "1=x", 3, []int64{cwd, 1, 0}, "/home/link/../x"},
		},
		"up from what was opened as no link": {
			{"openat", "1=dir", 4, []int64{cwd, 1, noFollow}, ""},
			{"openat", "1=../x", 3, []int64{4, 1, 0}, "/home/x"},
			{"openat", "1=dir/", 5, []int64{cwd, 1, noFollow}, ""},
			{"openat", "1=../x", 3, []int64{5, 1, 0}, "/home/dir/../x"},
			{"fchdir", "", 0, []int64{4}, ""},
			{"chdir", "0=..", 0, []int64{1}, ""},
			{"openat", "1=x", 3, []int64{cwd, 1, 0}, "/home/x"},
		},
		"below what was renamed": {
			{"chdir", "0=a/b", 0, []int64{1}, ""},
			{"openat", "1=/srv/k", 4, []int64{cwd, 1, noFollow}, ""},
			{"rename", "0=/home/a\n1=/home/z", 0, []int64{1, 2}, ""},
			{"openat", "1=x", 3, []int64{cwd, 1, 0}, "/home/z/b/x"},
			{"rename", "0=/srv/k\n1=/srv/c", -2, []int64{1, 2}, ""},
			{"openat", "1=x", 3, []int64{4, 1, 0}, "/srv/k/x"},
			{"renameat2", "1=/srv/c\n3=/srv/k", 0, []int64{cwd, 1, cwd, 2, 2}, ""},
			{"openat", "1=x", 3, []int64{4, 1, 0}, "/srv/c/x"},
			{"renameat", "1=c\n3=d", 0, []int64{9, 1, 9, 2}, ""}, // of a directory that is not known
			{"openat", "1=x", 3, []int64{4, 1, 0}, ""},
			{"openat", "1=x", 3, []int64{cwd, 1, 0}, "/home/z/b/x"},
			{"rename", "0=/home/z\n1=/home/y", 0, []int64{1, 2}, ""},
			{"openat", "1=x", 3, []int64{cwd, 1, 0}, "/home/y/b/x"},
		},
		"below what was exchanged": {
			{"openat", "1=/srv/g", 4, []int64{cwd, 1, noFollow}, ""},
			{"openat", "1=/srv/h", 5, []int64{cwd, 1, noFollow}, ""},
			{"renameat2", "1=/srv/g\n3=/srv/h", 0, []int64{cwd, 1, cwd, 2, 2}, ""},
			{"openat", "1=x", 3, []int64{4, 1, 0}, "/srv/h/x"},
			{"openat", "1=x", 3, []int64{5, 1, 0}, "/srv/g/x"},
			{"openat", "1=x", 3, []int64{4, 1, 0}, "/srv/h/x"},
			{"renameat2", "1=/srv/h\n3=/srv/g", 0, []int64{cwd, 1, cwd, 2, 2}, ""},
			{"openat", "1=x", 3, []int64{4, 1, 0}, "/srv/g/x"},
		},
		"what has no place": {
			{"open_tree", "1=/srv", 3, []int64{cwd, 1, 0}, "/srv"},
			{"open_tree", "1=/srv", 4, []int64{cwd, 1, 1}, ""},
			{"openat", "1=x", 3, []int64{4, 1, 0}, ""},
			{"fsmount", "", 3, []int64{4, 0, 0}, ""},
			{"pidfd_getfd", "", 3, []int64{4, 5, 0}, ""},
			{"open_by_handle_at", "", 3, []int64{cwd, 1, 0}, ""},
			{"ioctl", "", 3, []int64{4, 0x5441, 2}, ""}, // TIOCGPTPEER
		},
		"a name of memory": {
			{"memfd_create", "0=mine", 3, []int64{1, 0}, "/memfd:mine"},
			{"memfd_create", "", 3, []int64{1, 0}, "memfd"},
			{"mq_open", "0=queue", 3, []int64{1, 0}, "mqueue:/queue"},
		},
		"a root": {
			{"chroot", "0=jail", 0, []int64{1}, ""},
			{"openat", "1=/../../sub/x", 3, []int64{cwd, 1, 0}, "/home/jail/sub/x"},
			{"chdir", "0=/", 0, []int64{1}, ""},
			{"chdir", "0=..", 0, []int64{1}, ""},
			{"openat", "1=../x", 3, []int64{cwd, 1, 0}, "/home/jail/x"},
		},
		"a root that is not known": {
			{"pivot_root", "0=a\n1=b", 0, []int64{1, 2}, ""},
			{"openat", "1=/x", 3, []int64{cwd, 1, 0}, ""},
			{"chroot", "0=real", 0, []int64{1}, ""},
			{"openat", "1=/x", 3, []int64{cwd, 1, 0}, ""},
		},
		"the root of one call": {
			{"openat", "1=/srv", 4, []int64{cwd, 1, 0}, ""},
			{"openat2", "1=/x", 3, []int64{4, 1, 2, 24}, ""},
			{"openat2", "1=../x", 3, []int64{4, 1, 2, 24}, ""},
			{"openat2", "1=x", 3, []int64{4, 1, 2, 24}, "/srv/x"},
			{"openat2", "1=/x\n2={0x80000, 0x0, 0x10}", 3, []int64{4, 1, 2, 24}, "/srv/x"},
			{"openat2", "1=../../y/../x\n2={0x0, 0x0, 0x10}", 3, []int64{4, 1, 2, 24}, "/srv/y/../x"},
			{"openat2", "1=/etc/../x\n2={0x0, 0x0, 0x8}", 3, []int64{4, 1, 2, 24}, "/etc/../x"},
		},
		"a directory that is not known": {
			{"openat", "1=x", 3, []int64{9, 1, 0}, ""},
			{"openat", "1=/srv", 4, []int64{cwd, 1, 0}, ""},
			{"openat", "1=x", 3, []int64{4, 1, 0}, "/srv/x"},
		},
		"a file without a name": {
			{"openat", "1=/srv", 3, []int64{cwd, 1, tmpfile}, "/srv/(O_TMPFILE)"},
		},
		"another mask for the same signalfd": {
			{"openat", "1=/etc/hosts", 3, []int64{cwd, 1, 0}, "/etc/hosts"},
			{"signalfd4", "", 5, []int64{-1, 1, 8, 0}, "/etc/hosts"},
			{"signalfd4", "", 5, []int64{5, 1, 8, 0}, "/etc/hosts"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, 1)
			for _, s := range steps {
				_, ended := m.call(10, s.call, s.told, s.ret, s.args...)
				got := ""
				if f := asked(m, 10, 3); f != nil {
					got = f.Name
				}
				if got != s.want {
					t.Errorf("after %s(%q) = %d, about %q, 3 is %q, want %q", s.call, s.told, s.ret, ended.Path(), got, s.want)
				}
				if s.call != "signalfd4" && s.ret == 3 && name != "another mask for the same signalfd" {
					m.call(10, "close", "", 0, 3)
				}
			}
		})
	}
}
