package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What strace -y and -yy tell of descriptors is what every command shows and
// finds of them.
func TestImportedNames(t *testing.T) {
	const text = `200 openat(AT_FDCWD</srv/www>, "link/out", O_WRONLY|O_CREAT|O_CLOEXEC, 0666) = 3</mnt/out>
200 read(0</dev/null<char 1:3>>, "", 4096) = 0
200 write(3</mnt/out>, "x", 1)        = 1
200 close(4</srv/gone>(deleted))      = 0
200 dup2(5</srv/a\76b>, 1</dev/pts/0<char 136:0>>) = 1</srv/a\76b>
200 write(1</srv/a\76b>, "x", 1)      = 1
200 sendto(6<TCP:[127.0.0.1:80->192.0.2.1:4000]>, "x", 1, 0, NULL, 0) = 1
200 write(3</mnt/out2>, "x", 1)       = 1
`
	dir := t.TempDir()
	log, capture := filepath.Join(dir, "log"), filepath.Join(dir, "c.parquet")
	if err := os.WriteFile(log, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	answer(t, []string{"import", "--from", "strace", "-o", capture, log})
	for _, c := range []struct{ ask, want string }{
		{"replay -y --speed max --columns call,result", `
openat(AT_FDCWD</srv/www>, "link/out", O_WRONLY|O_CREAT|O_CLOEXEC, 0666) = 3</mnt/out>
read(0</dev/null>, ?, 4096) = 0
write(3</mnt/out>, ?, 1) = 1
close(4</srv/gone (deleted)>) = 0
dup2(5</srv/a\x3eb>, 1</dev/pts/0>) = 1</srv/a\x3eb>
write(1</srv/a\x3eb>, ?, 1) = 1
sendto(6<TCP:[127.0.0.1:80->192.0.2.1:4000]>, ?, 1, 0, NULL, 0) = 1
write(3</mnt/out2>, ?, 1) = 1`},
		{"replay --speed max --columns call --path /srv/a>b", "\ndup2(5, 1)\nwrite(1, ?, 1)"},
		{"replay --speed max --columns call --fd-type socket", "\nsendto(6, ?, 1, 0, NULL, 0)"},
	} {
		got := ""
		for line := range strings.Lines(answer(t, append(strings.Fields(c.ask), capture))) {
			if !strings.HasPrefix(line, "systape:") && !strings.HasPrefix(line, "stderr:") && !strings.HasPrefix(line, "coverage:") {
				got += "\n" + strings.Join(strings.Fields(line), " ")
			}
		}
		if got != c.want {
			t.Errorf("%s\n%s\nwant\n%s", c.ask, got, c.want)
		}
	}
	answer(t, []string{"pair", "-o", filepath.Join(dir, "calls.csv"), capture})
	table, err := readCSV(filepath.Join(dir, "calls.csv"))
	if err != nil {
		t.Fatal(err)
	}
	fd, path := slices.Index(table[0], "fd_path"), slices.Index(table[0], "path")
	var got []string
	for _, row := range table[1:] {
		got = append(got, row[fd]+","+row[path])
	}
	want := []string{",/srv/www/link/out", "/dev/null,", "/mnt/out,", "/srv/gone (deleted),", "/srv/a>b,", "/srv/a>b,", "TCP:[127.0.0.1:80->192.0.2.1:4000],", "/mnt/out2,"}
	if !slices.Equal(got, want) {
		t.Errorf("fd_path and path: %q, want %q", got, want)
	}
}

func readCSV(name string) ([][]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return csv.NewReader(f).ReadAll()
}
